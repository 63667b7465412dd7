import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compile, dispose, read } from '../../../src/backend/compile.ts'
import { emit } from '../../../src/codegen/wasm/emit.ts'
import { binary, unary, type UnaryOp } from '../../../src/core/ops.ts'
import { lower } from '../../../src/passes/lower.ts'
import { wasmTarget } from '../../../src/passes/target.ts'
import { fromStorage, tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { trace } from '../../../src/tensor/trace.ts'

/** How far a float32 is from a number, in units of the last place of the nearest float32; subnormal numbers may be 0. */
const ulps = (got: number, want: number): number => {
  const nearest = Math.fround(want)
  if (Object.is(got, nearest) || got === nearest) return 0
  if (!Number.isFinite(nearest) || !Number.isFinite(got)) return Infinity
  if (Math.abs(got - want) < 2 ** -126) return 0
  return Math.abs(got - want) / 2 ** (Math.floor(Math.log2(Math.abs(want))) - 23)
}

/** Every exponent and sign, and numbers of everyday size. */
const wide = fc.oneof(fc.float(), fc.float({ min: -200, max: 200, noNaN: true }))
const many = { minLength: 1, maxLength: 256, size: 'max' } as const

const apply = async (f: (...xs: readonly Tensor[]) => Tensor, ...xs: readonly (readonly number[])[]) => {
  const y = compile(f, { backend: 'wasm' })(...xs.map((x) => fromStorage(Float32Array.from(x), [x.length], 'f32')))
  const values = await read(y)
  dispose(y)
  return values
}

const worst = (got: ArrayLike<number>, want: readonly number[], input: (i: number) => string, most: number): void =>
  expect(want.flatMap((w, i) => (ulps(got[i]!, w) <= most ? [] : [`${input(i)}: ${got[i]}, not ${w}`]))).toEqual([])

const numRuns = 60

describe('functions of float32, against float64', () => {
  const bounds: readonly (readonly [UnaryOp, number])[] = [
    ['sin', 0.51],
    ['cos', 0.51],
    ['sqrt', 0.5],
    ['rsqrt', 1.5],
    ['exp', 1.5],
    ['expm1', 3],
    ['log', 1],
    ['log1p', 3],
    ['tanh', 6],
    ['erf', 8],
    ['softplus', 3],
  ]
  test.each(bounds)('%s is within %d ulp of its value', async (op, most) => {
    await fc.assert(
      fc.asyncProperty(fc.array(wide, many), async (xs) => {
        worst(
          await apply((x) => x![op](), xs),
          xs.map((x) => unary[op].eval(x)),
          (i) => `${op}(${xs[i]})`,
          most,
        )
      }),
      { numRuns },
    )
  })
  test('sines of huge numbers, and of those next to whole turns', async () => {
    const turns = Array.from({ length: 4096 }, (_, i) => Math.fround(i * 2 ** (i % 100) * (Math.PI / 2)))
    const powers = Array.from({ length: 128 }, (_, i) => 2 ** i)
    const xs = [
      ...turns,
      ...turns.map((x) => -x),
      ...powers,
      2 ** 28 - 16,
      -(2 ** 28),
      3.4028234663852886e38,
      Infinity,
      NaN,
    ]
    for (const op of ['sin', 'cos'] as const)
      worst(
        await apply((x) => x![op](), xs),
        xs.map((x) => Math[op](x)),
        (i) => `${op}(${xs[i]})`,
        0.6,
      )
  })
  test('powers are within 0.51 ulp', async () => {
    const near1 = fc.float({ min: Math.fround(0.999), max: Math.fround(1.001), noNaN: true })
    const pair = fc.oneof(
      fc.tuple(wide, wide),
      fc.tuple(wide, fc.integer({ min: -12, max: 12 })),
      fc.tuple(near1, fc.float({ min: -1e5, max: 1e5, noNaN: true })),
      fc.tuple(fc.float({ min: 0, max: 1e6, noNaN: true }), fc.float({ min: -8, max: 8, noNaN: true })),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(pair, many), async (pairs) => {
        const [xs, ys] = [pairs.map((p) => p[0]), pairs.map((p) => p[1])]
        worst(
          await apply((x, y) => x!.pow(y!), xs, ys),
          pairs.map(([x, y]) => binary.pow.eval(x, y)),
          (i) => `${xs[i]} ** ${ys[i]}`,
          0.51,
        )
      }),
      { numRuns },
    )
  })
  test('powers of zeros, ∞ and NaN, with the sign of zero', async () => {
    const some = [0, 1, 0.5, 2, 3, 1.5, 16777215, 16777216, 1e20, 1e-45, Infinity].flatMap((x) => [x, -x])
    const pairs = [...some, NaN].flatMap((x) => [...some, NaN].map((y) => [x, y] as const))
    const got = await apply(
      (x, y) => x!.pow(y!),
      pairs.map((p) => p[0]),
      pairs.map((p) => p[1]),
    )
    const wrong = pairs.flatMap(([x, y], i) =>
      Object.is(got[i], Math.fround(binary.pow.eval(Math.fround(x), Math.fround(y))))
        ? []
        : [`${x} ** ${y}: ${got[i]}`],
    )
    expect(wrong).toEqual([])
  })
})

test('a module asks nothing of the host but its memory', async () => {
  const f = (x: Tensor): Tensor => x.sin().add(x.cos()).pow(x.abs()).div(x.to('i32').div(3).to('f32'))
  const { every, once } = lower(trace(f, [tensor([1, 2, 3])]).graph, wasmTarget)
  const { bytes } = emit(once, every, { pages: 1, maximum: 65536, shared: false })
  expect(WebAssembly.Module.imports(await WebAssembly.compile(bytes))).toEqual([
    { module: 'env', name: 'memory', kind: 'memory' },
  ])
})
