/**
 * Attention on tiles of keys and values in workgroup memory, for GPUs: each is loaded once for all queries of the workgroup. An invocation has a
 * part of a query's depth and of its features, so that a long query fits in registers; the parts' products are added up in workgroup memory.
 * Queries that are products are made the same way, before, in the same memory. Dao et al. 2022 (FlashAttention).
 */
import type { PlainAttentionKernel } from '../kernel.ts'
import { fourOf, lowest, Places, range, vectorMatrices, type Place } from './attention-places.ts'
import { projectedQueries, projectionVectors } from './attention-projection.ts'
import type { Capabilities, Shader, Use } from './shader.ts'
import { Block, ShaderWriter } from './writer.ts'

/** `invocations` of a workgroup, `parts` of a query among them; `queries` of each; `keys` of a tile; `deep`: elements of K at a time that queries are made of. */
export type Tiled = {
  readonly invocations: number
  readonly parts: number
  readonly queries: number
  readonly keys: number
  readonly deep?: number
}

/** Vectors of four that each part of so many columns has. */
const vectorsOf = (columns: number, parts: number): number => Math.ceil(columns / (4 * parts))

/** Vectors of workgroup memory: a tile of keys and values, or before that what queries are made of. */
const tileVectors = (k: PlainAttentionKernel, t: Tiled): number => {
  const [inner, outer] = [vectorsOf(k.depth, t.parts), vectorsOf(k.features, t.parts)]
  const before = k.project === undefined ? 0 : projectionVectors(t, inner * t.parts)
  return Math.max(t.keys * t.parts * (inner + outer), before)
}

/** Bytes of workgroup memory that a tile takes. */
export const tileBytes = (k: PlainAttentionKernel, t: Tiled): number =>
  16 * tileVectors(k, t) + (t.parts === 1 ? 0 : 4 * t.keys * t.queries * t.invocations)

