/** The peers' packages, which only the benchmark installs. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Installs them beside the benchmark where they are not; their install scripts, which download more, are not run. */
export const installPeers = (say: (text: string) => void): void => {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  if (existsSync(`${folder}node_modules/onnxruntime-node`)) return
  say('installs the peers into bench/node_modules')
  const { status, stderr } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder })
  if (status !== 0) say(`npm ci failed, and peers will be missing: ${stderr.toString().trim().split('\n').at(-1)}`)
}
