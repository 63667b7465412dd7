/** Small random kernels: ones, odd sizes, operands repeated, turned, flipped and begun anywhere, with values for them. */
import fc from 'fast-check'
import { fromBrain, fromHalf, type Storage } from '../../src/core/dtype.ts'
import { size } from '../../src/core/shape.ts'
import type {
  Element,
  Expr,
  Load,
  MapKernel,
  NormaliseKernel,
  Pick,
  ReduceKernel,
  Store,
} from '../../src/codegen/kernel.ts'
import { valueOf } from '../../src/codegen/wgsl/access.ts'

/** Where something lies: how many elements it takes, and strides into them. */
type Layout = { readonly length: number; readonly offset: number; readonly strides: readonly number[] }

/** A kernel and its operands. */
export type Case<K> = { readonly kernel: K; readonly operands: readonly Storage[] }

const extent = fc.constantFrom(1, 2, 3, 4, 4, 5, 7, 8, 16)

/** Extents of an iteration space of at most so many axes. */
export const extents = (most: number): fc.Arbitrary<readonly number[]> =>
  fc.array(extent, { maxLength: most }).filter((d) => size(d) <= 4096)

/** Axes in any order, some backwards, some repeated, with gaps. `whole`: no element twice. */
const layout = (dims: readonly number[], whole: boolean): fc.Arbitrary<Layout> =>
  fc
    .record({
      order: fc.oneof(
        fc.constant(dims.map((_, i) => i)),
        fc.shuffledSubarray(
          dims.map((_, i) => i),
          { minLength: dims.length, maxLength: dims.length },
        ),
      ),
      kinds: fc.array(
        whole ? fc.constantFrom('plain', 'plain', 'flip') : fc.constantFrom('plain', 'plain', 'flip', 'repeat'),
        {
          minLength: dims.length,
          maxLength: dims.length,
        },
      ),
      gap: fc.constantFrom(1, 1, 1, 2),
      before: fc.constantFrom(0, 0, 4, 3),
    })
    .map(({ order, kinds, gap, before }) => {
      const strides = dims.map(() => 0)
      let step = gap
      let offset = before
      for (const axis of order.toReversed()) {
        if (kinds[axis] === 'repeat') continue
        strides[axis] = kinds[axis] === 'flip' ? -step : step
        if (kinds[axis] === 'flip') offset += step * (dims[axis]! - 1)
        step *= dims[axis]!
      }
      return { length: before + step, offset, strides }
    })

const numbers: Readonly<Record<Element, fc.Arbitrary<number>>> = {
  f32: fc.double({ min: -2, max: 2, noNaN: true }).map(Math.fround),
  f16: fc.integer({ min: 0, max: 0x3fff }).map((x) => (x & 0x3fff) | ((x & 1) << 15)),
  bf16: fc.integer({ min: 0x3c00, max: 0x3fff }).map((x) => x | ((x & 1) << 15)),
  i32: fc.integer({ min: -40, max: 40 }),
  u32: fc.integer({ min: 0, max: 40 }),
  bool: fc.integer({ min: 0, max: 1 }),
}

/** Memory of so many elements; a few random ones, over and over. */
const memory = (element: Element, length: number): fc.Arbitrary<Storage> =>
  fc.array(numbers[element], { minLength: 11, maxLength: 11 }).map((some) => {
    const out = storageOf(element, length)
    for (let i = 0; i < length; i++) out[i] = some[(i * 7 + (i >> 3)) % some.length]!
    return out
  })

/** Memory for so many elements, as the harness takes it. */
export const storageOf = (element: Element, length: number): Storage => {
  switch (element) {
    case 'f32':
      return new Float32Array(length)
    case 'i32':
      return new Int32Array(length)
    case 'u32':
      return new Uint32Array(length)
    case 'bool':
      return new Uint8Array(length)
    case 'f16':
    case 'bf16':
      return new Uint16Array(length)
  }
}

/** Memory as numbers, as the interpreter takes it. */
export const numbersOf = (element: Element, data: Storage): Float64Array =>
  Float64Array.from(data, element === 'f16' ? fromHalf : element === 'bf16' ? fromBrain : (x) => x)

/** A load and what it reads. */
type Source = { readonly load: Load; readonly data: Storage; readonly more: readonly Storage[] }

