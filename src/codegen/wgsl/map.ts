/** Elementwise kernels: an invocation for every element of the result, or for several neighbours. */
import type { Expr, Load, MapKernel, Store } from '../kernel.ts'
import { accessesOf, byStride, mergeAxes, type Access as Indexed } from '../space.ts'
import { subexpressions } from '../expr.ts'
import { Expressions } from './expression.ts'
import { fold, groupIndex, unflatten } from './grid.ts'
import type { Access, Capabilities, Shader } from './shader.ts'
import { Block, ShaderWriter } from './writer.ts'

/** How many neighbours an invocation computes, and whether those that lie side by side are loaded as a vector. */
export type MapVariant = { readonly family: 'Map'; readonly lanes: 1 | 2 | 4; readonly vectors: boolean }

type Space = { readonly dims: readonly number[]; readonly strides: (a: Indexed) => readonly number[] }

const resultsOf = (k: MapKernel): readonly { readonly value: Expr; readonly out: Store }[] => [k, ...(k.also ?? [])]

/** Every access of a map but its stores. */
const readsOf = (k: MapKernel): readonly Indexed[] => [...new Set(resultsOf(k).flatMap((r) => accessesOf(r.value)))]

const spaceOf = (k: MapKernel): Space => {
  const order = byStride(
    k.out.strides,
    k.dims.map((_, i) => i),
  )
  const { dims, strides } = mergeAxes(k.dims, order, [...readsOf(k), ...resultsOf(k).map((r) => r.out)])
  return { dims, strides: (a) => strides.get(a)! }
}

/** Operands all of whose uses are of whole, aligned vectors along the last axis. */
const vectorsOf = (k: MapKernel, { strides }: Space): ReadonlySet<number> => {
  const loads = resultsOf(k).flatMap((r) => accessesOf(r.value).filter((a) => a._tag === 'Load'))
  const uses: readonly (Load | Store)[] = [...loads, ...resultsOf(k).map((r) => r.out)]
  const whole = (a: Load | Store): boolean =>
    ('picks' in a ? a.picks.length === 0 : true) &&
    a.element !== 'f16' &&
    a.element !== 'bf16' &&
    a.offset % 4 === 0 &&
    strides(a).every((s, i, all) => (i === all.length - 1 ? s === 1 : s % 4 === 0))
  const broken = new Set(uses.filter((a) => !whole(a)).map((a) => a.operand))
  // Parts that begin anywhere are read one neighbour at a time.
  const parts = resultsOf(k).flatMap((r) => subexpressions(r.value).filter((e) => e._tag === 'Parts'))
  const cut = parts.some(
    (p) =>
      strides(p.at).at(-1) !== 0 &&
      (p.at.offset % 4 !== 0 ||
        p.ends.some((end) => end % 4 !== 0) ||
        strides(p.at).some((s, i, all) => (i === all.length - 1 ? s !== 1 : s % 4 !== 0))),
  )
  return cut ? new Set() : new Set(uses.map((a) => a.operand).filter((o) => !broken.has(o)))
}

/** The ways to compute a map. */
export const mapVariants = (k: MapKernel, caps: Capabilities): readonly MapVariant[] => {
  const one: MapVariant = { family: 'Map', lanes: 1, vectors: false }
  const space = spaceOf(k)
  const last = space.dims.at(-1) ?? 1
  const halves = resultsOf(k).some(({ out }) => out.element === 'f16' || out.element === 'bf16')
  if (last % 4 !== 0) return halves ? [{ ...one, lanes: 2 }] : [one]
  const four: MapVariant = { family: 'Map', lanes: 4, vectors: false }
  const vectors: MapVariant = { ...four, vectors: true }
  const wide = vectorsOf(k, space).size > 0 ? [vectors, four] : [four]
  if (halves) return caps.adapter === 'gpu' ? wide : wide.toReversed()
  return caps.adapter === 'gpu' ? [...wide, one] : [one, ...wide]
}

const size = 64

/** The code of a map. */
export const mapShader = (k: MapKernel, access: readonly Access[], { lanes, vectors }: MapVariant): Shader => {
  const writer = new ShaderWriter(access)
  const { params } = writer
  const space = spaceOf(k)
  const inner = space.dims.length - 1
  const dims = space.dims.map((d, i) => (i === inner ? d / lanes : d))
  const count = dims.reduce((a, b) => a * b, 1)
  const write = new Expressions(writer, {
    lanes,
    strides: space.strides,
    vectors: vectors && lanes === 4 ? vectorsOf(k, space) : new Set(),
  })
  const body = new Block(writer)
  const index = body.let(`${groupIndex} * ${size}u + lid`, 'i')
  body.add(`if (${index} >= ${params.int(count)}) { return; }`)
  const extents = dims.map((d, i) => (i === 0 ? '' : params.int(d)))
  const at = unflatten(body, index, extents).map((i, axis) =>
    axis === inner && lanes > 1 ? body.let(`${i} * ${lanes}u`, 'i') : i,
  )
  const results = resultsOf(k)
  const values = write.values(
    body,
    results.map((r) => r.value),
    at,
  )
  results.forEach((r, i) => write.store(body, r.out, at, values[i]!))
  return writer.finish({ size: [size, 1, 1], body, workgroups: fold(Math.ceil(count / size)) })
}
