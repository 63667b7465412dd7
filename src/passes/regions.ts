/** Which elements of its operands a kernel touches: boxes of indices, mapped to elements by strides. */
import { size } from '../core/shape.ts'
import {
  depthOf,
  type Element,
  type Expr,
  type GemmKernel,
  type Kernel,
  type Load,
  type MapKernel,
  type Matrices,
  type Store,
  type Term,
} from '../codegen/kernel.ts'

/** from ≤ offset + Σ strideᵢ · indexᵢ < to: the indices at which one of several `Parts` is read. */
export type Condition = {
  readonly offset: number
  readonly strides: readonly number[]
  readonly from: number
  readonly to: number
}

/** Elements offset + Σ strideᵢ · indexᵢ of an operand, for the indices of `dims` at which all conditions hold. */
export type Region = {
  readonly operand: number
  readonly access: 'read' | 'write'
  /** How the kernel takes the operand's elements to be kept. */
  readonly element: Element
  readonly offset: number
  readonly dims: readonly number[]
  readonly strides: readonly number[]
  readonly where: readonly Condition[]
}

type Box = Pick<Region, 'offset' | 'dims' | 'strides'>

const region = (access: Region['access'], operand: number, element: Element, box: Box): Region => ({
  operand,
  access,
  element,
  where: [],
  ...box,
})

/** What an expression over `dims` reads; loads of `stand` are no loads but stand for a value at hand. */
const readBy = (value: Expr, dims: readonly number[], stand?: number): Region[] => {
  const out: Region[] = []
  const load = (l: Load, where: readonly Condition[]): void => {
    if (l.operand === stand) return
    const picks = l.picks
    out.push({
      ...region('read', l.operand, l.element, {
        offset: l.offset,
        dims: [...dims, ...picks.map((p) => p.extent)],
        strides: [...l.strides, ...picks.map((p) => p.stride)],
      }),
      where,
    })
    for (const p of picks) load(p.index, where)
  }
  const visit = (e: Expr, where: readonly Condition[], seen: Set<Expr>): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e._tag === 'Load') load(e, where)
    if (e._tag === 'Op') for (const x of e.xs) visit(x, where, seen)
    if (e._tag === 'Parts')
      e.xs.forEach((x, i) => {
        const from = i === 0 ? -Infinity : e.ends[i - 1]!
        const to = i === e.xs.length - 1 ? Infinity : e.ends[i]!
        visit(x, [...where, { offset: e.at.offset, strides: e.at.strides, from, to }], new Set())
      })
  }
  visit(value, [], new Set())
  return out
}

const written = (dims: readonly number[], { operand, element, offset, strides }: Store): Region =>
  region('write', operand, element, { offset, dims, strides })

const ofMap = (k: MapKernel, stand?: number): Region[] => [
  ...[k, ...(k.also ?? [])].map((r) => written(k.dims, r.out)),
  ...[k, ...(k.also ?? [])].flatMap((r) => readBy(r.value, k.dims, stand)),
]

/** The pixels along an axis that windows reach, borders apart: the first, and how many. */
const pixels = (w: NonNullable<Term['window']>, axis: 0 | 1, outs: number): readonly [number, number] => {
  const low = Math.max(0, -w.before[axis])
  const reach = w.stride[axis] * (outs - 1) + w.dilation[axis] * (w.kernel[axis] - 1) - w.before[axis]
  const high = Math.min(w.extent[axis] - 1, reach)
  const [first, last] = [Math.floor(low / w.magnify[axis]), Math.floor(high / w.magnify[axis])]
  return [first, Math.max(0, last - first + 1)]
}

const ofTerm = (k: GemmKernel, t: Term): Region[] => {
  const { window: w } = t
  if (w !== undefined) {
    const [pictures, height, width] = k.rows as readonly [number, number, number]
    const [[y, rows], [x, columns]] = [pixels(w, 0, height), pixels(w, 1, width)]
    return [
      region('read', t.operand, 'f32', {
        offset: t.a.offset + y * w.strides[0] + x * w.strides[1],
        dims: [...k.batch, pictures, rows, columns, w.channels],
        strides: [...t.a.batch, t.a.rows[0]!, ...w.strides],
      }),
    ]
  }
  let at = t.a.offset
  return t.segments.map(({ length, jump }) => {
    const box = {
      offset: at,
      dims: [...k.batch, ...k.rows, length],
      strides: [...t.a.batch, ...t.a.rows, 1],
    }
    at += length + jump
    return region('read', t.operand, 'f32', box)
  })
}

