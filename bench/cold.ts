/** The whole picture from a cold process: what somebody waits for who types a command. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Settings } from './runners.ts'

/** Seconds from the start of a process to its end, with the 25-step picture of W1 in a file; the least of a few. */
export type Cold = { readonly peer: string; readonly threads: number; readonly seconds: number | string }

const root = fileURLToPath(new URL('..', import.meta.url))
const runs = 3

/** Python, doing the same: import, load, draw, write. */
const script = `
import sys, torch
torch.set_num_threads(int(sys.argv[3]))
from diffusers import DDPMPipeline
pipeline = DDPMPipeline.from_pretrained(sys.argv[1])
pipeline.set_progress_bar_config(disable=True)
pipeline(generator=torch.Generator().manual_seed(0), num_inference_steps=25).images[0].save(sys.argv[2])
`

const least = (command: string, args: readonly string[], env: NodeJS.ProcessEnv): number | string => {
  let best = Infinity
  for (let i = 0; i < runs; i++) {
    const from = performance.now()
    const { status, stderr, error } = spawnSync(command, args, { cwd: root, env: { ...process.env, ...env } })
    if (status !== 0) return error?.message ?? /.*Error.*/.exec(stderr.toString())?.[0] ?? `exit code ${status}`
    best = Math.min(best, (performance.now() - from) / 1000)
  }
  return best
}

/** Ours as the package has it, compiled first, and Python's. */
export const coldStarts = (
  { python, env }: Settings,
  threads: readonly number[],
  say: (text: string) => void,
): readonly Cold[] => {
  say('cold: builds the package')
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root })
  if (status !== 0) throw new Error('npm run build failed')
  const folder = mkdtempSync(join(tmpdir(), 'diffold-cold-'))
  const checkpoint = join(root, 'models/ddpm-emoji-cat-64')
  try {
    return threads.flatMap((count): Cold[] => {
      say(`cold: ${count} thread(s)`)
      const draw = ['dist/cli/main.js', 'draw', checkpoint, '--steps', '25', '--seed', '0', '--backend', 'wasm']
      const own = [...draw, '-o', join(folder, 'own.png')]
      const ours = least(process.execPath, own, { ...env, DIFFOLD_THREADS: `${count}` })
      const told: Cold[] = [{ peer: 'diffold wasm', threads: count, seconds: ours }]
      if (python !== undefined)
        told.push({
          peer: 'diffusers',
          threads: count,
          seconds: least(python, ['-c', script, checkpoint, join(folder, 'python.png'), `${count}`], {}),
        })
      return told
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
