/** Normalisations as kernels: whole, or of statistics alone, whose application is arithmetic that goes into whatever reads the result. */
import { size, strides, type Shape } from '../core/shape.ts'
import type { Call } from '../graph/node.ts'
import { origin, type Expr, type Load, type MomentsKernel, type NormaliseKernel } from '../codegen/kernel.ts'
import { localise, type ProgramBuilder } from '../codegen/program.ts'
import { broadcastTo, renamed, seen, stridesInOrder } from './layout.ts'

/** The calls that `normalise` knows. */
export const normalisations: ReadonlySet<string> = new Set(['groupNorm', 'layerNorm', 'rmsNorm'])

const op = (n: Call, name: 'add' | 'mul', ...xs: readonly Expr[]): Expr => ({
  _tag: 'Op',
  op: name,
  dtype: 'f32',
  type: 'f32',
  xs,
  [origin]: n,
})
const number = (value: number): Expr => ({ _tag: 'Const', type: 'f32', value })
/** Stands for what a normalisation makes of an element. */
const normalised = (rank: number): Load => ({
  _tag: 'Load',
  operand: -1,
  element: 'f32',
  offset: 0,
  strides: new Array<number>(rank).fill(0),
  picks: [],
})

/** A value of `dims` repeated along the axes after them. */
const along = (e: Expr, dims: Shape, shape: Shape): Expr => {
  const thin = [...dims, ...shape.slice(dims.length).map(() => 1)]
  return broadcastTo(seen(e, { _tag: 'Reshape' }, dims, thin)!, thin, shape)
}

const affine = (n: Call, x: Expr, gain: Expr | undefined, shift: Expr | undefined): Expr => {
  const y = gain === undefined ? x : op(n, 'mul', x, gain)
  return shift === undefined ? y : op(n, 'add', y, shift)
}

/** The result of such a call: an expression of its arguments, which are in memory or, where the target has those, parts. */
export const normalise = (to: ProgramBuilder, n: Call, [x, weight, bias]: readonly Expr[]): Expr => {
  if (n.name !== 'groupNorm') return rows(to, n, x!, weight, bias)
  return to.target.groupNorm === 'whole' ? groups(to, n, x!, weight, bias) : scales(to, n, x!, weight, bias)
}

/** One kernel that stores `then` over `shape`, laid out by `by`. */
const whole = (
  to: ProgramBuilder,
  k: Pick<NormaliseKernel, 'dims' | 'folded' | 'value' | 'centred' | 'eps' | 'then'>,
  by: readonly number[],
  n: Call,
): number => {
  // Operand 0 is what is normalised, and the result.
  const { values, operands } = localise([k.value, k.then], 0)
  const own = operands.indexOf(-1)
  const reads = operands.filter((id) => id !== -1)
  const renumber = (e: Expr): Expr => renamed(e, (i) => (i === own ? 0 : i < own ? i + 1 : i))
  const kernel: NormaliseKernel = {
    ...k,
    _tag: 'Normalise',
    value: renumber(values[0]!),
    then: renumber(values[1]!),
    out: { operand: 0, element: 'f32', offset: 0, strides: by },
  }
  return to.fill(kernel, 'f32', size(k.dims) * size(k.folded), reads, n.name, [n])
}

const groups = (to: ProgramBuilder, n: Call, x: Expr, weight: Expr | undefined, bias: Expr | undefined): Expr => {
  const [batch, channels] = n.shape as [number, number]
  const count = n.options['groups'] as number
  const each = channels / count
  const inner = n.shape.slice(2)
  const split = [batch, count, each, ...inner]
  const channel = (e: Expr | undefined): Expr | undefined =>
    e &&
    broadcastTo(
      seen(e, { _tag: 'Reshape' }, [channels], [1, count, each, ...inner.map(() => 1)])!,
      [1, count, each, ...inner.map(() => 1)],
      split,
    )
  // Channels last: that is how convolutions and products want it.
  const [first, second, ...others] = n.shape.map((_, i) => i) as [number, number, ...number[]]
  const by = stridesInOrder(n.shape, [first, ...others, second])
  const id = whole(
    to,
    {
      dims: [batch, count],
      folded: [each, ...inner],
      value: seen(x, { _tag: 'Reshape' }, n.shape, split)!,
      centred: true,
      eps: n.options['eps'] as number,
      then: affine(n, normalised(split.length), channel(weight), channel(bias)),
    },
    [by[0]!, each * by[1]!, by[1]!, ...by.slice(2)],
    n,
  )
  return { _tag: 'Load', operand: id, element: 'f32', offset: 0, strides: by, picks: [] }
}

/** x · scale + shift, of every channel. */
const scales = (to: ProgramBuilder, n: Call, x: Expr, weight: Expr | undefined, bias: Expr | undefined): Expr => {
  const [batch, channels] = n.shape as [number, number]
  const count = n.options['groups'] as number
  const each = channels / count
  const split = [batch, count, each, ...n.shape.slice(2)]
  const perChannel = [batch, count, each]
  const channel = (e: Expr | undefined, otherwise: number): Expr =>
    e === undefined
      ? number(otherwise)
      : broadcastTo(seen(e, { _tag: 'Reshape' }, [channels], [1, count, each])!, [1, count, each], perChannel)
  const { values, operands } = localise(
    [seen(x, { _tag: 'Reshape' }, n.shape, split)!, channel(weight, 1), channel(bias, 0)],
    1,
  )
  const kernel: MomentsKernel = {
    _tag: 'Moments',
    dims: [batch, count],
    folded: split.slice(2),
    value: values[0]!,
    eps: n.options['eps'] as number,
    gain: values[1]!,
    bias: values[2]!,
    out: { operand: 0 },
  }
  const half = batch * channels
  const id = to.fill(kernel, 'f32', 2 * half, operands, 'groupNorm', [n])
  const shape = n.shape.slice(0, 2)
  const wide = (offset: number): Expr =>
    along({ _tag: 'Load', operand: id, element: 'f32', offset, strides: strides(shape), picks: [] }, shape, n.shape)
  return op(n, 'add', op(n, 'mul', x, wide(0)), wide(half))
}

const rows = (to: ProgramBuilder, n: Call, x: Expr, weight: Expr | undefined, bias: Expr | undefined): Expr => {
  const wide = (e: Expr | undefined, of: number): Expr | undefined => e && broadcastTo(e, n.args[of]!.shape, n.shape)
  const by = strides(n.shape)
  const id = whole(
    to,
    {
      dims: n.shape.slice(0, -1),
      folded: n.shape.slice(-1),
      value: x,
      centred: n.name === 'layerNorm',
      eps: n.options['eps'] as number,
      then: affine(n, normalised(n.shape.length), wide(weight, 1), wide(bias, weight === undefined ? 1 : 2)),
    },
    by,
    n,
  )
  return { _tag: 'Load', operand: id, element: 'f32', offset: 0, strides: by, picks: [] }
}
