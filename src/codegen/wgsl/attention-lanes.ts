/**
 * Attention by a subgroup whose lanes lie along the depth of queries and the features of values: a row of keys or values is loaded once for
 * all queries of the subgroup, and nothing of it is broadcast. Products of as many queries as there are lanes are added up across lanes
 * by one butterfly that leaves each lane with the score of a query of its own, so that exponentials are taken for all of them at once.
 * Milakov & Gimelshein 2018 (the running maximum); 15–20 × of what TensorFlow.js composes on lavapipe.
 */
import type { PlainAttentionKernel } from '../kernel.ts'
import { lowest, Places, range } from './attention-places.ts'
import type { Capabilities, Shader, Use } from './shader.ts'
import { Block, ShaderWriter, type Elements } from './writer.ts'

/** `queries` of a subgroup, a multiple of its `lanes`; `keys` that are taken at a time. */
export type Lanewise = { readonly lanes: number; readonly queries: number; readonly keys: number }

/** Σ over lanes of the i-th of `lanes` values, to lane i. */
const butterfly = (block: Block, values: readonly string[], odd: ReadonlyMap<number, string>): string => {
  let left = values
  for (let step = values.length / 2; step >= 1; step /= 2) {
    const half = left.slice(0, step)
    left = half.map((x, i) => {
      const y = left[i + step]!
      const [mine, others] = [`select(${x}, ${y}, ${odd.get(step)!})`, `select(${y}, ${x}, ${odd.get(step)!})`]
      return block.let(`${mine} + subgroupShuffleXor(${others}, ${step}u)`, 'z')
    })
  }
  return left[0]!
}

