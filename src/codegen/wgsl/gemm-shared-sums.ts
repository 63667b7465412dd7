/** The sums of a tile that is in workgroup memory. */
import type { GemmKernel, MapKernel, Term } from '../kernel.ts'
import type { Moments, SharedOperands } from './gemm-shared-operands.ts'
import { Finish, isPaired } from './gemm-store.ts'
import { layoutOf, type Layout, type Shared } from './shared-tile.ts'
import type { Block, ShaderWriter } from './writer.ts'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** Where a tile is: its batch, how many rows there are, its first, and its number along the columns. */
type Corner = { readonly batch: string; readonly total: string; readonly first: string; readonly column: string }

/** The sums of every invocation. */
export class SharedSums {
  readonly #writer: ShaderWriter
  readonly #body: Block
  readonly #k: GemmKernel
  readonly #tile: Shared
  readonly #lies: Layout
  readonly #sums: readonly (readonly string[])[]
  readonly #x: string
  readonly #y: string
  readonly #slice: string

  constructor(writer: ShaderWriter, body: Block, k: GemmKernel, tile: Shared) {
    this.#writer = writer
    this.#body = body
    this.#k = k
    this.#tile = tile
    this.#lies = layoutOf(tile)
    const { across, down, slices } = tile
    this.#x = across === 1 ? '0u' : body.let(`lid % ${across}u`, 'j')
    this.#y = body.let(`(lid / ${across}u) % ${down}u`, 'i')
    this.#slice = slices === 1 ? '0u' : body.let(`lid / ${across * down}u`, 'z')
    this.#sums = range(tile.rows).map(() => range(tile.wide).map(() => body.var('vec4f()', 'c')))
  }

  /** Adds the products of what is in workgroup memory: a slice has a part of it. */
  step(block: Block): void {
    const { down, across, deep } = this.#tile
    const { stride, columns, b } = this.#lies
    const q = this.#writer.fresh('q')
    block.nest(`for (var ${q} = 0u; ${q} < ${deep / 4}u; ${q}++)`, (inner) => {
      const at = this.#slice === '0u' ? q : inner.let(`${this.#slice} * ${deep / 4}u + ${q}`, 'q')
      const xs = this.#sums.map((_, i) => inner.let(`tile[(${i * down}u + ${this.#y}) * ${stride}u + ${at}]`, 'x'))
      const row = inner.let(`${b}u + ${at} * ${4 * columns}u + ${this.#x}`, 'q')
      for (const kk of range(4)) {
        const ys = range(this.#tile.wide).map((j) => inner.let(`tile[${row} + ${kk * columns + j * across}u]`, 'y'))
        this.#sums.forEach((sums, i) =>
          inner.add(sums.map((s, j) => `${s} = fma(vec4f(${xs[i]!}.${'xyzw'[kk]}), ${ys[j]!}, ${s});`).join(' ')),
        )
      }
    })
  }

  /** Puts the sums by, and begins anew; what was put by. */
  putBy(): (i: number, j: number) => string {
    const names = this.#sums.map((row) => row.map((s) => this.#body.let(s, 'c')))
    this.#sums.flat().forEach((s) => this.#body.add(`${s} = vec4f();`))
    return (i, j) => names[i]![j]!
  }

