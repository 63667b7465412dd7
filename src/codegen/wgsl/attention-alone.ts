/**
 * Attention with whole queries to each invocation: all of a workgroup read the same row of keys or values at the same time. With `lanes`, the
 * subgroup loads so many of a row's elements at once, one by each lane, and broadcasts them. Wins where the depth is small.
 */
import type { PlainAttentionKernel } from '../kernel.ts'
import { lowest, Places, range, type Place } from './attention-places.ts'
import type { Capabilities, Shader, Use } from './shader.ts'
import { Block, ShaderWriter } from './writer.ts'

/** `lanes` of a subgroup, 1 for none; `queries` of an invocation; `keys` that are taken at a time. */
export type Alone = { readonly lanes: number; readonly queries: number; readonly keys: number }

const invocations = 32

/** The code of attention by invocations. */
export const aloneShader = (
  k: PlainAttentionKernel,
  access: readonly Use[],
  { lanes, queries, keys }: Alone,
  caps: Capabilities,
): Shader => {
  const size = lanes > 1 ? lanes : invocations
  const writer = new ShaderWriter(access, caps)
  const body = new Block(writer)
  const places = new Places(writer, body, k, queries * size)
  const { first, rows } = places
  const queriesOf = places.queries(k)
  const [ks, vs, out] = [places.place(k.k), places.place(k.v), places.place(k.out)]
  const scale = body.let(writer.params.float(k.scale), 'c')
  const row = (i: string): string => `min(${first} + ${i} * ${size}u + lid, ${rows} - 1u)`
  body.add(`var asked: array<f32, ${queries * k.depth}>;`)
  body.nest(`for (var i = 0u; i < ${queries}u; i++)`, (each) => {
    const element = queriesOf(each, each.let(row('i'), 'r'))
    each.nest(`for (var c = 0u; c < ${k.depth}u; c++)`, (deep) =>
      deep.add(`asked[i * ${k.depth}u + c] = ${element(deep, 'c')} * ${scale};`),
    )
  })
  const own = range(queries)
  const asked = own.map((n) => range(k.depth).map((c) => body.let(`asked[${n * k.depth + c}]`, 'q')))
  const sums = own.map(() => range(k.features).map(() => body.var('0.0', 'o')))
  const [most, totals] = [own.map(() => body.var(lowest, 'm')), own.map(() => body.var('0.0', 'l'))]
  const line = own.map((n) => body.let(row(`${n}u`), 'r'))
  /** The elements of a row from where it begins, one after the other, as the lanes bring them. */
  const elements = (
    loop: Block,
    { array, column }: Place,
    from: string,
    count: number,
    each: (c: number, x: string) => void,
  ): void => {
    for (let start = 0; start < count; start += lanes) {
      const some = loop.let(array.at(`${from} + ${column(lanes > 1 ? `${start}u + lane` : `${start}u`)}`), 'x')
      for (let i = 0; i < lanes && start + i < count; i++)
        each(start + i, lanes === 1 ? some : loop.let(`subgroupBroadcast(${some}, ${i}u)`, 'x'))
    }
  }
  body.nest(`for (var j = 0u; j < ${places.keys}; j += ${keys}u)`, (loop) => {
    const at = range(keys).map((i) => (i === 0 ? 'j' : loop.let(`min(j + ${i}u, ${places.keys} - 1u)`, 'j')))
    const scores = at.map((key, i) => {
      const products = own.map(() => loop.var('0.0', 'p'))
      const from = loop.let(`${ks.start} + ${key} * ${ks.row}`, 'a')
      elements(loop, ks, from, k.depth, (c, x) =>
        loop.add(products.map((p, n) => `${p} = fma(${asked[n]![c]!}, ${x}, ${p});`).join(' ')),
      )
      return products.map((p, n) => {
        const score = places.masked(loop, k, p, line[n]!, key)
        return i === 0 ? score : loop.let(`select(${lowest}, ${score}, j + ${i}u < ${places.keys})`, 'd')
      })
    })
    const weights = own.map((n) => {
      const high = loop.let(
        scores.reduce((m, s) => `max(${m}, ${s[n]!})`, most[n]!),
        'm',
      )
      const fade = loop.let(`exp(${most[n]!} - ${high})`, 'f')
      loop.add(`${most[n]!} = ${high};`)
      // A key beyond the last one weighs nothing, even where all others are masked.
      const each = at.map((_, i) => {
        const weight = `exp(${scores[i]![n]!} - ${high})`
        return loop.let(i === 0 ? weight : `select(0.0, ${weight}, j + ${i}u < ${places.keys})`, 'e')
      })
      loop.add(`${totals[n]!} = ${[`${totals[n]!} * ${fade}`, ...each].join(' + ')};`)
      loop.add(sums[n]!.map((o) => `${o} *= ${fade};`).join(' '))
      return each
    })
    at.forEach((key, i) => {
      const from = loop.let(`${vs.start} + ${key} * ${vs.row}`, 'a')
      elements(loop, vs, from, k.features, (c, x) =>
        loop.add(own.map((n) => `${sums[n]![c]!} = fma(${weights[n]![i]!}, ${x}, ${sums[n]![c]!});`).join(' ')),
      )
    })
  })
  body.add(`var found = array<f32, ${queries * k.features}>(${sums.flat().join(', ')});`)
  body.add(`var shares = array<f32, ${queries}>(${totals.map((l) => places.share(l)).join(', ')});`)
  body.nest(`for (var i = 0u; i < ${queries}u; i++)`, (each) => {
    const line = each.let(`${first} + i * ${size}u + lid`, 'r')
    each.nest(`if (${line} < ${rows})`, (inner) => {
      const to = inner.let(`${out.start} + ${line} * ${out.row}`, 'a')
      inner.nest(`for (var c = 0u; c < ${k.features}u; c++)`, (deep) =>
        deep.add(out.array.set(`${to} + ${out.column('c')}`, `found[i * ${k.features}u + c] * shares[i]`)),
      )
    })
  })
  return writer.finish({
    size: [size, 1, 1],
    body,
    workgroups: places.workgroups,
    ...(lanes > 1 ? { builtins: { lane: 'subgroup_invocation_id' }, enables: ['subgroups'] } : {}),
  })
}
