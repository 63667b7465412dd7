/** The workloads by name. */
import { kernels, kernelWork, type Kernel } from './kernels.ts'
import { emoji, full, guidedWork, quarter, unconditionalWork } from './pictures.ts'
import type { Extent, Store, Work } from './work.ts'

/** A workload: its name, what it is, how to make it. */
export type Workload = {
  readonly id: string
  readonly title: string
  /** The kernel that it is, if it is one. */
  readonly kernel?: Kernel
  readonly make: (store: Store, extent: Extent) => Promise<Work>
  /** Steps of a fold that are enough to tell its time and its result; on a GPU, which may be software, fewer. */
  readonly steps: number
  readonly stepsOnGpu: number
}

const pictures: readonly Workload[] = [
  { id: 'W1', title: 'ddpm-emoji-cat-64, a step', make: unconditionalWork, steps: 6, stepsOnGpu: 2 },
  { id: 'W2', title: 'sd-emoji-64, a guided step', make: (s, e) => guidedWork(emoji, s, e), steps: 6, stepsOnGpu: 2 },
  {
    id: 'W3',
    title: 'SD 1.5 at a quarter of its widths, a guided step',
    make: (s, e) => guidedWork(quarter, s, e),
    steps: 2,
    stepsOnGpu: 1,
  },
  {
    id: 'W4',
    title: 'SD 1.5, f16 weights, a guided step',
    make: (s, e) => guidedWork(full, s, e),
    steps: 1,
    stepsOnGpu: 1,
  },
]

/** All of them; W4 only on request. */
export const workloads: readonly Workload[] = [
  ...pictures,
  ...kernels.map((kernel): Workload => ({
    id: `K.${kernel.id}`,
    title: kernel.title,
    kernel,
    make: (store, extent) => kernelWork(kernel, store, extent),
    steps: 1,
    stepsOnGpu: 1,
  })),
]

/** The workloads that a list of names asks for; `K` is every kernel, `K.conv` those that begin so. */
export const chosen = (names: string | undefined): readonly Workload[] => {
  if (names === undefined) return workloads.filter((w) => w.id !== 'W4')
  return names.split(',').flatMap((name) => {
    const found = workloads.filter((w) => w.id === name || (name.startsWith('K') && w.id.startsWith(name)))
    if (found.length === 0)
      throw new RangeError(`--workloads ${name}: there are ${workloads.map((w) => w.id).join(', ')} and K`)
    return found
  })
}