  /** rstd · (Σ (x − o) · B − (mean − o) · Σ B), where Σ B is taken off once, by the first slice. */
  normalise(
    { norm, segments }: Term,
    moments: Moments,
    operands: SharedOperands,
    before: ((i: number, j: number) => string) | undefined,
  ): void {
    const body = this.#body
    const { params } = this.#writer
    const { down, across } = this.#tile
    const { stride, depth, columns, invocations } = this.#lies
    const part = params.float(1 / segments.reduce((sum, s) => sum + s.length, 0))
    const eps = params.float(norm!.eps)
    const total = (count: number, at: (j: string) => string): string => {
      const sum = body.var('vec4f()', 'm')
      const j = this.#writer.fresh('j')
      body.add(`for (var ${j} = 0u; ${j} < ${count}u; ${j}++) { ${sum} += tile[${at(j)}]; }`)
      return sum
    }
    operands.place(body, (i) => `vec4f(${moments.sums[i]!}, ${moments.squares[i]!}, 0.0, 0.0)`)
    body.add('workgroupBarrier();')
    const rows = this.#sums.map((_, i) => {
      const sum = total(depth, (j) => `(${i * down}u + ${this.#y}) * ${stride}u + ${j}`)
      const mean = body.let(norm!.centred ? `${sum}.x * ${part}` : '0.0', 'u')
      const square = `max(fma(-${mean}, ${mean}, ${sum}.y * ${part}), 0.0)`
      return { mean, deviation: body.let(`1.0 / sqrt(${square} + ${eps})`, 'v') }
    })
    body.add('workgroupBarrier();', `tile[lid] = ${moments.columns};`, 'workgroupBarrier();')
    const ofColumns = range(this.#tile.wide).map((j) =>
      total(invocations / columns, (i) => `${i} * ${columns}u + ${this.#x} + ${j * across}u`),
    )
    body.add('workgroupBarrier();')
    this.#sums.forEach((sums, i) => {
      const { mean, deviation } = rows[i]!
      const off = this.#slice === '0u' ? mean : body.let(`select(0.0, ${mean}, ${this.#slice} == 0u)`, 'u')
      sums.forEach((s, j) => {
        const earlier = before === undefined ? '' : ` + ${before(i, j)}`
        body.add(`${s} = ${deviation} * (${s} - ${off} * ${ofColumns[j]!})${earlier};`)
      })
    })
  }

  /** Adds up what the slices have; the first then has it all. */
  together(): void {
    const { slices, down, across } = this.#tile
    if (slices === 1) return
    const each = down * across
    const names = this.#sums.flat()
    const place = (slice: string, n: number): string =>
      `tile[${n}u * ${(slices / 2) * each}u + ${slice} * ${each}u + lid % ${each}u]`
    this.#body.nest(`for (var step = ${slices / 2}u; step > 0u; step >>= 1u)`, (inner) => {
      inner.nest(`if (${this.#slice} >= step && ${this.#slice} < 2u * step)`, (give) =>
        names.forEach((s, n) => give.add(`${place(`(${this.#slice} - step)`, n)} = ${s};`)),
      )
      inner.add('workgroupBarrier();')
      inner.nest(`if (${this.#slice} < step)`, (take) =>
        names.forEach((s, n) => take.add(`${s} += ${place(this.#slice, n)};`)),
      )
      inner.add('workgroupBarrier();')
    })
  }

  /** Finishes the tile, four columns at a time where they are whole. */
  finish(map: MapKernel, vectors: ReadonlySet<number>, { batch, total, first, column }: Corner): void {
    const body = this.#body
    const { rows, wide, down, across } = this.#tile
    const paired = isPaired(this.#k, map)
    const count = map.dims.at(-1)!
    const lanes = paired ? (count % 2 === 0 ? 2 : 1) : count % 4 === 0 ? 4 : 1
    const finish = new Finish(this.#writer, body, map, lanes, lanes === 4 ? vectors : new Set())
    const most = body.let(finish.columns(), 'n')
    const all = body.var(`array<vec4f, ${rows * wide}>(${this.#sums.flat().join(', ')})`, 'all')
    const [i, j, e] = ['i', 'j', 'e'].map((n) => this.#writer.fresh(n)) as [string, string, string]
    const each = (block: Block): void =>
      block.nest(`for (var ${i} = 0u; ${i} < ${rows}u; ${i}++)`, (outer) => {
        const row = outer.let(`${first} + ${i} * ${down}u + ${this.#y}`, 'm')
        outer.nest(`if (${row} < ${total})`, (own) => {
          const at = finish.row(own, own.let(`${batch} * ${total} + ${row}`, 'm'))
          own.nest(`for (var ${j} = 0u; ${j} < ${wide}u; ${j}++)`, (inner) => {
            const four = inner.let(`${all}[${i} * ${wide}u + ${j}]`, 'c')
            const group = inner.let(`${column} * ${this.#lies.columns}u + ${this.#x} + ${j} * ${across}u`, 'n')
            // Columns of the map in four of the product.
            const own = paired ? 2 : 4
            const store = (to: Block, n: string, product: (pair: number) => string): void =>
              to.nest(`if (${n} < ${most})`, (inside) => finish.store(inside, at, n, product))
            if (lanes === own)
              return store(inner, inner.let(`${group} * ${own}u`, 'n'), (pair) =>
                paired ? (pair === 0 ? `${four}.xz` : `${four}.yw`) : four,
              )
            inner.nest(`for (var ${e} = 0u; ${e} < ${own}u; ${e}++)`, (one) =>
              store(one, one.let(`${group} * ${own}u + ${e}`, 'n'), (pair) =>
                paired ? `${four}[2u * ${e} + ${pair}u]` : `${four}[${e}]`,
              ),
            )
          })
        })
      })
    if (this.#slice === '0u') each(body)
    else body.nest(`if (${this.#slice} == 0u)`, each)
  }
}
