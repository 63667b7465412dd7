import { setFlagsFromString } from 'node:v8'
import { describe, expect, test } from 'vitest'
import { relaxedSimd } from '../../../src/backend/wasm/relaxed-simd.ts'
import { wasm } from '../../../src/backend/wasm/wasm.ts'
import { thisEngine } from '../../../src/codegen/wasm/engine.ts'
import { binary, unary, type BinaryOp, type UnaryOp } from '../../../src/core/ops.ts'
import { attention, softmax } from '../../../src/tensor/nn.ts'
import { fromStorage, type Tensor } from '../../../src/tensor/tensor.ts'
import { trace } from '../../../src/tensor/trace.ts'

// In Node 20 too, which has it behind a flag.
relaxedSimd(setFlagsFromString)

/** Quiet and signalling ones, with and without sign, with bits in every place that a shift could bring to the exponent. */
const bits = [
  ...[0x7fc00000, 0x7fc00001, 0x7fc000ff, 0x7fc00100, 0x7fc001ff, 0x7fffffff, 0x7f800001, 0x7f8000ff, 0x7fbfffff],
  ...Array.from({ length: 23 }, (_, i) => 0x7fc00000 | (1 << i)),
].flatMap((b) => [b, (b | 0x80000000) >>> 0])
const nans = new Float32Array(Uint32Array.from(bits).buffer)
const numbers = Float32Array.of(0, -0, 1, -1, 0.5, -2.5, 30, -30, 100, -200, 3e38, -3e38, 1e-40, Infinity, -Infinity)

/** NaN in every lane, numbers beside it. */
const mixed = (): Float32Array => {
  const out = new Float32Array(5 * nans.length)
  nans.forEach((_, i) => out.set(nans.subarray(i, i + 1), 5 * i + (i % 5)))
  for (let i = 0; i < out.length; i++) if (i % 5 !== Math.floor(i / 5) % 5) out[i] = numbers[i % numbers.length]!
  return out
}

const engines = [
  { relaxed: false, large: false },
  { relaxed: true, large: false },
  { relaxed: true, large: true },
].filter((e) => !e.relaxed || thisEngine().relaxed)