/** The code of attention by subgroups. */
export const lanewiseShader = (
  k: PlainAttentionKernel,
  access: readonly Use[],
  { lanes, queries, keys }: Lanewise,
  caps: Capabilities,
): Shader => {
  const writer = new ShaderWriter(access, caps)
  const body = new Block(writer)
  const places = new Places(writer, body, k, queries)
  const { first, rows } = places
  const [inner, outer] = [Math.ceil(k.depth / lanes), Math.ceil(k.features / lanes)]
  const queriesOf = places.queries(k)
  const [ks, vs, out] = [places.place(k.k), places.place(k.v), places.place(k.out)]
  const groups = range(queries / lanes)
  const query = (g: number, i: number): number => g * lanes + i
  const scale = body.let(writer.params.float(k.scale), 'c')
  // Loads and stores cost compilation more than arithmetic: those of the queries are loops over arrays.
  body.add(`var asked: array<f32, ${queries * inner}>;`)
  body.nest(`for (var i = 0u; i < ${queries}u; i++)`, (each) => {
    const element = queriesOf(each, each.let(`min(${first} + i, ${rows} - 1u)`, 'r'))
    each.nest(`for (var c = 0u; c < ${inner}u; c++)`, (deep) => {
      const column = deep.let(`c * ${lanes}u + lane`, 'j')
      const value = element(deep, `min(${column}, ${places.depth} - 1u)`)
      deep.add(`asked[i * ${inner}u + c] = select(0.0, ${value} * ${scale}, ${column} < ${places.depth});`)
    })
  })
  const asked = range(queries).map((n) => range(inner).map((c) => body.let(`asked[${n * inner + c}]`, 'q')))
  const sums = range(queries).map(() => range(outer).map(() => body.var('0.0', 'o')))
  const [most, totals] = [groups.map(() => body.var(lowest, 'm')), groups.map(() => body.var('0.0', 'l'))]
  const odd = new Map(range(Math.log2(lanes)).map((b) => [2 ** b, body.let(`(lane & ${2 ** b}u) != 0u`, 'u')] as const))
  const own = groups.map((g) => body.let(`min(${first} + ${g * lanes}u + lane, ${rows} - 1u)`, 'r'))
  // The lanes' columns of K and V from where a row begins; beyond the last one, K's are 0.
  const columns = (count: number, column: (j: string) => string): readonly string[] =>
    range(count).map((c) => body.let(column(`${c * lanes}u + lane`), 'j'))
  const [inKey, inValue] = [columns(inner, ks.column), columns(outer, vs.column)]
  const inside = k.depth % lanes === 0 ? undefined : body.let(`${(inner - 1) * lanes}u + lane < ${places.depth}`, 'u')
  const load = (block: Block, array: Elements, address: string, within?: string): string =>
    block.let(within === undefined ? array.at(address) : `select(0.0, ${array.at(address)}, ${within})`, 'x')
  body.nest(`for (var j = 0u; j < ${places.keys}; j += ${keys}u)`, (loop) => {
    const at = range(keys).map((i) => (i === 0 ? 'j' : loop.let(`min(j + ${i}u, ${places.keys} - 1u)`, 'j')))
    const scores = at.map((key, i) => {
      const row = loop.let(`${ks.start} + ${key} * ${ks.row}`, 'a')
      const xs = inKey.map((c, n) => load(loop, ks.array, `${row} + ${c}`, n === inner - 1 ? inside : undefined))
      return groups.map((g) => {
        const products = range(lanes).map((n) =>
          loop.let(
            asked[query(g, n)]!.reduce((sum, a, c) => {
              // Parsers go no deeper than a hundred or so.
              const before = c > 0 && c % 32 === 0 ? loop.let(sum, 'p') : sum
              return c === 0 ? `${a} * ${xs[c]!}` : `fma(${a}, ${xs[c]!}, ${before})`
            }, ''),
            'p',
          ),
        )
        const score = places.masked(loop, k, butterfly(loop, products, odd), own[g]!, key)
        return i === 0 ? score : loop.let(`select(${lowest}, ${score}, j + ${i}u < ${places.keys})`, 'd')
      })
    })
    // A key beyond the last one weighs nothing, even where all others are masked.
    const weigh = (i: number, g: number): string => {
      const weight = `exp(${scores[i]![g]!} - ${most[g]!})`
      return i === 0 ? weight : `select(0.0, ${weight}, j + ${i}u < ${places.keys})`
    }
    const weights = groups.map((g) => {
      const high = loop.let(
        scores.reduce((m, s) => `max(${m}, ${s[g]!})`, most[g]!),
        'm',
      )
      const fade = loop.let(`exp(${most[g]!} - ${high})`, 'f')
      loop.add(`${most[g]!} = ${high};`)
      const each = at.map((_, i) => loop.let(weigh(i, g), 'e'))
      loop.add(`${totals[g]!} = ${[`${totals[g]!} * ${fade}`, ...each].join(' + ')};`)
      return { fade, each }
    })
    const values = at.map((key) => {
      const row = loop.let(`${vs.start} + ${key} * ${vs.row}`, 'a')
      return inValue.map((c) => load(loop, vs.array, `${row} + ${c}`))
    })
    for (const g of groups)
      for (const n of range(lanes)) {
        const { fade, each } = weights[g]!
        const of = (x: string): string => loop.let(`subgroupBroadcast(${x}, ${n}u)`, 'e')
        const [by, ws] = [of(fade), each.map(of)]
        loop.add(
          sums[query(g, n)]!.map(
            (o, c) => `${o} = ${ws.reduce((sum, w, i) => `fma(${w}, ${values[i]![c]!}, ${sum})`, `${o} * ${by}`)};`,
          ).join(' '),
        )
      }
  })
  body.add(`var found = array<f32, ${queries * outer}>(${sums.flat().join(', ')});`)
  body.add(`var shares = array<f32, ${groups.length}>(${totals.map((l) => places.share(l)).join(', ')});`)
  body.nest(`for (var i = 0u; i < min(${queries}u, ${rows} - ${first}); i++)`, (each) => {
    const share = each.let(`subgroupShuffle(shares[i / ${lanes}u], i % ${lanes}u)`, 'e')
    const row = each.let(`${out.start} + (${first} + i) * ${out.row}`, 'a')
    each.nest(`for (var c = 0u; c < ${outer}u; c++)`, (deep) => {
      const column = deep.let(`c * ${lanes}u + lane`, 'j')
      deep.nest(`if (${column} < ${places.features})`, (store) =>
        store.add(out.array.set(`${row} + ${out.column(column)}`, `found[i * ${outer}u + c] * ${share}`)),
      )
    })
  })
  return writer.finish({
    size: [lanes, 1, 1],
    body,
    workgroups: places.workgroups,
    builtins: { lane: 'subgroup_invocation_id' },
    enables: ['subgroups'],
  })
}
