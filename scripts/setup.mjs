// Makes a fresh clone ready: installs what package-lock.json names, and builds. Does nothing where both are done already.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

const run = (args) => {
  const { status } = spawnSync('npm', args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(status ?? 1)
}
const newest = (path) =>
  statSync(path).isDirectory()
    ? Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
    : statSync(path).mtimeMs

const installed = 'node_modules/.package-lock.json'
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync('package-lock.json').mtimeMs)
  run(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
const built = 'dist/index.js'
if (!existsSync(built) || statSync(built).mtimeMs < Math.max(newest('src'), statSync('tsconfig.build.json').mtimeMs))
  run(['run', '--silent', 'build'])
