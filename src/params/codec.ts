/**
 * Codecs of parameters. One codec, computed from the decoded config, gives the static type, the names and shapes to load, random
 * initialisation for tests, and the messages: its path is the tensor's name in the checkpoint.
 */
import { either as E } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import type { DType } from '../core/dtype.ts'
import { sameShape, size, type Shape } from '../core/shape.ts'
import { CheckpointError } from '../errors.ts'
import { generatorOf, type Seed } from '../random/generator.ts'
import { fromStorage, Tensor } from '../tensor/tensor.ts'

const dotted = (c: t.Context): string =>
  c
    .map((e) => e.key)
    .filter((k) => k !== '')
    .join('.')

/** The leaf: a tensor of one shape, of any float dtype. */
export class TensorCodec extends t.Type<Tensor, Tensor, unknown> {
  readonly _tag = 'TensorCodec' as const
  readonly shape: Shape
  constructor(shape: Shape) {
    const name = `f32[${shape.join(',')}]`
    super(
      name,
      (u): u is Tensor => u instanceof Tensor && sameShape(u.shape, shape),
      (u, c) => {
        if (!(u instanceof Tensor)) return t.failure(u, c, `${dotted(c)}: missing, expected ${name}`)
        if (!sameShape(u.shape, shape))
          return t.failure(u, c, `${dotted(c)}: ${u.dtype}[${u.shape.join(',')}] in the checkpoint, expected ${name}`)
        return t.success(u)
      },
      t.identity,
    )
    this.shape = shape
  }
}

/** The same kind of record at every index, each with its own shapes: `down_blocks.0`, `down_blocks.1`, … */
export class ListCodec<C extends t.Mixed> extends t.Type<readonly t.TypeOf<C>[], unknown, unknown> {
  readonly _tag = 'ListCodec' as const
  readonly items: readonly C[]
  constructor(items: readonly C[]) {
    super(
      `[${items.map((c) => c.name).join(', ')}]`,
      (u): u is readonly t.TypeOf<C>[] =>
        Array.isArray(u) && u.length === items.length && items.every((c, i) => c.is(u[i])),
      (u, context) => {
        const at = (u ?? {}) as Readonly<Record<string, unknown>>
        const results = items.map((c, i) => c.validate(at[`${i}`], t.appendContext(context, `${i}`, c)))
        const errors = results.flatMap((r) => (E.isLeft(r) ? r.left : []))
        return errors.length > 0
          ? t.failures(errors)
          : t.success(results.flatMap((r) => (E.isRight(r) ? [r.right] : [])))
      },
      t.identity,
    )
    this.items = items
  }
}

/** A parameter that this config has not. */
export class NoneCodec extends t.Type<undefined, undefined, unknown> {
  readonly _tag = 'NoneCodec' as const
  constructor() {
    super(
      'none',
      (u): u is undefined => u === undefined,
      () => t.success(undefined),
      t.identity,
    )
  }
}

/** Named parameters, as a checkpoint nests them. */
export class RecordCodec<P extends t.Props> extends t.Type<
  { readonly [K in keyof P]: t.TypeOf<P[K]> },
  unknown,
  unknown
> {
  readonly _tag = 'RecordCodec' as const
  readonly props: P
  constructor(props: P) {
    type A = { readonly [K in keyof P]: t.TypeOf<P[K]> }
    const keys = Object.keys(props)
    super(
      `{ ${keys.join(', ')} }`,
      (u): u is A =>
        typeof u === 'object' && u !== null && keys.every((k) => props[k]!.is((u as Record<string, unknown>)[k])),
      (u, context) => {
        const at = (u ?? {}) as Readonly<Record<string, unknown>>
        const results = keys.map((k) => [k, props[k]!.validate(at[k], t.appendContext(context, k, props[k]!))] as const)
        const errors = results.flatMap(([, r]) => (E.isLeft(r) ? r.left : []))
        if (errors.length > 0) return t.failures(errors)
        return t.success(
          Object.fromEntries(
            results.flatMap(([k, r]) => (E.isRight(r) && r.right !== undefined ? [[k, r.right]] : [])),
          ) as A,
        )
      },
      t.identity,
    )
    this.props = props
  }
}

/** A codec of parameters that decodes to `A`. */
export type ParamCodec<A> = t.Type<A, unknown, unknown>

/** The parameters that a function from a specification to their codec describes. */
export type ParamsOf<F extends (...args: never[]) => t.Mixed> = t.TypeOf<ReturnType<F>>

/** A tensor of this shape. */
export const tensorOf = (...shape: number[]): TensorCodec => new TensorCodec(shape)
/** Named parameters. */
export const record = <P extends t.Props>(props: P): RecordCodec<P> => new RecordCodec(props)
/** Parameters at 0, 1, … */
export const listOf = <C extends t.Mixed>(items: readonly C[]): ListCodec<C> => new ListCodec(items)
/** Parameters that only some configs have. */
export const when = <C extends t.Mixed>(
  there: boolean,
  codec: () => C,
): t.Type<t.TypeOf<C> | undefined, unknown, unknown> => (there ? codec() : new NoneCodec())

