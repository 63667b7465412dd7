/**
 * Queries of a workgroup as products of its rows with weights, q = norm(x) · W, for attention on tiles. Pieces of rows and of weights are brought to
 * workgroup memory, where an invocation finds its own rows, and the sums of its part of their depth stay in its registers: of what it reads
 * there the weights are the same for its neighbours. Rows are normalised as in products: rstd · (Σ (x − x₀) · W − (mean − x₀) · Σ W).
 */
import type { PlainAttentionKernel } from '../kernel.ts'
import { fourOf, range, type Place, type Places } from './attention-places.ts'
import type { Block, ShaderWriter } from './writer.ts'

/** Elements of K that are brought at a time, most first. */
export const pieces = [16, 8, 4]

/** What of a workgroup's tile counts here. */
type Tile = {
  readonly invocations: number
  readonly parts: number
  readonly queries: number
  readonly deep?: number
}

/** Where rows, weights and the sums of weights lie in workgroup memory, in vectors; a row's stride is odd, so that neighbours' banks differ. */
const layoutOf = ({ invocations, parts, queries, deep = 4 }: Tile, width: number) => {
  const lines = (invocations / parts) * queries
  const stride = (deep / 4) | 1
  const weights = lines * stride
  return { lines, stride, weights, totals: weights + deep * width, all: weights + (deep + 1) * width }
}

/** Vectors of workgroup memory that it takes, where a row of weights is so many. */
export const projectionVectors = (tile: Tile, width: number): number => layoutOf(tile, width).all

/**
 * An invocation's place in the workgroup: its line and part, its rows, and of how many vectors its part of a query is; `q` are the rows, `depth` how
 * many columns a query has, and whether there are none beyond in the vectors of all parts.
 */
type Own = {
  readonly q: Place
  readonly line: string
  readonly part: string
  readonly row: readonly string[]
  readonly scale: string
  readonly vectors: number
  readonly depth: readonly [string, boolean]
}

