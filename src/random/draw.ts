/** What a generator is. */
import type { Shape } from '../core/shape.ts'

/** The element types that floats are drawn in. 16-bit draws come back as float32 numbers, rounded to the type. */
export type DrawType = 'f32' | 'f64' | 'f16' | 'bf16'

/** How values are drawn. */
export type RandomOptions = {
  readonly dtype?: DrawType
  /** A tensor that is not contiguous in torch is filled value by value, whatever its size. */
  readonly contiguous?: boolean
}

/** A stream of random numbers in some position. Drawing moves it; `clone` first to keep the position. */
export interface Generator {
  /** Standard normals, as `torch.randn`. */
  readonly randn: (shape: Shape, options?: RandomOptions) => Float32Array | Float64Array
  /** Uniforms in [0, 1), as `torch.rand`. */
  readonly rand: (shape: Shape, options?: RandomOptions) => Float32Array | Float64Array
  /** Integers from `low` up to but not including `high`, as `torch.randint`. */
  readonly randint: (low: number | bigint, high: number | bigint, shape: Shape) => BigInt64Array
  /** A permutation of 0 … n − 1, as `torch.randperm`. */
  readonly randperm: (n: number) => BigInt64Array
  /** Another generator in the same position. */
  readonly clone: () => Generator
}
