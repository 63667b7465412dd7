/** A map that reads what a kernel gives, and is all that reads it, is done by that kernel before it stores. */
import {
  loadsOf,
  mapLeaves,
  type Dispatch,
  type Expr,
  type GemmKernel,
  type Kernel,
  type Load,
  type MapKernel,
  type NormaliseKernel,
  type WinogradOutputKernel,
} from '../codegen/kernel.ts'
import type { Draft } from '../codegen/program.ts'
import { size } from '../core/shape.ts'
import { bindingsOf } from './bindings.ts'
import { renamed, restride, type Restride } from './layout.ts'
import type { ProgramPass } from './pass.ts'
import { over, refine, type CommonAxis } from './refine.ts'
import type { Target } from './target.ts'
import { bothNodes, usesOf } from './uses.ts'

type Product = GemmKernel | WinogradOutputKernel

const isProduct = (k: Kernel): k is Product => k._tag === 'Gemm' || k._tag === 'WinogradOutput'
const columnsOf = (k: Product): number => (k._tag === 'Gemm' ? k.n : k.channels)

/** Do rows of the product lie one after the other from its beginning? */
const isDense = (k: Product): boolean => {
  if (k._tag !== 'Gemm') return true
  const dims = [...k.batch, ...k.rows]
  const strides = [...k.c.batch, ...k.c.rows]
  let step = k.n
  for (let i = dims.length - 1; i >= 0; i--) {
    if (dims[i] !== 1 && strides[i] !== step) return false
    step *= dims[i]!
  }
  return k.c.offset === 0
}

/** An expression over other axes: always possible, as the new ones are parts of the old. */
const onto = (e: Expr, by: (strides: readonly number[]) => number[]): Expr => {
  const move: Restride = (old) => ({ strides: by(old), offset: 0 })
  return restride(e, move)!
}

/** The one way in which a map's loads read a buffer, up to their offsets, or undefined. */
const readingOf = (
  map: MapKernel,
  operand: number,
): { readonly loads: readonly Load[]; readonly strides: readonly number[] } | undefined => {
  const loads = loadsOf(map.value).filter((l) => l.operand === operand)
  const [first] = loads
  if (first === undefined || loads.some((l) => l.picks.length > 0)) return undefined
  // A load under a pick is an index: not what a kernel can hand over.
  if (loadsOf(map.value).some((l) => l.picks.some((p) => p.index.operand === operand))) return undefined
  const alike = loads.every((l) => map.dims.every((d, i) => d === 1 || l.strides[i] === first.strides[i]))
  return alike ? { loads, strides: first.strides } : undefined
}

const axesOf = (dims: readonly number[], strides: readonly number[]) =>
  dims.map((extent, i) => ({ extent, stride: strides[i]! }))

/** A map as an epilogue over [...rows, columns] of a product, or undefined where it does not go along with the product's rows. */
const asEpilogue = (map: MapKernel, at: number, k: Product, target: Target): MapKernel | undefined => {
  const reading = readingOf(map, at)
  if (reading === undefined) return undefined
  const columns = columnsOf(k)
  // Pairs of columns, or single ones.
  const pairs =
    size(map.dims) * 2 ===
    size(k._tag === 'Gemm' ? [...k.batch, ...k.rows] : [k.batch, ...k.tiles, k.size ** 2]) * columns
  const unit = pairs ? 2 : 1
  if (pairs && (target.products !== 'rich' || columns % 2 !== 0)) return undefined
  if (reading.loads.some((l) => l.offset < 0 || l.offset >= unit)) return undefined
  const rows = k._tag === 'Gemm' ? size(k.batch) * size(k.rows) : k.batch * size(k.tiles) * k.size ** 2
  const product = [
    { extent: rows, stride: columns },
    { extent: columns / unit, stride: unit },
  ]
  const common = refine(product, axesOf(map.dims, reading.strides), unit)
  if (common === undefined) return undefined
  // One axis of columns, whatever parts it has.
  const inner = common.filter((c) => c.a === 1)
  const parts = inner.length
  const joins = (strides: readonly number[]): boolean =>
    inner.every((c, i) => {
      const next = inner[i + 1]
      return next === undefined || strides[c.b]! * c.stepB === strides[next.b]! * next.stepB * next.extent
    })
  const all = [map.out.strides, ...loadsOf(map.value).flatMap(withPicks), ...indicesOf(map.value)]
  if (parts > 1 && !all.every(joins)) return undefined
  const outer = common.filter((c) => c.a === 0)
  const last = inner.at(-1)
  const kept = [...outer, ...(last === undefined ? [] : [last])].map((c) => ({ axis: c.b, step: c.stepB }))
  const by = (strides: readonly number[]): number[] => [...over(strides, kept), ...(last === undefined ? [0] : [])]
  const dims = [...outer.map((c) => c.extent), columns / unit]
  const out = { ...map.out, strides: by(map.out.strides) }
  if (target.products !== 'rich' && !isInPlace(dims, out)) return undefined
  return { _tag: 'Map', dims, value: onto(map.value, by), out }
}