const ofGemm = (k: GemmKernel): Region[] => {
  const panels = Math.ceil(k.n / k.width) * depthOf(k) * k.width
  const b = { offset: 0, dims: [...k.batch, panels], strides: [...k.b.batch, 1] }
  const c = {
    offset: k.c.offset,
    dims: [...k.batch, ...k.rows, k.n],
    strides: [...k.c.batch, ...k.c.rows, 1],
  }
  return [
    ...(k.epilogue === undefined ? [region('write', 0, 'f32', c)] : ofMap(k.epilogue, 0)),
    region('read', 1, k.b.element, b),
    ...k.terms.flatMap((t) => ofTerm(k, t)),
  ]
}

const matrices = (access: Region['access'], m: Matrices, dims: readonly number[]): Region =>
  region(access, m.operand, 'f32', { offset: m.offset, dims, strides: [...m.batch, m.row, m.column] })

const dense = (dims: readonly number[], plane: number): Box => ({
  offset: 0,
  dims: [dims[0]!, size(dims.slice(1))],
  strides: [plane, 1],
})

const made = new WeakMap<Kernel, readonly Region[]>()

/** All that a kernel writes and reads. */
export const regionsOf = (k: Kernel): readonly Region[] => {
  const there = made.get(k) ?? regions(k)
  made.set(k, there)
  return there
}

const regions = (k: Kernel): readonly Region[] => {
  switch (k._tag) {
    case 'Map':
      return ofMap(k)
    case 'Reduce':
      return [written(k.dims, k.out), ...readBy(k.value, [...k.dims, ...k.folded])]
    case 'Normalise': {
      const dims = [...k.dims, ...k.folded]
      return [written(dims, k.out), ...readBy(k.value, dims), ...readBy(k.then, dims, 0)]
    }
    case 'Moments': {
      const channels = [...k.dims, k.folded[0]!]
      const out = { offset: 0, dims: [2 * size(channels)], strides: [1] }
      const own = [k.gain, k.bias].flatMap((e) => readBy(e, channels))
      return [region('write', k.out.operand, 'f32', out), ...readBy(k.value, [...k.dims, ...k.folded]), ...own]
    }
    case 'Gemm':
      return ofGemm(k)
    case 'Sort': {
      const all = { offset: 0, dims: [k.rows * k.length], strides: [1] }
      return [region('write', 0, k.element, all), region('read', 1, k.element, all)]
    }
    case 'WinogradWeight': {
      const all = (k.size + 2) ** 2 * Math.ceil(k.n / k.width) * k.depth * k.width
      const out = { offset: 0, dims: [all], strides: [1] }
      return [region('write', 0, 'f32', out), ...readBy(k.w, [k.n, k.depth, 3, 3])]
    }
    case 'WinogradInput': {
      const [height, width] = k.tiles.map((t) => t * k.size + 2) as [number, number]
      const x = { offset: k.x.offset, dims: [k.batch, height, width, k.channels], strides: [...k.x.strides, 1] }
      const out = dense([(k.size + 2) ** 2, k.batch, ...k.tiles, k.channels], k.plane)
      return [region('write', 0, 'f32', out), region('read', 1, 'f32', x)]
    }
    case 'WinogradOutput': {
      const x = dense([(k.size + 2) ** 2, k.batch, ...k.tiles, k.channels], k.plane)
      const all = k.batch * size(k.tiles) * k.size ** 2 * k.channels
      const out = region('write', 0, 'f32', { offset: 0, dims: [all], strides: [1] })
      return [...(k.epilogue === undefined ? [out] : ofMap(k.epilogue, 0)), region('read', 1, 'f32', x)]
    }
    case 'PlainAttention': {
      const { batch, rows, keys, depth, features, project } = k
      const mask = k.mask === undefined ? [] : readBy(k.mask, [...batch, rows, keys])
      const bias = project?.bias
      return [
        matrices('write', k.out, [...batch, rows, features]),
        matrices('read', k.q, [...batch, rows, project?.inner ?? depth]),
        matrices('read', k.k, [...batch, keys, depth]),
        matrices('read', k.v, [...batch, keys, features]),
        ...(project === undefined ? [] : [matrices('read', project.w, [...batch, project.inner, depth])]),
        ...(bias === undefined ? [] : [matrices('read', { ...bias, row: 0 }, [...batch, 1, depth])]),
        ...mask,
      ]
    }
  }
}

/** More indices than this are not tried one by one. */
const mostTried = 2 ** 18

