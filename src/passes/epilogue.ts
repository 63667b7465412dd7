/** A map that reads a product where it lies, and nothing else does, is done to the product's rows as they are finished. */
import { loadsOf, mapLeaves, type Dispatch, type Kernel, type Load, type MapKernel } from '../codegen/kernel.ts'
import type { Program } from '../codegen/program.ts'
import { size } from '../core/shape.ts'

type Producer = Extract<Kernel, { readonly epilogue: MapKernel | undefined }>

const isProducer = (k: Kernel): k is Producer => 'epilogue' in k
const columnsOf = (k: Producer): number => (k._tag === 'Gemm' ? k.n : k.channels)

/** Do rows of the product lie one after the other from its beginning? */
const isDense = (k: Producer): boolean => {
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

/**
 * The map over [rows, columns] in place, or undefined where it does not go along with the product's rows. `renamed` gives the numbers of the
 * other operands.
 */
const inPlace = (
  map: MapKernel,
  product: number,
  columns: number,
  renamed: (operand: number) => number,
): MapKernel | undefined => {
  const { out, dims } = map
  if (out.offset !== 0 || out.element !== 'f32') return undefined
  const along = (l: Load): boolean =>
    l.offset === 0 && l.picks.length === 0 && dims.every((d, i) => d === 1 || l.strides[i] === out.strides[i])
  const loads = loadsOf(map.value)
  if (!loads.filter((l) => l.operand === product).every(along)) return undefined
  const axes = dims.map((_, i) => i).filter((i) => dims[i] !== 1)
  const order = axes.toSorted((a, b) => out.strides[b]! - out.strides[a]!)
  const last = order.at(-1)
  if (last === undefined || dims[last] !== columns || out.strides[last] !== 1) return undefined
  // Dense, so that rows of the map are rows of the product.
  let step = 1
  for (const axis of order.toReversed()) {
    if (out.strides[axis] !== step) return undefined
    step *= dims[axis]!
  }
  const pick = (strides: readonly number[]): number[] => order.map((a) => strides[a]!)
  const renumber = (l: Load): Load => ({
    ...l,
    operand: l.operand === product ? 0 : renamed(l.operand),
    strides: pick(l.strides),
    picks: l.picks.map((p) => ({ ...p, index: renumber(p.index) })),
  })
  const value = mapLeaves(map.value, (x) => {
    if (x._tag === 'Load') return renumber(x)
    return x._tag === 'Index' ? { ...x, strides: pick(x.strides) } : x
  })
  return { _tag: 'Map', dims: pick(dims), value, out: { ...out, strides: pick(out.strides) } }
}

/** Every such pair as one dispatch, where the map stood. */
export const fuseEpilogues = (program: Program): Program => {
  const readers = new Map<number, number>()
  const writers = new Map<number, number[]>()
  program.every.forEach(({ operands }, i) => {
    for (const id of new Set(operands.slice(1))) readers.set(id, (readers.get(id) ?? 0) + 1)
    writers.set(operands[0]!, [...(writers.get(operands[0]!) ?? []), i])
  })
  const out: (Dispatch | undefined)[] = [...program.every]
  program.every.forEach((d, i) => {
    if (d.kernel._tag !== 'Map' || writers.get(d.operands[0]!)!.length > 1) return
    const map = d.kernel
    for (const [at, id] of d.operands.entries()) {
      const [made] = writers.get(id) ?? []
      if (at === 0 || made === undefined || writers.get(id)!.length > 1 || readers.get(id) !== 1) continue
      const producer = out[made]
      if (producer === undefined || producer === d || !isProducer(producer.kernel)) continue
      const k = producer.kernel
      if (k.epilogue !== undefined || !isDense(k)) continue
      if (program.buffers[id]!.length !== size(map.dims) || program.buffers[d.operands[0]!]!.length !== size(map.dims))
        continue
      const own = producer.operands.slice(1)
      const others = d.operands.filter((other, j) => j !== 0 && j !== at && !own.includes(other))
      const operands = [d.operands[0]!, ...own, ...others]
      const epilogue = inPlace(map, at, columnsOf(k), (j) => operands.indexOf(d.operands[j]!, 1))
      if (epilogue === undefined) continue
      out[i] = {
        kernel: { ...k, epilogue },
        operands,
        label: `${producer.label} + ${d.label}`,
      }
      out[made] = undefined
      return
    }
  })
  return { ...program, every: out.filter((d) => d !== undefined) }
}