/** weight [out, in], and bias [out] unless without. */
export const linearOf = (inner: number, out: number, { bias = true } = {}) =>
  record({ weight: tensorOf(out, inner), bias: when(bias, () => tensorOf(out)) })
/** weight [out, in / groups, k, k], and bias [out] unless without. */
export const convOf = (inner: number, out: number, k: number, { bias = true, groups = 1 } = {}) =>
  record({ weight: tensorOf(out, inner / groups, k, k), bias: when(bias, () => tensorOf(out)) })
/** Gain and shift, [channels] each. */
export const normOf = (channels: number) => record({ weight: tensorOf(channels), bias: tensorOf(channels) })

/** Every tensor a codec calls for, by its checkpoint name. */
export const expectedOf = (codec: t.Mixed, path = ''): ReadonlyMap<string, Shape> => {
  const out = new Map<string, Shape>()
  const walk = (c: t.Mixed, at: string): void => {
    const join = (key: string): string => (at === '' ? key : `${at}.${key}`)
    if (c instanceof TensorCodec) out.set(at, c.shape)
    else if (c instanceof ListCodec) (c.items as readonly t.Mixed[]).forEach((item, i) => walk(item, join(`${i}`)))
    else if (c instanceof RecordCodec) for (const [k, p] of Object.entries(c.props as t.Props)) walk(p, join(k))
  }
  walk(codec, path)
  return out
}

/** The header of one tensor of a checkpoint. */
export type Header = { readonly dtype: DType; readonly shape: Shape }

const floats: ReadonlySet<DType> = new Set(['f32', 'f16', 'bf16'])

/** How a checkpoint's tensors differ from those that a codec calls for, by name: `wrong` are missing, mis-shaped or no floats. */
export type Differences = { readonly wrong: readonly string[]; readonly unexpected: readonly string[] }

/** The differences between what a codec calls for and what a checkpoint holds; both lists are empty when they agree. */
export const differences = (codec: t.Mixed, found: ReadonlyMap<string, Header>): Differences => {
  const expected = expectedOf(codec)
  const text = (shape: Shape): string => `[${shape.join(',')}]`
  const wrong = [...expected].flatMap(([name, shape]) => {
    const entry = found.get(name)
    if (entry === undefined) return [`${name}: missing, expected f32${text(shape)}`]
    if (sameShape(entry.shape, shape) && floats.has(entry.dtype)) return []
    return [`${name}: ${entry.dtype}${text(entry.shape)} in the checkpoint, expected f32${text(shape)}`]
  })
  const extra = [...found].filter(([name]) => !expected.has(name))
  return { wrong, unexpected: extra.map(([name, e]) => `${name}: unexpected, ${e.dtype}${text(e.shape)}`) }
}

/** `a.0.weight` → `{ a: { 0: { weight } } }`. Names cannot reach a prototype. */
export const nest = (flat: ReadonlyMap<string, Tensor>): unknown => {
  type Branch = { [key: string]: Branch | Tensor }
  const root = Object.create(null) as Branch
  for (const [name, x] of flat) {
    const path = name.split('.')
    let at = root
    for (const key of path.slice(0, -1)) {
      const next = at[key]
      at = at[key] = next === undefined || next instanceof Tensor ? (Object.create(null) as Branch) : next
    }
    at[path.at(-1)!] = x
  }
  return root
}

/**
 * Tensors by checkpoint name → parameters. When some are missing or mis-shaped, one `CheckpointError` names every difference; tensors
 * that are merely unexpected are left out.
 */
export const decodeParams = <A>(
  component: string,
  codec: ParamCodec<A>,
  tensors: ReadonlyMap<string, Tensor>,
): E.Either<CheckpointError, A> => {
  const { wrong, unexpected } = differences(codec, tensors)
  if (wrong.length > 0) return E.left(new CheckpointError(component, [...wrong, ...unexpected]))
  return pipe(
    codec.decode(nest(tensors)),
    E.mapLeft(
      (errors) =>
        new CheckpointError(
          component,
          errors.map((e) => e.message ?? 'invalid'),
        ),
    ),
  )
}

/** Parameters drawn at random, for tests and benchmarks: normals over √fan-in for matrices, about 1 for gains, about 0 for shifts. */
export const initialise = <A>(codec: ParamCodec<A>, seed: Seed): A => {
  const generator = generatorOf(seed)
  const tensors = [...expectedOf(codec)].map(([name, shape]) => {
    const scale = shape.length > 1 ? 1 / Math.sqrt(size(shape.slice(1))) : 0.1
    const centre = shape.length === 1 && name.endsWith('weight') ? 1 : 0
    const data = Float32Array.from(generator.randn(shape), (v: number) => centre + scale * v)
    return [name, fromStorage(data, shape, 'f32', name)] as const
  })
  const decoded = decodeParams('random', codec, new Map(tensors))
  if (E.isLeft(decoded)) throw decoded.left
  return decoded.right
}
