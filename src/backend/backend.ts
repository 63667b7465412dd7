/** Where programs run. */
import type { Storage } from '../core/dtype.ts'
import type { DType } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import type { Graph } from '../graph/node.ts'
import type { Compilation } from './compilation.ts'
import type { TuneOptions } from './tuning.ts'

/** The backends by name: programs compiled for WebGPU and to WebAssembly, the evaluator, and as peers to compare with TensorFlow.js op by op. */
export const backendNames = ['webgpu', 'wasm', 'host', 'tfjs-webgpu', 'tfjs-wasm', 'tfjs-cpu'] as const
/** The name of a backend. */
export type BackendName = (typeof backendNames)[number]

/** A value on a device. */
export interface DeviceValue {
  readonly read: () => Promise<Storage>
  /** Resolves when it has been computed, where that is later than it is given. */
  readonly settled?: () => Promise<void>
  readonly dispose: () => void
}

/** A value as a program is given it: on this backend already, or on the host with its type. */
export type Operand = DeviceValue | { readonly data: Storage; readonly shape: Shape; readonly dtype: DType }

/** How long a kernel took: `kernel` is its kind, `label` the nodes that it computes. */
export type KernelTime = { readonly kernel: string; readonly label: string; readonly ms: number }

/** A graph made ready for a device. */
export interface Executable {
  /** Runs the program; the results belong to the caller. One run at a time. */
  readonly run: (inputs: readonly Operand[]) => Promise<readonly DeviceValue[]>
  /** The program as text: what runs, in order, and what is freed when. */
  readonly listing: string
  /** The code of its kernels, where that is text; each distinct one once. */
  readonly code?: string
  /** Runs the program kernel by kernel, with a clock on each. */
  readonly profile?: (inputs: readonly Operand[]) => Promise<readonly KernelTime[]>
  /** Frees what the program keeps between runs. */
  readonly dispose: () => void
}

/** Memory held on a device. */
export type Memory = { readonly values: number; readonly bytes: number }

/** What is asked of a program. */
export type ProgramOptions = {
  /**
   * No algorithm whose rounding errors are larger than those of the definition: convolutions are computed as they are defined, not by
   * Winograd's algorithm. Slower; docs/guide.md says what it is worth.
   */
  readonly exact?: boolean
  /**
   * On WebGPU: are the ways to compute each kernel measured on the adapter before the first run, and the fastest remembered? Results differ only
   * as roundings do. Off unless `useTuning` or `DIFFOLD_TUNE` says otherwise.
   */
  readonly tune?: boolean | TuneOptions
}

/** A device and its compiler. */
export interface Backend {
  readonly name: BackendName
  /** What it is, in words, with the adapter where there is one. */
  readonly description: string
  readonly prepare: (graph: Graph, options?: ProgramOptions) => Executable
  /** All that becomes of a graph before it is on the device, where programs are compiled; nothing is kept of it. */
  readonly compilation?: (graph: Graph, options?: ProgramOptions) => Compilation
  readonly memory: () => Memory
}