describe.each(engines)('NaN is NaN, whatever its bits; relaxed: $relaxed, large: $large', (engine) => {
  const run = async (f: (...xs: readonly Tensor[]) => Tensor, ...xs: readonly Tensor[]): Promise<ArrayLike<number>> => {
    const on = wasm({ threads: 1, engine })
    const { graph } = trace(f, xs)
    const inputs = xs.map(({ node: n }) => {
      if (n._tag !== 'Buffer' || n.source._tag !== 'Host') throw new TypeError('no values')
      return { data: n.source.data, shape: n.shape, dtype: n.dtype }
    })
    const [value] = await on.prepare(graph).run(inputs)
    const out = (await value!.read()) as ArrayLike<number>
    on.dispose()
    return out
  }
  const vector = (x: Float32Array): Tensor => fromStorage(x, [x.length], 'f32')
  const matrix = (x: Float32Array, ...shape: readonly number[]): Tensor => fromStorage(x, shape, 'f32')
  /** Where it is not as it should be. */
  const wrong = (got: ArrayLike<number>, want: readonly number[]): readonly string[] =>
    want.flatMap((w, i) => (Number.isNaN(w) === Number.isNaN(got[i]) ? [] : [`${i}: ${got[i]}, not ${w}`]))

  test('bits survive on the way', async () => {
    const got = (await run((x) => x!.reshape(-1).neg().neg(), vector(nans))) as Float32Array
    expect(Array.from(got).every(Number.isNaN)).toBe(true)
    expect(new Set(new Uint32Array(got.buffer, got.byteOffset, got.length)).size).toBeGreaterThan(20)
  })

  const ones = (Object.keys(unary) as UnaryOp[]).filter((op) => unary[op].kind !== 'logic' && unary[op].kind !== 'test')
  test.each(ones)('%s', async (op) => {
    const xs = mixed()
    const got = await run((x) => x![op](), vector(xs))
    expect(
      wrong(
        got,
        Array.from(xs, (x) => unary[op].eval(x)),
      ),
    ).toEqual([])
  })

  const twos = (Object.keys(binary) as BinaryOp[]).filter((op) => /numeric|float/.test(binary[op].kind))
  test.each(twos)('%s', async (op) => {
    const xs = mixed()
    // The other operand is a number, a NaN, or the same.
    for (const ys of [xs.map((_, i) => numbers[(i * 7) % numbers.length]!), mixed().reverse(), mixed()]) {
      for (const [a, b] of [
        [xs, ys],
        [ys, xs],
      ] as const) {
        const got = await run((x, y) => x![op](y!) as Tensor, vector(a), vector(b))
        expect(
          wrong(
            got,
            Array.from(a, (x, i) => binary[op].eval(x, b[i]!)),
          ),
        ).toEqual([])
      }
    }
  })

  test('isNaN', async () => {
    const xs = mixed()
    expect(Array.from(await run((x) => x!.isNaN(), vector(xs)), Number)).toEqual(
      Array.from(xs, (x) => (Number.isNaN(x) ? 1 : 0)),
    )
  })
  test.each(['f16', 'bf16'] as const)('rounded to %s', async (type) => {
    const got = await run((x) => x!.to(type).to('f32'), vector(nans))
    expect(Array.from(got).every(Number.isNaN)).toBe(true)
  })
  test('sums and largest of rows', async () => {
    const xs = mixed()
    for (const f of [
      (x: Tensor) => x.sum(-1),
      (x: Tensor) => x.amax(-1),
      (x: Tensor) => x.amin(-1),
      (x: Tensor) => x.mean(-1),
    ])
      expect(Array.from(await run((x) => f(x!), matrix(xs, nans.length, 5))).every(Number.isNaN)).toBe(true)
  })
  test('softmax of rows', async () => {
    const rows = 2 * nans.length
    const xs = Float32Array.from({ length: rows * 20 }, (_, i) => Math.sin(i))
    nans.forEach((_, i) => xs.set(nans.subarray(i, i + 1), 40 * i + ((i * 3) % 20)))
    const got = await run((x) => softmax(-1)(x!), matrix(xs, rows, 20))
    const want = Array.from({ length: rows * 20 }, (_, i) => (Math.floor(i / 20) % 2 === 0 ? NaN : 0))
    expect(wrong(got, want)).toEqual([])
  })
  describe.each([
    [16, 24],
    [17, 77],
    [64, 64],
  ])('attention of %d queries to %d keys', (queries, keys) => {
    const count = nans.length
    const depth = 8
    const of = (rows: number): Float32Array =>
      Float32Array.from({ length: count * rows * depth }, (_, i) => Math.sin(i))
    const all = async (q: Float32Array, k: Float32Array, v: Float32Array): Promise<ArrayLike<number>> =>
      run(
        (a, b, c) => attention(a!, b!, c!),
        matrix(q, 1, count, queries, depth),
        matrix(k, 1, count, keys, depth),
        matrix(v, 1, count, keys, depth),
      )
    test('a query that is NaN makes its own result so, and no other', async () => {
      const q = of(queries)
      nans.forEach((_, i) => q.set(nans.subarray(i, i + 1), (i * queries + (i % queries)) * depth + (i % depth)))
      const got = await all(q, of(keys), of(keys))
      const want = Array.from({ length: q.length }, (_, i) => {
        const [head, row] = [Math.floor(i / depth / queries), Math.floor(i / depth) % queries]
        return row === head % queries ? NaN : 0
      })
      expect(wrong(got, want)).toEqual([])
    })
    test('a key that is NaN makes all results of its head so', async () => {
      const k = of(keys)
      nans.forEach((_, i) => k.set(nans.subarray(i, i + 1), (i * keys + ((i * 5) % keys)) * depth + (i % depth)))
      expect(wrong(await all(of(queries), k, of(keys)), new Array<number>(count * queries * depth).fill(NaN))).toEqual(
        [],
      )
    })
    test('so does a value that is NaN, in its column', async () => {
      const v = of(keys)
      nans.forEach((_, i) => v.set(nans.subarray(i, i + 1), (i * keys + ((i * 5) % keys)) * depth + (i % depth)))
      const got = await all(of(queries), of(keys), v)
      const want = Array.from({ length: count * queries * depth }, (_, i) =>
        i % depth === Math.floor(i / depth / queries) % depth ? NaN : 0,
      )
      expect(wrong(got, want)).toEqual([])
    })
  })
})
