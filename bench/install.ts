/** The peers' packages, which only the benchmark installs. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Installs them beside the benchmark where they are not; their install scripts, which download more, are not run. */
export const installPeers = (say: (text: string) => void): void => {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  if (existsSync(`${folder}node_modules/onnxruntime-node`)) return
  say('installs the peers into bench/node_modules')
  const { status, stderr } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder })
  if (status !== 0) say(`npm ci failed, and peers will be missing: ${stderr.toString().trim().split('\n').at(-1)}`)
}

/** The version of a peer that is installed. */
export const versionOf = (name: string): string => {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version : ''
}
