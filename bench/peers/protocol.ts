/** What the benchmark asks of a peer. */
import type { Extent } from '../workloads/work.ts'

/** Which peer to be, with which workload. */
export type Asked = Extent & {
  readonly runtime: 'diffold' | 'onnxruntime' | 'jax'
  /** A backend of ours, or the package of onnxruntime. */
  readonly backend: string
  readonly threads: number
  readonly workload: string
  readonly cache: string
  /** That of the package, where it is another's. */
  readonly version: string
}

/** One at a time, each answered by `{ value }` or `{ error }`. */
export type Question =
  { readonly do: 'prepare' | 'repeat' | 'facts' | 'roof' } | { readonly do: 'result'; readonly path: string }

/** An answer. */
export type Answer = { readonly value?: unknown; readonly error?: string }