const plainSource = (dims: readonly number[], operand: number, element: Element): fc.Arbitrary<Source> =>
  layout(dims, false).chain(({ length, offset, strides }) =>
    memory(element, length).map((data) => ({
      load: { _tag: 'Load' as const, operand, element, offset, strides, picks: [] },
      data,
      more: [],
    })),
  )

/** A load with an index of its own, read from the operand after it; some indices lie outside. */
const pickedSource = (dims: readonly number[], operand: number, element: Element): fc.Arbitrary<Source> =>
  fc
    .tuple(plainSource(dims, operand, element), plainSource(dims, operand + 1, 'i32'), fc.integer({ min: 1, max: 5 }))
    .chain(([x, index, rows]) => {
      const stride = x.data.length
      const pick: Pick = { index: index.load, stride, extent: rows }
      return memory(element, stride * rows).map((data) => ({
        load: { ...x.load, picks: [pick] },
        data,
        more: [index.data],
      }))
    })

const op = (name: Extract<Expr, { _tag: 'Op' }>['op'], type: 'f32' | 'bool', ...xs: readonly Expr[]): Expr => ({
  _tag: 'Op',
  op: name,
  dtype: type,
  type,
  xs,
})
const cast = (x: Expr): Expr => (x._tag === 'Load' && valueOf(x.element) !== 'f32' ? op('cast', 'f32', x) : x)

/** An expression of type f32 over `dims`, with the operands it reads, numbered from `first`. */
export const expression = (
  dims: readonly number[],
  first: number,
): fc.Arbitrary<{
  readonly value: Expr
  readonly elements: readonly Element[]
  readonly operands: readonly Storage[]
}> =>
  fc
    .array(fc.tuple(fc.constantFrom<Element>('f32', 'f32', 'f16', 'bf16', 'i32', 'u32', 'bool'), fc.boolean()), {
      minLength: 1,
      maxLength: 3,
    })
    .chain((kinds) => {
      let next = first
      const sources = kinds.map(([element, picked]) => {
        const own = next
        next += picked ? 2 : 1
        return picked ? pickedSource(dims, own, element) : plainSource(dims, own, element)
      })
      return fc
        .tuple(
          fc.tuple(...sources),
          fc.array(
            fc.constantFrom('add', 'mul', 'sub', 'max', 'min', 'where', 'silu', 'tanh', 'index', 'const', 'parts'),
            {
              minLength: 2,
              maxLength: 6,
            },
          ),
          fc.array(fc.integer({ min: -3, max: 3 }), { minLength: dims.length, maxLength: dims.length }),
          fc.nat(),
        )
        .map(([read, ops, steps, cut]) => {
          let i = 0
          const leaf = (): Expr => cast(read[i++ % read.length]!.load)
          const index: Expr = { _tag: 'Index', type: 'i32', offset: 2, strides: steps }
          const value = ops.reduce<Expr>((x, name) => {
            switch (name) {
              case 'add':
              case 'mul':
              case 'sub':
              case 'max':
              case 'min':
                return op(name, 'f32', x, leaf())
              case 'where':
                return op('where', 'f32', op('lt', 'bool', leaf(), x), x, leaf())
              case 'silu':
              case 'tanh':
                return op(name, 'f32', x)
              case 'index':
                return op(
                  'add',
                  'f32',
                  x,
                  op('mul', 'f32', op('cast', 'f32', index), { _tag: 'Const', type: 'f32', value: 0.01 }),
                )
              case 'const':
                return op('mul', 'f32', x, { _tag: 'Const', type: 'f32', value: -0.3 })
              default: {
                const axis = cut % Math.max(dims.length, 1)
                const extent = dims[axis] ?? 1
                const end = 1 + (cut % extent)
                const ends = end < extent ? [end, extent] : [extent]
                const at = {
                  _tag: 'Index' as const,
                  type: 'i32' as const,
                  offset: 0,
                  strides: dims.map((_, a) => (a === axis ? 1 : 0)),
                }
                return { _tag: 'Parts', type: 'f32', at, ends, xs: ends.map((_, j) => (j === 0 ? x : leaf())) }
              }
            }
          }, leaf())
          const elements = kinds.flatMap(([element, picked]): Element[] => (picked ? [element, 'i32'] : [element]))
          return { value, elements, operands: read.flatMap((r) => [r.data, ...r.more]) }
        })
    })

