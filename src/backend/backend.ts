/** Where programs run. */
import type { Storage } from '../core/dtype.ts'
import type { DType } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import type { Graph } from '../graph/node.ts'

/** The backends by name: programs compiled for WebGPU and for WebAssembly, the evaluator, and TensorFlow.js op by op. */
export const backendNames = ['webgpu', 'tfjs-webgpu', 'simd', 'wasm', 'cpu', 'host'] as const
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

/** A device and its compiler. */
export interface Backend {
  readonly name: BackendName
  /** What it is, in words, with the adapter where there is one. */
  readonly description: string
  readonly prepare: (graph: Graph) => Executable
  readonly memory: () => Memory
}
