/** Who is measured. */
import type { Workload } from './workloads/catalogue.ts'
import { emoji, full, grid, quarter, wordsOf } from './workloads/pictures.ts'
import { linksOf, numbersOf } from './workloads/kernels.ts'
import { browserSession } from './browser/session.ts'
import { checkpointIn } from './files.ts'
import { versionOf } from './install.ts'
import type { Asked } from './peers/protocol.ts'
import { nodeSession, pythonSession, type Session } from './session.ts'
import type { Extent } from './workloads/work.ts'

/** Which machine a peer uses: the processor with one thread or two, the WebGPU of Node, that of a browser. Ratios are within a group. */
export type Group = 'cpu1' | 'cpu2' | 'gpu' | 'browser'

/** How the whole run is set up. */
export type Settings = {
  readonly cache: string
  readonly python: string | undefined
  readonly env: NodeJS.ProcessEnv
}

/** A peer. */
export type Runner = {
  readonly id: string
  readonly group: Group
  readonly threads: number
  /** Is it ours? The others' ratios are to it. */
  readonly ours: boolean
  /** Why it cannot do a workload, if it cannot. */
  readonly cannot: (workload: Workload) => string | undefined
  readonly start: (workload: Workload, extent: Extent, settings: Settings) => Promise<Session>
}

const always = (): undefined => undefined
const kernelsOnly = ({ kernel }: Workload): string | undefined =>
  kernel === undefined ? 'has no models of ours, kernels alone' : undefined

const versionFor = (runtime: Asked['runtime'], backend: string): string =>
  ({ diffold: () => '', onnxruntime: () => versionOf(backend.split('/')[0]!), jax: () => versionOf('@jax-js/jax') })[
    runtime
  ]()

const node = (
  id: string,
  group: Group,
  runtime: Asked['runtime'],
  backend: string,
  threads: number,
  cannot: Runner['cannot'] = always,
): Runner => ({
  id,
  group,
  threads,
  ours: runtime === 'diffold' && !backend.startsWith('tfjs'),
  cannot,
  start: (workload, extent, { cache, env }) =>
    Promise.resolve(
      nodeSession(
        { ...extent, runtime, backend, threads, workload: workload.id, cache, version: versionFor(runtime, backend) },
        { ...env, DIFFOLD_THREADS: `${threads}` },
      ),
    ),
})

const page = (id: string, runtime: Asked['runtime'], backend: string, cannot: Runner['cannot'] = always): Runner => ({
  id,
  group: 'browser',
  threads: 1,
  ours: runtime === 'diffold' && !backend.startsWith('tfjs'),
  cannot,
  start: (workload, extent, { cache }) =>
    browserSession({
      ...extent,
      runtime,
      backend,
      threads: 1,
      workload: workload.id,
      cache,
      version: versionFor(runtime, backend),
    }),
})

/** What Python is told of a workload. */
const toldPython = ({ id, kernel }: Workload, { steps, chained }: Extent, cache: string, threads: number): object => {
  const told = { cache, threads, steps, grid }
  if (kernel !== undefined) {
    const links = linksOf(kernel, chained)
    return { ...told, kind: 'K', family: kernel.family, links, numbers: numbersOf(kernel) }
  }
  if (id === 'W1') return { ...told, kind: id, checkpoint: checkpointIn(cache, 'ddpm-emoji-cat-64') }
  const size = { W2: emoji, W3: quarter, W4: full }[id]!
  const checkpoint = checkpointIn(cache, size.checkpoint)
  return { ...told, kind: id, checkpoint, words: wordsOf(size), latents: size.latents }
}

const torch = (group: Group, threads: number): Runner => ({
  id: 'diffusers',
  group,
  threads,
  ours: false,
  cannot: always,
  start: (workload, extent, { python, cache, env }) =>
    python === undefined
      ? Promise.reject(new Error('no --python PATH of a Python with torch and diffusers'))
      : Promise.resolve(pythonSession(python, toldPython(workload, extent, cache, threads), env)),
})

const onProcessor = ([group, threads]: readonly [Group, number]): readonly Runner[] => [
  node('wasm', group, 'diffold', 'wasm', threads),
  ...(threads === 1
    ? [node('tfjs-wasm', group, 'diffold', 'tfjs-wasm', 1), node('jax-js wasm', group, 'jax', 'jax', 1, kernelsOnly)]
    : []),
  node('onnxruntime-web', group, 'onnxruntime', 'onnxruntime-web', threads),
  node('onnxruntime-node', group, 'onnxruntime', 'onnxruntime-node', threads),
  torch(group, threads),
]

/** All of them. */
export const runners: readonly Runner[] = [
  ...(
    [
      ['cpu1', 1],
      ['cpu2', 2],
    ] as const
  ).flatMap(onProcessor),
  node('webgpu', 'gpu', 'diffold', 'webgpu', 1),
  node('tfjs-webgpu', 'gpu', 'diffold', 'tfjs-webgpu', 1),
  page('webgpu', 'diffold', 'webgpu'),
  page('tfjs-webgpu', 'diffold', 'tfjs-webgpu'),
  page('jax-js webgpu', 'jax', 'webgpu', kernelsOnly),
  page('onnxruntime-web webgpu', 'onnxruntime', 'onnxruntime-web/webgpu'),
]

/** A peer's name among all groups: `wasm/2`, `webgpu/browser`. */
export const nameOf = ({ id, group, threads }: Runner): string => `${id}/${group.startsWith('cpu') ? threads : group}`