/** Where results of `dims` go, and how long that is. */
export const target = (
  dims: readonly number[],
  element: Element,
  operand = 0,
): fc.Arbitrary<{ readonly out: Store; readonly length: number }> =>
  layout(dims, true).map(({ length, offset, strides }) => ({ out: { operand, element, offset, strides }, length }))

/** A case with what its operands are. */
export type Typed<K> = Case<K> & { readonly elements: readonly Element[] }

/** Elementwise kernels with one or two results. */
export const mapCase: fc.Arbitrary<Typed<MapKernel>> = fc.tuple(extents(4), fc.boolean()).chain(([dims, twice]) => {
  const results = twice ? 2 : 1
  return fc
    .tuple(expression(dims, results), target(dims, 'f32'), target(dims, 'bool', 1))
    .map(([{ value, elements, operands }, { out, length }, second]) => {
      const kernel: MapKernel = { _tag: 'Map', dims, value, out }
      if (!twice) return { kernel, elements: ['f32', ...elements], operands: [storageOf('f32', length), ...operands] }
      const also = [{ value: op('gt', 'bool', value, { _tag: 'Const', type: 'f32', value: 0.1 }), out: second.out }]
      return {
        kernel: { ...kernel, also },
        elements: ['f32', 'bool', ...elements],
        operands: [storageOf('f32', length), storageOf('bool', second.length), ...operands],
      }
    })
})

const split = (dims: readonly number[], at: number): readonly [readonly number[], readonly number[]] => {
  const first = dims.length === 0 ? 0 : at % (dims.length + 1)
  return [dims.slice(0, first), dims.slice(first)]
}

/** Folds of float32. */
export const reduceCase: fc.Arbitrary<Typed<ReduceKernel>> = fc.tuple(extents(4), fc.nat()).chain(([all, at]) => {
  const [dims, folded] = split(all, at)
  return fc
    .tuple(expression(all, 1), target(dims, 'f32'), fc.constantFrom('sum', 'amax', 'amin', 'sum'))
    .map(([{ value, elements, operands }, { out, length }, name]) => ({
      kernel: { _tag: 'Reduce', op: name as ReduceKernel['op'], dims, folded, value, out },
      elements: ['f32', ...elements],
      operands: [storageOf('f32', length), ...operands],
    }))
})

/** Folds of integers and bools. */
export const wholeReduceCase: fc.Arbitrary<Typed<ReduceKernel>> = fc
  .tuple(extents(3), fc.nat(), fc.constantFrom<Element>('i32', 'u32', 'bool'), fc.nat())
  .chain(([all, at, element, which]) => {
    const [dims, folded] = split(all, at)
    const ops = element === 'bool' ? (['any', 'all'] as const) : (['sum', 'prod', 'amax', 'amin'] as const)
    return fc.tuple(plainSource(all, 1, element), target(dims, element)).map(([{ load, data }, { out, length }]) => ({
      kernel: { _tag: 'Reduce', op: ops[which % ops.length]!, dims, folded, value: load, out },
      elements: [element, element],
      operands: [storageOf(element, length), data],
    }))
  })

/** Normalisations, some of values far from 0. */
export const normaliseCase: fc.Arbitrary<Typed<NormaliseKernel>> = fc
  .tuple(extents(4), fc.nat(), fc.boolean(), fc.constantFrom(0, 0, 50))
  .chain(([all, at, centred, far]) => {
    const [dims, folded] = split(all, at)
    return fc
      .tuple(expression(all, 1), target(all, 'f32'))
      .chain(([x, { out, length }]) => expression(all, 1 + x.operands.length).map((y) => ({ x, y, out, length })))
      .map(({ x, y, out, length }) => {
        const value = op('add', 'f32', x.value, { _tag: 'Const', type: 'f32', value: far })
        const normal: Expr = {
          _tag: 'Load',
          operand: 0,
          element: 'f32',
          offset: 0,
          strides: all.map(() => 0),
          picks: [],
        }
        const then = op('silu', 'f32', op('add', 'f32', op('mul', 'f32', normal, y.value), y.value))
        return {
          kernel: { _tag: 'Normalise', dims, folded, value, centred, eps: 1e-3, then, out },
          elements: ['f32', ...x.elements, ...y.elements],
          operands: [storageOf('f32', length), ...x.operands, ...y.operands],
        }
      })
  })