/** The code of attention by workgroups. */
export const tiledShader = (
  k: PlainAttentionKernel,
  access: readonly Use[],
  tile: Tiled,
  caps: Capabilities,
): Shader => {
  const { invocations, parts, queries, keys } = tile
  const across = invocations / parts
  const writer = new ShaderWriter(access, caps)
  const body = new Block(writer)
  const places = new Places(writer, body, k, across * queries, vectorMatrices(k))
  const { first, rows } = places
  const [inner, outer] = [vectorsOf(k.depth, parts), vectorsOf(k.features, parts)]
  const [q, ks, vs, out] = [places.place(k.q), places.place(k.k), places.place(k.v), places.place(k.out)]
  const own = range(queries)
  const line = parts === 1 ? 'lid' : body.let(`lid / ${parts}u`, 'r')
  const part = parts === 1 ? '0u' : body.let(`lid % ${parts}u`, 'r')
  const row = own.map((n) => body.let(`${first} + ${n * across}u + ${line}`, 'r'))
  const scale = body.let(writer.params.float(k.scale), 'c')
  writer.global(`var<workgroup> tile: array<vec4f, ${tileVectors(k, tile)}>;`)
  /** How many columns there are, and whether there are none beyond in the vectors of all parts. */
  const depth = [places.depth, k.depth % (4 * parts) === 0] as const
  const features = [places.features, k.features % (4 * parts) === 0] as const
  const read = (n: number): readonly string[] => {
    const from = body.let(`${q.start} + min(${row[n]!}, ${rows} - 1u) * ${q.row}`, 'a')
    const name = body.var(`array<vec4f, ${inner}>()`, 'q')
    body.nest(`for (var i = 0u; i < ${inner}u; i++)`, (loop) => {
      const x = fourOf(loop, q, from, `(${part} * ${inner}u + i) * 4u`, ...depth)
      loop.add(`${name}[i] = ${x} * ${scale};`)
    })
    return range(inner).map((i) => body.let(`${name}[${i}]`, 'q'))
  }
  const asked =
    k.project === undefined
      ? own.map(read)
      : projectedQueries(writer, body, k.project, tile, places, { q, line, part, row, scale, vectors: inner, depth })
  const sums = own.map(() => range(outer).map(() => body.var('vec4f()', 'o')))
  const [most, totals] = [own.map(() => body.var(lowest, 'm')), own.map(() => body.var('0.0', 'l'))]
  const values = `${keys * parts * inner}u` // where they begin in the tile, after the keys
  if (parts > 1) writer.global(`var<workgroup> products: array<f32, ${keys * queries * invocations}>;`)
  const fill = (
    block: Block,
    begin: string,
    place: Place,
    each: number,
    [count, whole]: readonly [string, boolean],
    held: string,
  ): void => {
    const width = each * parts
    block.nest(`for (var i = lid; i < ${held} * ${width}u; i += ${invocations}u)`, (loop) => {
      const key = loop.let(`i / ${width}u`, 'j')
      const from = loop.let(`${place.start} + (start + ${key}) * ${place.row}`, 'a')
      loop.add(`tile[${begin}i] = ${fourOf(loop, place, from, `(i - ${key} * ${width}u) * 4u`, count, whole)};`)
    })
  }
  const product = (block: Block, n: number, from: string): string =>
    range(inner).reduce((sum, i) => {
      const next = `dot(${asked[n]![i]!}, tile[${from} + ${i}u])`
      return sum === '' ? next : block.let(`${sum} + ${next}`, 'p')
    }, '')
  body.nest(`for (var start = 0u; start < ${places.keys}; start += ${keys}u)`, (loop) => {
    const held = loop.let(`min(${keys}u, ${places.keys} - start)`, 'n')
    fill(loop, '', ks, inner, depth, held)
    fill(loop, `${values} + `, vs, outer, features, held)
    loop.add('workgroupBarrier();')
    if (parts > 1) {
      loop.nest(`for (var j = 0u; j < ${held}; j++)`, (each) => {
        const from = each.let(`(j * ${parts}u + ${part}) * ${inner}u`, 'a')
        own.forEach((n) =>
          each.add(`products[(j * ${queries}u + ${n}u) * ${invocations}u + lid] = ${product(each, n, from)};`),
        )
      })
      loop.add('workgroupBarrier();')
    }
    loop.nest(`for (var j = 0u; j < ${held}; j++)`, (each) => {
      const from = each.let(`${values} + (j * ${parts}u + ${part}) * ${outer}u`, 'a')
      const weights = own.map((n) => {
        const all = range(parts).map(
          (i) => `products[(j * ${queries}u + ${n}u) * ${invocations}u + ${line} * ${parts}u + ${i}u]`,
        )
        const score = each.let(parts === 1 ? product(each, n, `j * ${inner}u`) : all.join(' + '), 'p')
        const added = places.masked(each, k, score, `min(${row[n]!}, ${rows} - 1u)`, 'start + j')
        // Mostly the largest score stays what it was.
        each.nest(`if (${added} > ${most[n]!})`, (higher) => {
          const fade = higher.let(`exp(${most[n]!} - ${added})`, 'f')
          higher.add(`${most[n]!} = ${added};`, `${totals[n]!} *= ${fade};`)
          higher.add(sums[n]!.map((o) => `${o} *= ${fade};`).join(' '))
        })
        const weight = each.let(`exp(${added} - ${most[n]!})`, 'e')
        each.add(`${totals[n]!} += ${weight};`)
        return weight
      })
      range(outer).forEach((i) => {
        const value = each.let(`tile[${from} + ${i}u]`, 'x')
        each.add(weights.map((w, n) => `${sums[n]![i]!} = fma(vec4f(${w}), ${value}, ${sums[n]![i]!});`).join(' '))
      })
    })
    loop.add('workgroupBarrier();')
  })
  own.forEach((n) =>
    body.nest(`if (${row[n]!} < ${rows})`, (store) => {
      const to = store.let(`${out.start} + ${row[n]!} * ${out.row}`, 'a')
      const share = store.let(places.share(totals[n]!), 'e')
      store.add(`var found = array<vec4f, ${outer}>(${sums[n]!.join(', ')});`)
      store.nest(`for (var c = 0u; c < ${4 * outer}u; c++)`, (each) => {
        const column = each.let(`${part} * ${4 * outer}u + c`, 'j')
        each.nest(`if (${column} < ${places.features})`, (inside) =>
          inside.add(out.array.set(`${to} + ${out.column(column)}`, `found[c >> 2u][c & 3u] * ${share}`)),
        )
      })
    }),
  )
  return writer.finish({ size: [invocations, 1, 1], body, workgroups: places.workgroups })
}