const withPicks = (l: Load): readonly (readonly number[])[] => [
  l.strides,
  ...l.picks.flatMap((p) => withPicks(p.index)),
]
const indicesOf = (e: Expr): readonly (readonly number[])[] => {
  const found: (readonly number[])[] = []
  mapLeaves(e, (x) => {
    if (x._tag === 'Index') found.push(x.strides)
    return x
  })
  return found
}

/** Does it store float32 where the product lies, in rows one after the other? */
const isInPlace = (dims: readonly number[], out: MapKernel['out']): boolean => {
  let step = 1
  for (let i = dims.length - 1; i >= 0; i--) {
    if (dims[i] !== 1 && out.strides[i] !== step) return false
    step *= dims[i]!
  }
  return out.offset === 0 && out.element === 'f32'
}

/** A map as what a normalisation does with its result, over finer axes of it. */
const asThen = (map: MapKernel, at: number, k: NormaliseKernel): NormaliseKernel | undefined => {
  const reading = readingOf(map, at)
  if (reading === undefined || reading.loads.some((l) => l.offset !== 0) || k.out.offset !== 0) return undefined
  const extents = [...k.dims, ...k.folded]
  const common = refine(axesOf(extents, k.out.strides), axesOf(map.dims, reading.strides))
  if (common === undefined) return undefined
  const of = (from: number, to: number): CommonAxis[] =>
    extents.flatMap((_, axis) => (axis >= from && axis < to ? common.filter((c) => c.a === axis) : []))
  const [dims, folded] = [of(0, k.dims.length), of(k.dims.length, extents.length)]
  const all = [...dims, ...folded]
  const byOwn = (s: readonly number[]): number[] =>
    over(
      s,
      all.map((c) => ({ axis: c.a, step: c.stepA })),
    )
  const byMap = (s: readonly number[]): number[] =>
    over(
      s,
      all.map((c) => ({ axis: c.b, step: c.stepB })),
    )
  const before = onto(k.then, byOwn)
  return {
    ...k,
    dims: dims.map((c) => c.extent),
    folded: folded.map((c) => c.extent),
    value: onto(k.value, byOwn),
    then: mapLeaves(onto(map.value, byMap), (x) => (x._tag === 'Load' && x.operand === at ? before : x)),
    out: { ...map.out, strides: byMap(map.out.strides) },
  }
}

/** The dispatch of both, or undefined. */
const fused = (
  producer: Dispatch,
  d: Dispatch & { readonly kernel: MapKernel },
  at: number,
  target: Target,
  { buffers }: Draft,
): Dispatch | undefined => {
  const own = producer.operands.slice(1)
  const others = d.operands.filter((other, j) => j !== 0 && j !== at && !own.includes(other))
  const operands = [d.operands[0]!, ...own, ...others]
  if (bindingsOf(target, buffers, operands) > target.mostOperands) return undefined
  const label = `${producer.label} + ${d.label}`
  const nodes = bothNodes(producer, d)
  const k = producer.kernel
  // Numbers of the map's operands among all; −1 is what is handed over.
  const numbered = (map: MapKernel): MapKernel => ({
    ...map,
    value: renamed(map.value, (j) => (j === at ? -1 : operands.indexOf(d.operands[j]!, 1))),
  })
  if (k._tag === 'Normalise' && target.groupNorm === 'whole') {
    const kernel = asThen(numbered(d.kernel), -1, k)
    return kernel && { kernel, operands, label, nodes }
  }
  if (!isProduct(k) || k.epilogue !== undefined || !isDense(k)) return undefined
  const epilogue = asEpilogue(numbered(d.kernel), -1, k, target)
  if (epilogue === undefined) return undefined
  const zero = { ...epilogue, value: renamed(epilogue.value, (j) => (j === -1 ? 0 : j)) }
  return { kernel: { ...k, epilogue: zero }, operands, label, nodes }
}

const fuseAll = (draft: Draft, target: Target): Draft => {
  const { writers, readers } = usesOf(draft)
  const out: (Dispatch | undefined)[] = [...draft.every]
  const isWhole = (id: number, elements: number): boolean => draft.buffers[id]!.length === elements
  draft.every.forEach((d, i) => {
    if (d.kernel._tag !== 'Map' || d.kernel.also !== undefined) return
    const map = { ...d, kernel: d.kernel }
    const anywhere = target.products === 'rich'
    if (!anywhere && (writers.get(d.operands[0]!)!.length > 1 || !isWhole(d.operands[0]!, size(d.kernel.dims)))) return
    for (const [at, id] of d.operands.entries()) {
      const [made] = writers.get(id) ?? []
      if (at === 0 || made === undefined || writers.get(id)!.length > 1 || readers.get(id)!.length !== 1) continue
      if (draft.outputs.includes(id)) continue
      const producer = out[made]
      if (producer === undefined || producer.operands[0] !== id || draft.every[made]!.operands[0] !== id) continue
      const both = fused(producer, map, at, target, draft)
      if (both === undefined) continue
      out[i] = both
      out[made] = undefined
      return
    }
  })
  return { ...draft, every: out.filter((d) => d !== undefined) }
}

/** Every such pair as one dispatch, where the map stood. */
export const epilogues: ProgramPass = { name: 'epilogues', run: fuseAll }