/** The queries of an invocation times `scale`, vector by vector. To be reached by all. */
export const projectedQueries = (
  writer: ShaderWriter,
  body: Block,
  { inner, w, bias, norm }: NonNullable<PlainAttentionKernel['project']>,
  tile: Tile,
  places: Places,
  { q, line, part, row, scale, vectors, depth }: Own,
): readonly (readonly string[])[] => {
  const { params } = writer
  const { invocations, parts, deep = 4 } = tile
  const [across, width, steps] = [invocations / parts, vectors * parts, deep / 4]
  const { lines, stride, weights, totals } = layoutOf(tile, width)
  const isWhole = inner % deep === 0
  const centred = norm?.centred === true
  const count = body.let(params.int(inner), 'n')
  const [b, added] = [places.place(w), bias && places.place(bias)]
  const last = `${places.rows} - 1u`
  const firstOf = (from: string): string =>
    body.let(q.lanes === 4 ? `${q.array.at(`(${from}) >> 2u`)}.x` : q.array.at(from), 'o')
  const own = row.map((r) => ({
    shift: centred ? firstOf(`${q.start} + min(${r}, ${last}) * ${q.row}`) : undefined,
    sums: range(vectors).map(() => body.var('vec4f()', 'c')),
    moments: norm === undefined ? undefined : { sum: body.var('0.0', 'm'), square: body.var('0.0', 'm') },
  }))

  const share = (block: Block, all: string, each: (loop: Block) => void): void =>
    block.nest(`for (var i = lid; i < ${all}; i += ${invocations}u)`, each)
  const bring = (block: Block): void => {
    share(block, `${lines * steps}u`, (loop) => {
      const line = loop.let(`i / ${steps}u`, 'r')
      const from = loop.let(`${q.start} + min(${places.first} + ${line}, ${last}) * ${q.row}`, 'a')
      const column = loop.let(`i % ${steps}u`, 'j')
      loop.add(
        `tile[${line} * ${stride}u + ${column}] = ${fourOf(loop, q, from, `start + ${column} * 4u`, count, isWhole)};`,
      )
    })
    share(block, `${deep * width}u`, (loop) => {
      const line = loop.let(`i / ${width}u`, 'r')
      const at = isWhole ? `start + ${line}` : `min(start + ${line}, ${count} - 1u)`
      const from = loop.let(`${b.start} + (${at}) * ${b.row}`, 'a')
      const four = fourOf(loop, b, from, `(i - ${line} * ${width}u) * 4u`, ...depth)
      loop.add(`tile[${weights}u + i] = ${isWhole ? four : `select(vec4f(), ${four}, start + ${line} < ${count})`};`)
    })
  }

  const add = (block: Block, index: string): void => {
    const xs = own.map(({ shift, moments }, n) => {
      const x = block.let(`tile[(${n * across}u + ${line}) * ${stride}u + ${index}]`, 'x')
      const from = shift === undefined ? x : block.let(`${x} - ${shift}`, 'x')
      // Beyond the last element there is nothing, neither of a row nor of its distance from its first one.
      const within = `vec4u(start + ${index} * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(${count})`
      const mine = isWhole || shift === undefined ? from : block.let(`select(vec4f(), ${from}, ${within})`, 'x')
      if (moments !== undefined)
        block.add(`${moments.sum} += dot(${mine}, vec4f(1));`, `${moments.square} += dot(${mine}, ${mine});`)
      return mine
    })
    const from = block.let(`${weights}u + ${index} * ${4 * width}u + ${part} * ${vectors}u`, 'a')
    for (const k of range(4))
      range(vectors).forEach((v) => {
        const y = block.let(`tile[${from} + ${k * width + v}u]`, 'y')
        const sums = own.map((o) => o.sums[v]!)
        block.add(sums.map((s, n) => `${s} = fma(vec4f(${xs[n]!}.${'xyzw'[k]!}), ${y}, ${s});`).join(' '))
      })
  }

  body.nest(`for (var start = 0u; start < ${count}; start += ${deep}u)`, (loop) => {
    bring(loop)
    loop.add('workgroupBarrier();')
    if (centred)
      share(loop, `${width}u`, (each) => {
        const total = each.var(`tile[${totals}u + i]`, 's')
        each.add(`if (start == 0u) { ${total} = vec4f(); }`)
        each.add(`for (var d = 0u; d < ${deep}u; d++) { ${total} += tile[${weights}u + d * ${width}u + i]; }`)
        each.add(`tile[${totals}u + i] = ${total};`)
      })
    loop.nest(`for (var e = 0u; e < ${steps}u; e++)`, (inner) => add(inner, 'e'))
    loop.add('workgroupBarrier();')
  })

  const each = params.float(1 / inner)
  const finished = own.map(({ sums, moments }) => {
    const mean = moments === undefined || !centred ? '0.0' : body.let(`${moments.sum} * ${each}`, 'u')
    const deviation =
      moments === undefined
        ? '1.0'
        : body.let(
            `1.0 / sqrt(max(fma(-${mean}, ${mean}, ${moments.square} * ${each}), 0.0) + ${params.float(norm!.eps)})`,
            'v',
          )
    const name = body.var(`array<vec4f, ${vectors}>(${sums.join(', ')})`, 'q')
    body.nest(`for (var i = 0u; i < ${vectors}u; i++)`, (loop) => {
      const column = loop.let(`${part} * ${vectors}u + i`, 'j')
      const less = centred ? ` - ${mean} * tile[${totals}u + ${column}]` : ''
      const more = added ? ` + ${fourOf(loop, added, added.start, `${column} * 4u`, ...depth)}` : ''
      loop.add(`${name}[i] = ((${name}[i]${less}) * ${deviation}${more}) * ${scale};`)
    })
    return range(vectors).map((i) => body.let(`${name}[${i}]`, 'q'))
  })
  // Keys and values take this memory next.
  if (centred) body.add('workgroupBarrier();')
  return finished
}
