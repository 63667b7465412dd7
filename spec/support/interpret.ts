/** What kernels mean: straightforward loops over numbers of the host, in float64. */
import { fromBrain, fromHalf } from '../../src/core/dtype.ts'
import { binary, reduce as folds, unary, type BinaryOp } from '../../src/core/ops.ts'
import { isUnary } from '../../src/graph/build.ts'
import { convert } from '../../src/graph/evaluate/values.ts'
import { typeOf } from '../../src/codegen/program.ts'
import type { Element, Expr, Kernel, Load, MapKernel, ReduceKernel, Store, Value } from '../../src/codegen/kernel.ts'

/** Memory of an operand; 16-bit floats as their bits. */
export type Memory = { readonly length: number; [i: number]: number }

type At = readonly number[]

/** Calls `each` at every index. */
export const everyIndex = (dims: readonly number[], each: (at: At) => void): void => {
  const visit = (at: At): void => {
    if (at.length === dims.length) each(at)
    else for (let i = 0; i < dims[at.length]!; i++) visit([...at, i])
  }
  visit([])
}

/** offset + Σ strideᵢ · indexᵢ */
export const addressAt = (a: { readonly offset: number; readonly strides: readonly number[] }, at: At): number =>
  a.strides.reduce((sum, s, i) => sum + s * at[i]!, a.offset)

const decode = (element: Element, raw: number): number =>
  element === 'f16' ? fromHalf(raw) : element === 'bf16' ? fromBrain(raw) : raw

const loaded = (l: Load, at: At, operands: readonly Memory[]): number => {
  const picks = l.picks.map((p) => {
    const index = loaded(p.index, at, operands)
    return Math.min(Math.max(index, 0), p.extent - 1) * p.stride
  })
  const address = addressAt(l, at) + picks.reduce((a, b) => a + b, 0)
  const memory = operands[l.operand]!
  if (!(address >= 0 && address < memory.length)) throw new RangeError(`operand ${l.operand} has no element ${address}`)
  return decode(l.element, memory[address]!)
}

const wrapped = (type: Value, x: number): number => (type === 'i32' ? x | 0 : type === 'u32' ? x >>> 0 : x)

/** An expression at an index. `given` are values of loads by operand. */
export const valueAt = (
  e: Expr,
  at: At,
  operands: readonly Memory[],
  given: ReadonlyMap<number, number> = new Map(),
): number => {
  switch (e._tag) {
    case 'Const':
      return convert(e.type, e.value)
    case 'Index':
      return addressAt(e, at)
    case 'Load':
      return given.get(e.operand) ?? loaded(e, at, operands)
    case 'Op': {
      const [x, y, z] = e.xs.map((a) => valueAt(a, at, operands, given)) as [number, number, number]
      const type = typeOf(e.xs[0]!)
      if (e.op === 'where') return x ? y : z
      if (e.op === 'cast') return convert(e.dtype, x)
      const integer = type === 'i32' || type === 'u32'
      if (isUnary(e.op)) {
        const row = unary[e.op] as { eval: (x: number) => number; int?: (x: number) => number }
        return wrapped(e.type, integer ? (row.int ?? row.eval)(x) : row.eval(x))
      }
      const row = binary[e.op as BinaryOp] as { eval: (x: number, y: number) => number; int?: typeof row.eval }
      return wrapped(e.type, integer ? (row.int ?? row.eval)(x, y) : row.eval(x, y))
    }
  }
}

const store = (s: Store, at: At, value: number, operands: readonly Memory[]): void => {
  operands[s.operand]![addressAt(s, at)] = value
}

const map = (k: MapKernel, operands: readonly Memory[]): void =>
  everyIndex(k.dims, (at) => store(k.out, at, valueAt(k.value, at, operands), operands))

const reduce = (k: ReduceKernel, operands: readonly Memory[]): void => {
  const type = typeOf(k.value) as Value
  const row = folds[k.op] as {
    identity: number
    eval: (x: number, y: number) => number
    int?: (x: number, y: number) => number
  }
  const integer = type === 'i32' || type === 'u32'
  const step = integer ? (row.int ?? row.eval) : row.eval
  everyIndex(k.dims, (at) => {
    let sum = integer ? convert(type, row.identity) : row.identity
    everyIndex(k.folded, (inner) => (sum = wrapped(type, step(sum, valueAt(k.value, [...at, ...inner], operands)))))
    store(k.out, at, sum, operands)
  })
}

/** Runs a kernel on the host; its first operand is written. */
export const interpret = (k: Kernel, operands: readonly Memory[]): void => {
  switch (k._tag) {
    case 'Map':
      return map(k, operands)
    case 'Reduce':
      return reduce(k, operands)
    case 'Gemm':
    case 'Attention':
    case 'WinogradWeight':
    case 'WinogradInput':
    case 'WinogradOutput':
      throw new Error(`nobody has said what ${k._tag} means`)
  }
}
