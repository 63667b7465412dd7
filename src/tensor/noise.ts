/** Fresh noise as a value: an immutable stream of tensors. */
import type { Shape } from '../core/shape.ts'
import { ProgramError } from '../errors.ts'
import { generatorOf, type Seed } from '../random/generator.ts'
import { concat, fromStorage, zeros, type Tensor } from './tensor.ts'

/**
 * A stream of standard normal tensors of one shape: `head` is the next one, `next` the stream after it. It is a leaf of a tree of
 * tensors, so a state that holds one can be compiled: the program reads as many heads as it takes and gives back the rest.
 */
export class Noise {
  /** The shape of every tensor in the stream. */
  readonly shape: Shape
  /** The stream from here on; asked at most once for its tensor and at most once for its rest. */
  readonly #draw: () => Tensor
  readonly #rest: () => Noise
  #head: Tensor | undefined
  #next: Noise | undefined
  constructor(shape: Shape, draw: () => Tensor, rest: () => Noise) {
    this.shape = shape
    this.#draw = draw
    this.#rest = rest
  }
  /** The next tensor. Throws `ProgramError` where the stream has ended. */
  get head(): Tensor {
    return (this.#head ??= this.#draw())
  }
  /** The stream after `head`. */
  get next(): Noise {
    return (this.#next ??= this.#rest())
  }
}

/**
 * Standard normals of a shape, draw after draw, exactly those of consecutive `torch.randn(shape, generator=…)` calls. With several
 * seeds each sample of the batch is drawn from its own generator with shape [1, …], as diffusers' `randn_tensor` does with a list.
 * The first draws may have shapes of their own; where they are of fewer samples, the first generators alone draw them.
 */
export const noise = (seed: Seed | readonly Seed[], shape: Shape, first: readonly Shape[] = []): Noise => {
  const seeds = Array.isArray(seed) ? (seed as readonly Seed[]) : [seed as Seed]
  const alone = !Array.isArray(seed)
  const fits = shape[0] === seeds.length && first.every((s) => s[0]! <= seeds.length)
  if (!alone && !fits) throw new ProgramError(`noise: ${seeds.length} seeds for a batch of ${shape[0] ?? 0}`)
  return draws(seeds.map(generatorOf), [...first, shape], alone)
}

type Draws = { readonly randn: (shape: Shape) => ArrayLike<number>; readonly clone: () => Draws }

const draws = (generators: readonly Draws[], shapes: readonly Shape[], alone: boolean): Noise => {
  const shape = shapes[0]!
  const each = alone ? shape : [1, ...shape.slice(1)]
  // A generator moves when it draws: this stream advances copies of its own, once, whichever of head and next is asked for first.
  let drawn: { readonly head: Tensor; readonly after: readonly Draws[] } | undefined
  const advance = (): { readonly head: Tensor; readonly after: readonly Draws[] } => {
    if (drawn !== undefined) return drawn
    const after = generators.map((g) => g.clone())
    const parts = after
      .slice(0, alone ? 1 : shape[0])
      .map((g) => fromStorage(Float32Array.from(g.randn(each)), each, 'f32'))
    return (drawn = { head: concat(parts, 0), after })
  }
  return new Noise(
    shape,
    () => advance().head,
    () => draws(advance().after, shapes.length > 1 ? shapes.slice(1) : shapes, alone),
  )
}

/** A stream of given tensors, in order, then the end: how a law or a recording supplies its own noise. */
export const noiseOf = (tensors: readonly Tensor[], shape: Shape = tensors[0]?.shape ?? []): Noise => {
  const at = (i: number): Noise =>
    new Noise(
      shape,
      () => {
        const x = tensors[i]
        if (x === undefined) throw new ProgramError(`noise: the stream ended after ${tensors.length} draws`)
        return x
      },
      () => at(i + 1),
    )
  return at(0)
}

/** A stream that draws only where `drawn` says so and is silent, all zeros, elsewhere: one head for every step of a fold. */
export const sparing = (stream: Noise, drawn: readonly boolean[]): Noise => {
  const from = (rest: Noise, i: number): Noise => {
    const draws = drawn[i] ?? true
    return new Noise(
      stream.shape,
      () => (draws ? rest.head : zeros(stream.shape)),
      () => from(draws ? rest.next : rest, i + 1),
    )
  }
  return from(stream, 0)
}

/** `torch.randn(shape, generator=torch.Generator().manual_seed(seed))`: the first draw of `noise(seed, shape)`. */
export const randn = (seed: Seed | readonly Seed[], shape: Shape): Tensor => noise(seed, shape).head

/** `torch.rand(shape, generator=…)`: uniform in [0, 1). */
export const rand = (seed: Seed, shape: Shape): Tensor =>
  fromStorage(Float32Array.from(generatorOf(seed).rand(shape)), shape, 'f32')

/** `torch.randint(low, high, shape, generator=…)`: integers from `low` up to but not including `high`, as i32. */
export const randint = (seed: Seed, low: number, high: number, shape: Shape): Tensor =>
  fromStorage(Int32Array.from(generatorOf(seed).randint(low, high, shape), Number), shape, 'i32')
