/** Every row of the op table on a backend, against the semantics. */
import { describe, expect, it } from 'vitest'
import type { BackendName } from '../../src/backend/backend.ts'
import { compile, read, readIntegers } from '../../src/backend/compile.ts'
import { binary, reduce, unary, type BinaryOp, type ReduceOp, type UnaryOp } from '../../src/core/ops.ts'
import type { DType } from '../../src/core/dtype.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { list } from '../support/host.ts'

const special = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  3,
  -7.25,
  1e-20,
  1e20,
  -1e20,
  88,
  -88,
  Infinity,
  -Infinity,
  NaN,
]
const pairs = special.flatMap((x) => special.map((y) => [x, y] as const))
const bools = [0, 1, 1, 0]
const ints = [0, 1, -1, 7, -7, 2 ** 31 - 1, -(2 ** 31), 46341]
const values = async (x: Tensor): Promise<number[]> =>
  x.dtype === 'f32' ? [...(await read(x))] : [...(await readIntegers(x))]

/** Runs a function of tensors somewhere. */
export type Run = (f: (...xs: readonly Tensor[]) => Tensor, ...xs: readonly Tensor[]) => Promise<number[]>

const compiled =
  (backend: BackendName): Run =>
  (f, ...xs) =>
    values(compile(f, { backend })(...xs))

/** Within a few ulps of float32, with NaN, ∞ and the value of zero exact; which zero it is is not part of the promise. */
const near = (got: number, want: number, ulps = 0): boolean => {
  const rounded = Math.fround(want)
  if (Number.isNaN(rounded)) return Number.isNaN(got)
  if (!Number.isFinite(rounded) || !Number.isFinite(got)) return got === rounded || Math.abs(want) > 3.4e38
  return Math.abs(got - rounded) <= (4e-6 + ulps * 2 ** -23) * Math.abs(rounded) + 1e-6
}

const compare = (
  op: string,
  got: readonly number[],
  want: readonly number[],
  describeInput: (i: number) => string,
  ulps: (i: number) => number = () => 0,
): void => {
  const wrong = got.flatMap((g, i) =>
    near(g, want[i]!, ulps(i)) ? [] : [`${op}(${describeInput(i)}) = ${g}, expected ${want[i]}`],
  )
  expect(wrong).toEqual([])
}

// An ulp of 1e20 is 10¹³ turns: what sine a kernel gives there says nothing, and the kernels differ.
const sane = (op: string, x: number): boolean =>
  !((op === 'sin' || op === 'cos') && Math.abs(x) > 1e6 && Number.isFinite(x))

const inputsFor = (kind: string): readonly (readonly [DType, readonly number[]])[] =>
  kind === 'logic'
    ? [['bool', bools]]
    : kind === 'float' || kind === 'test'
      ? [['f32', special]]
      : [
          ['f32', special],
          ['i32', ints],
        ]

/** Declares the specs, for a backend or for another way to run. */
export const everyRowOn = (backend: BackendName): void => everyRow(backend, compiled(backend))

/** Declares the specs. */
export const everyRow = (backend: string, run: Run): void => {
  describe(`every row on ${backend}`, () => {
    it.each(Object.keys(unary) as UnaryOp[])('%s', async (op) => {
      for (const [dtype, all] of inputsFor(unary[op].kind)) {
        const data = all.filter((x) => sane(op, x))
        const x = tensor(data, [data.length], dtype)
        compare(op, await run((a) => a![op](), x), list(x[op](), 'f32'), (i) => `${data[i]}`)
      }
    })
    it.each(Object.keys(binary) as BinaryOp[])('%s', async (op) => {
      for (const [dtype, data] of inputsFor(binary[op].kind)) {
        const both = dtype === 'f32' ? pairs : data.flatMap((x) => data.map((y) => [x, y] as const))
        const x = tensor(
          both.map((p) => p[0]),
          [both.length],
          dtype,
        )
        const y = tensor(
          both.map((p) => p[1]),
          [both.length],
          dtype,
        )
        const got = await run((a, b) => a![op](b!), x, y)
        // WGSL's pow is exp2(y log2 x), whose error grows with the exponent.
        const exponent = (i: number): number => {
          const [x, y] = both[i]!
          return Math.min(128, Math.abs(y * Math.log2(Math.abs(x)))) || 0
        }
        const ulps = backend.endsWith('webgpu') && op === 'pow' ? exponent : undefined
        compare(op, got, list(x[op](y), 'f32'), (i) => both[i]!.join(', '), ulps)
      }
    })
    it.each(Object.keys(reduce) as ReduceOp[])('%s', async (op) => {
      const rows = {
        f32: [
          [1, 2, 3],
          [-1, 0.5, NaN],
          [Infinity, -1, 2],
          [-Infinity, 4, 1],
          [-0, 0, -0],
        ],
        bool: [
          [0, 1, 0],
          [1, 1, 1],
          [0, 0, 0],
        ],
        i32: [
          [1, 2, 3],
          [-7, 3, 9],
        ],
      }
      for (const dtype of reduce[op].kind === 'logic' ? (['bool'] as const) : (['f32', 'i32'] as const)) {
        const x = tensor(rows[dtype].flat(), [rows[dtype].length, 3], dtype)
        compare(op, await run((a) => a![op](1), x), list(x[op](1), 'f32'), (i) => rows[dtype][i]!.join(', '))
        compare(op, await run((a) => a![op](0), x), list(x[op](0), 'f32'), (i) => `column ${i}`)
      }
    })
    it('casts', async () => {
      for (const to of ['i32', 'u32', 'bool', 'f16', 'bf16'] as const) {
        const x = tensor(special)
        const got = await run((a) => a!.to(to).to('f32'), x)
        compare(`to ${to}`, got, list(x.to(to).to('f32'), 'f32'), (i) => `${special[i]}`)
      }
    })
    it('where', async () => {
      const [c, x, y] = [tensor(bools, [4], 'bool'), tensor([1, NaN, -0, Infinity]), tensor([NaN, 2, 3, 4])]
      const got = await run((p, a, b) => p!.where(a!, b!), c, x, y)
      compare('where', got, [NaN, NaN, -0, 4], (i) => `${i}`)
    })
  })
}
