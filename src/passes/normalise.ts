/** Normalisations as kernels: their statistics are folds; applying them is arithmetic, which goes into whatever reads the result. */
import { size, strides, type Shape } from '../core/shape.ts'
import type { Call } from '../graph/node.ts'
import type { Expr, Load, ReduceKernel } from '../codegen/kernel.ts'
import { localise, type ProgramBuilder } from '../codegen/program.ts'
import { broadcastTo, seen } from './layout.ts'

/** The calls that `normalise` knows. */
export const normalisations: ReadonlySet<string> = new Set(['groupNorm', 'layerNorm', 'rmsNorm'])

const op = (name: 'add' | 'sub' | 'mul' | 'rsqrt' | 'square', ...xs: readonly Expr[]): Expr => ({
  _tag: 'Op',
  op: name,
  dtype: 'f32',
  type: 'f32',
  xs,
})
const number = (value: number): Expr => ({ _tag: 'Const', type: 'f32', value })

/** Σ over the axes after the first `kept`, over their number. */
const mean = (to: ProgramBuilder, e: Expr, shape: Shape, kept: number, label: string): Load => {
  const dims = shape.slice(0, kept)
  const folded = shape.slice(kept)
  const { values, operands } = localise([e], 1)
  const kernel: ReduceKernel = {
    _tag: 'Reduce',
    op: 'sum',
    dims,
    folded,
    value: values[0]!,
    out: { operand: 0, element: 'f32', offset: 0, strides: strides(dims) },
  }
  const id = to.fill(kernel, 'f32', size(dims), operands, label)
  const sum: Load = { _tag: 'Load', operand: id, element: 'f32', offset: 0, strides: strides(dims), picks: [] }
  return to.store(op('mul', sum, number(1 / size(folded))), dims, strides(dims), label)
}

/** A value of `dims` repeated along the axes after them. */
const along = (e: Expr, dims: Shape, shape: Shape): Expr =>
  broadcastTo(
    seen(e, { _tag: 'Reshape' }, dims, [...dims, ...shape.slice(dims.length).map(() => 1)])!,
    [...dims, ...shape.slice(dims.length).map(() => 1)],
    shape,
  )

/** The result of such a call, from arguments in memory. */
export const normalise = (to: ProgramBuilder, n: Call, [x, weight, bias]: readonly Expr[]): Expr =>
  n.name === 'groupNorm' ? groups(to, n, x!, weight, bias) : rows(to, n, x!, weight, bias)

const groups = (to: ProgramBuilder, n: Call, x: Expr, weight: Expr | undefined, bias: Expr | undefined): Expr => {
  const [batch, channels] = n.shape as [number, number]
  const count = n.options['groups'] as number
  const eps = n.options['eps'] as number
  const each = channels / count
  const whole = [batch, count, each, ...n.shape.slice(2)]
  const split = seen(x, { _tag: 'Reshape' }, n.shape, whole)!
  const dims = [batch, count]
  const m = mean(to, split, whole, 2, 'groupNorm mean')
  const centred = op('sub', split, along(m, dims, whole))
  const v = mean(to, op('square', centred), whole, 2, 'groupNorm variance')
  // Gain and shift of every channel: x · scale + (bias − mean · scale).
  const perChannel = [batch, count, each]
  const channel = (e: Expr): Expr =>
    broadcastTo(seen(e, { _tag: 'Reshape' }, [channels], [1, count, each])!, [1, count, each], perChannel)
  const deviation = along(op('rsqrt', op('add', v, number(eps))), dims, perChannel)
  const scale = to.store(
    weight === undefined ? deviation : op('mul', deviation, channel(weight)),
    perChannel,
    strides(perChannel),
    'groupNorm scale',
  )
  const moved = op('mul', along(m, dims, perChannel), scale)
  const shift = to.store(
    op('sub', bias === undefined ? number(0) : channel(bias), moved),
    perChannel,
    strides(perChannel),
    'groupNorm shift',
  )
  const shape = n.shape.slice(0, 2)
  const wide = (e: Load): Expr => along({ ...e, strides: strides(shape) }, shape, n.shape)
  return op('add', op('mul', x, wide(scale)), wide(shift))
}

const rows = (to: ProgramBuilder, n: Call, x: Expr, weight: Expr | undefined, bias: Expr | undefined): Expr => {
  const dims = n.shape.slice(0, -1)
  const eps = n.options['eps'] as number
  const m = n.name === 'layerNorm' ? mean(to, x, n.shape, dims.length, 'layerNorm mean') : undefined
  const centred = m === undefined ? x : op('sub', x, along(m, dims, n.shape))
  const v = mean(to, op('square', centred), n.shape, dims.length, `${n.name} variance`)
  const deviation = to.store(op('rsqrt', op('add', v, number(eps))), dims, strides(dims), `${n.name} deviation`)
  const y = op('mul', centred, along(deviation, dims, n.shape))
  const affine = (e: Expr, of: number): Expr => broadcastTo(e, n.args[of]!.shape, n.shape)
  const scaled = weight === undefined ? y : op('mul', y, affine(weight, 1))
  return bias === undefined ? scaled : op('add', scaled, affine(bias, weight === undefined ? 1 : 2))
}