/** Axes that conditions tie together, each group with the conditions on it. */
const groupsOf = ({ dims, where }: Region): { readonly axes: readonly number[]; readonly where: Condition[] }[] => {
  const groups: { axes: number[]; where: Condition[] }[] = []
  for (const c of where) {
    const axes = c.strides.flatMap((s, i) => (s !== 0 && dims[i]! > 1 ? [i] : []))
    const met = groups.filter((g) => g.axes.some((a) => axes.includes(a)))
    const all = {
      axes: [...new Set([...met.flatMap((g) => g.axes), ...axes])],
      where: [...met.flatMap((g) => g.where), c],
    }
    for (const g of met) groups.splice(groups.indexOf(g), 1)
    groups.push(all)
  }
  return groups
}

/** What the axes of a group add to an element's place, at every index at which its conditions hold; undefined where that is too much to try. */
const placesOf = (
  { dims, strides }: Region,
  { axes, where }: { readonly axes: readonly number[]; readonly where: readonly Condition[] },
): ReadonlySet<number> | undefined => {
  const extents = axes.map((a) => dims[a]!)
  const count = size(extents)
  if (count > mostTried) return undefined
  const out = new Set<number>()
  const at = axes.map(() => 0)
  for (let left = count; left > 0; left--) {
    const holds = where.every((c) => {
      const value = axes.reduce((sum, a, i) => sum + (c.strides[a] ?? 0) * at[i]!, c.offset)
      return c.from <= value && value < c.to
    })
    if (holds) out.add(axes.reduce((sum, a, i) => sum + strides[a]! * at[i]!, 0))
    for (let i = axes.length - 1; i >= 0 && ++at[i]! === extents[i]; i--) at[i] = 0
  }
  return out
}

/** The first and the last element that a region touches, and about how many: exactly so many where no two indices are one element. */
export type Extent = { readonly first: number; readonly last: number; readonly count: number }

const nothing: Extent = { first: Infinity, last: -Infinity, count: 0 }

/** How far a region reaches; undefined where its conditions are too many to be tried. */
export const extentOf = (r: Region): Extent | undefined => {
  if (size(r.dims) === 0) return nothing
  const groups = groupsOf(r)
  const tied = new Set(groups.flatMap((g) => g.axes))
  let [first, last, count] = [r.offset, r.offset, 1]
  r.dims.forEach((d, i) => {
    const reach = r.strides[i]! * (d - 1)
    if (tied.has(i) || reach === 0) return
    first += Math.min(0, reach)
    last += Math.max(0, reach)
    count *= d
  })
  for (const g of groups) {
    const places = placesOf(r, g)
    if (places === undefined) return undefined
    if (places.size === 0) return nothing
    let [least, most] = [Infinity, -Infinity]
    for (const p of places) [least, most] = [Math.min(least, p), Math.max(most, p)]
    first += least
    last += most
    count *= places.size
  }
  return { first, last, count: Math.min(count, last - first + 1) }
}

/** Is it plain from its strides that no two indices of a region without conditions are one element? */
export const isInjective = ({ dims, strides }: Region): boolean => {
  let reach = 0
  return dims
    .flatMap((d, i) => (d > 1 ? [{ extent: d, step: Math.abs(strides[i]!) }] : []))
    .sort((a, b) => a.step - b.step)
    .every(({ extent, step }) => {
      const apart = step > reach
      reach += step * (extent - 1)
      return apart
    })
}

/** Marks the elements of a region without conditions: how many had not been marked. */
export const mark = ({ offset, dims, strides }: Region, marks: Uint8Array): number => {
  const axes = dims.flatMap((d, i) => (d > 1 ? [i] : [])).sort((a, b) => Math.abs(strides[b]!) - Math.abs(strides[a]!))
  if (size(dims) === 0) return 0
  const inner = axes.pop()
  const [count, step] = inner === undefined ? [1, 0] : [dims[inner]!, strides[inner]!]
  let fresh = 0
  const at = axes.map(() => 0)
  for (let left = size(axes.map((a) => dims[a]!)); left > 0; left--) {
    let place = axes.reduce((sum, a, i) => sum + strides[a]! * at[i]!, offset)
    for (let i = 0; i < count; i++, place += step) {
      if (marks[place] === 0) fresh++
      marks[place] = 1
    }
    for (let i = axes.length - 1; i >= 0 && ++at[i]! === dims[axes[i]!]; i--) at[i] = 0
  }
  return fresh
}
