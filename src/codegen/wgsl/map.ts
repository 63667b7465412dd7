/** Elementwise kernels: an invocation for every element of the result, or for several neighbours. */
import { size } from '../../core/shape.ts'
import type { Expr, MapKernel, Store } from '../kernel.ts'
import { accessesOf, byStride, mergeAxes, type Access as Indexed } from '../space.ts'
import { Expressions } from './expression.ts'
import { shares, unflatten } from './grid.ts'
import type { Capabilities, Shader, Use } from './shader.ts'
import { vectorOperands } from './vectors.ts'
import { Block, ShaderWriter } from './writer.ts'

/** How many neighbours an invocation computes, and whether those that lie side by side are loaded as a vector. */
export type MapVariant = { readonly family: 'Map'; readonly lanes: 1 | 2 | 4; readonly vectors: boolean }

type Space = { readonly dims: readonly number[]; readonly strides: (a: Indexed) => readonly number[] }

const resultsOf = (k: MapKernel): readonly { readonly value: Expr; readonly out: Store }[] => [k, ...(k.also ?? [])]

const spaceOf = (k: MapKernel): Space => {
  const axes = k.dims.map((_, i) => i)
  const reads = new Set(resultsOf(k).flatMap((r) => accessesOf(r.value)))
  const all = [...reads, ...resultsOf(k).map((r) => r.out)]
  const { dims, strides } = mergeAxes(k.dims, byStride(k.out.strides, axes), all)
  return { dims, strides: (a) => strides.get(a)! }
}

const vectorsOf = (k: MapKernel, { dims, strides }: Space): ReadonlySet<number> =>
  vectorOperands({
    values: resultsOf(k).map((r) => r.value),
    stores: resultsOf(k).map((r) => r.out),
    strides,
    along: dims.length - 1,
  })

/** The ways to compute a map. Vectors are best everywhere, on software adapters because they are fewer invocations. */
export const mapVariants = (k: MapKernel): readonly MapVariant[] => {
  const one: MapVariant = { family: 'Map', lanes: 1, vectors: false }
  const space = spaceOf(k)
  const last = space.dims.at(-1) ?? 1
  // 16-bit floats are stored two at a time.
  const pairs = resultsOf(k).some(({ out }) => out.element === 'f16' || out.element === 'bf16')
  if (last % 4 !== 0) return [pairs ? { ...one, lanes: 2 } : one]
  const four: MapVariant = { family: 'Map', lanes: 4, vectors: false }
  const wide = vectorsOf(k, space).size > 0 ? [{ ...four, vectors: true }, four] : [four]
  return pairs ? wide : [...wide, one]
}

/** The code of a map. Equal for all extents of the same rank. */
export const mapShader = (
  k: MapKernel,
  access: readonly Use[],
  { lanes, vectors }: MapVariant,
  caps: Capabilities,
): Shader => {
  const writer = new ShaderWriter(access, caps)
  const space = spaceOf(k)
  const inner = space.dims.length - 1
  const dims = space.dims.map((d, i) => (i === inner ? d / lanes : d))
  const write = new Expressions(writer, {
    lanes,
    strides: space.strides,
    vectors: vectors && lanes === 4 ? vectorsOf(k, space) : new Set(),
  })
  const body = new Block(writer)
  const extents = dims.map((d, i) => (i === 0 ? '' : writer.params.int(d)))
  const workgroups = shares(body, writer, size(dims), caps, (index, each) => {
    const at = unflatten(each, index, extents).map((i, axis) =>
      axis === inner && lanes > 1 ? each.let(`${i} * ${lanes}u`, 'i') : i,
    )
    const results = resultsOf(k)
    const values = write.values(
      each,
      results.map((r) => r.value),
      at,
    )
    results.forEach((r, i) => write.store(each, r.out, at, values[i]!))
  })
  return writer.finish({ size: [64, 1, 1], body, workgroups })
}
