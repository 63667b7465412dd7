/** The command line in a process of its own, and checkpoints for it. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const main = join(root, 'src/cli/main.ts')

/** What a process said, and how it ended: with an exit code, or by a signal. */
export type Outcome = { readonly code: number | string | null; readonly stdout: string; readonly stderr: string }

/** Starts `diffold …` in a folder, on WebAssembly, without a network. */
export const start = (
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcessWithoutNullStreams =>
  spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...args], {
    cwd,
    env: { ...process.env, DIFFOLD_BACKEND: 'wasm', HF_HUB_OFFLINE: '1', NODE_OPTIONS: '', ...env },
  })

/** How a process ends, and all that it says. */
export const outcome = (child: ChildProcessWithoutNullStreams): Promise<Outcome> =>
  new Promise((done, failed) => {
    const said = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()))
    child.on('error', failed)
    child.on('close', (code, signal) => done({ code: code ?? signal, ...said }))
  })

/** `diffold …`, to its end. */
export const diffold = (
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> => outcome(start(cwd, args, env))

/** Expects exit code 1 and one line on stderr, with nothing of JavaScript in it, that names what is wrong. */
export const expectComplaint = ({ code, stdout, stderr }: Outcome, ...names: readonly string[]): void => {
  expect(stderr).toMatch(/^diffold: [^\n]+\n$/)
  for (const name of names) expect(stderr).toContain(name)
  expect(stderr).not.toMatch(/node:internal|\.[tj]s:\d+|\bat \S+ \(|undefined|\[object/)
  expect([code, stdout]).toEqual([1, ''])
}

/** A folder of its own. */
export const workFolder = (): Promise<string> => fs.mkdtemp(join(tmpdir(), 'diffold-cli-'))

/** Writes a file, and the folders on the way. */
export const put = async (file: string, content: string | Uint8Array): Promise<void> => {
  await fs.mkdir(dirname(file), { recursive: true })
  await fs.writeFile(file, content)
}

const recorded = join(root, 'spec/reference/data/models/unet2d_ddpm')

/** A small pipeline on disk; `changes` are contents instead of its own, or `undefined` for a file that is not there. */
export const checkpoint = async (
  folder: string,
  changes: Readonly<Record<string, string | Uint8Array | undefined>> = {},
): Promise<string> => {
  const weights = 'diffusion_pytorch_model.safetensors'
  const contents: Record<string, string | Uint8Array | undefined> = {
    'model_index.json': JSON.stringify({
      _class_name: 'DDPMPipeline',
      unet: ['diffusers', 'UNet2DModel'],
      scheduler: ['diffusers', 'DDPMScheduler'],
    }),
    'scheduler/scheduler_config.json': JSON.stringify({ _class_name: 'DDPMScheduler', num_train_timesteps: 1000 }),
    'unet/config.json': await fs.readFile(join(recorded, 'config.json')),
    [`unet/${weights}`]: await fs.readFile(join(recorded, weights)),
    ...changes,
  }
  for (const [path, content] of Object.entries(contents))
    if (content !== undefined) await put(join(folder, path), content)
  return folder
}
