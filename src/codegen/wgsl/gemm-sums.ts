/** The sums of a tile in registers. */
import type { GemmKernel, MapKernel, Term } from '../kernel.ts'
import type { Run } from './gemm-rows.ts'
import { Finish, isPaired } from './gemm-store.ts'
import type { Block, ShaderWriter } from './writer.ts'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** Sums that a row's normalisation needs, and what they come to. */
type Moments = {
  /** The row's first element: what is summed is the distance from it, so that a large mean cancels nothing. */
  readonly shifts: readonly string[]
  readonly sums: readonly string[]
  readonly squares: readonly string[]
  /** Σ B of every column. */
  readonly columns: readonly string[]
}

/** The sums of a tile: `lanes` lanes along columns, each with all rows, or one invocation with all of them. */
export class Sums {
  readonly #writer: ShaderWriter
  readonly #body: Block
  readonly #k: GemmKernel
  readonly #across: number
  readonly #lanes: number
  readonly #paired: boolean
  readonly #sums: readonly (readonly string[])[]
  readonly #step: string
  #moments: Moments | undefined

  /** `paired`: a lane's columns are neighbours two by two, not all `lanes` apart. */
  constructor(
    writer: ShaderWriter,
    body: Block,
    k: GemmKernel,
    tile: { readonly rows: number; readonly columns: number; readonly lanes: number },
    paired: boolean,
  ) {
    this.#writer = writer
    this.#body = body
    this.#k = k
    this.#lanes = tile.lanes
    this.#across = tile.columns / tile.lanes
    this.#paired = paired
    this.#sums = range(tile.rows).map(() => range(this.#across).map(() => body.var('0.0', 'c')))
    this.#step = body.let(writer.params.int(k.b.element === 'f32' ? k.width : k.width / 2), 's')
  }

  /** The value that row i has, of values of the lanes' own rows. */
  #ofRow(values: readonly string[], i: number): string {
    const { length } = values
    if (this.#lanes === 1) return values[i % length]!
    return `subgroupBroadcast(${values[Math.floor(i / this.#lanes)]!}, ${i % this.#lanes}u)`
  }

  /** A row of B, the columns of one lane; `b` is where it begins. */
  #columns(block: Block, b: string): readonly string[] {
    const { element } = this.#k.b
    if (element === 'f32') {
      const array = this.#writer.operand(1, 'f32')
      const at = (j: number): number => (this.#paired ? (j >> 1) * 2 * this.#lanes + (j & 1) : j * this.#lanes)
      return range(this.#across).map((j) => block.let(array.at(`${b} + ${at(j)}u`), 'y'))
    }
    const native = element === 'f16' && this.#writer.f16
    const array = this.#writer.operand(1, native ? 'vec2<f16>' : 'u32')
    return range(this.#across / 2).flatMap((q) => {
      const two = array.at(`${b} + ${q * this.#lanes}u`)
      const word = block.let(native ? `vec2f(${two})` : two, 'y')
      if (element === 'bf16')
        return [`bitcast<f32>(${word} << 16u)`, `bitcast<f32>(${word} & 0xffff0000u)`].map((v) => block.let(v, 'y'))
      const pair = native ? word : block.let(`unpack2x16float(${word})`, 'y')
      return [`${pair}.x`, `${pair}.y`]
    })
  }

  /** Adds a run of K; `b` is the variable of where B's rows begin, which moves on. */
  run(block: Block, term: Term, run: Run, b: string): void {
    const a = this.#writer.operand(term.operand, 'f32')
    const moments = this.#moments
    const c = this.#writer.fresh('k')
    block.nest(`for (var ${c} = 0u; ${c} < ${run.length}; ${c}++)`, (inner) => {
      const xs = run.bases.map((base, t) => {
        const value = a.at(`${base} + ${c}`)
        const here = run.inside === undefined ? value : `select(0.0, ${value}, ${run.inside[t]!})`
        return inner.let(moments === undefined ? here : `${here} - ${moments.shifts[t]!}`, 'x')
      })
      const ys = this.#columns(inner, b)
      inner.add(`${b} += ${this.#step};`)
      if (moments !== undefined) {
        xs.forEach((x, t) =>
          inner.add(
            `${moments.sums[t]!} += ${x};`,
            `${moments.squares[t]!} = fma(${x}, ${x}, ${moments.squares[t]!});`,
          ),
        )
        ys.forEach((y, j) => inner.add(`${moments.columns[j]!} += ${y};`))
      }
      this.#sums.forEach((row, i) => {
        const x = inner.let(this.#ofRow(xs, i), 'z')
        inner.add(row.map((sum, j) => `${sum} = fma(${x}, ${ys[j]!}, ${sum});`).join(' '))
      })
    })
  }

  /** Adds a term, whose rows `walk` visits; `first` says where the first element of every row is. */
  term(term: Term, adds: boolean, first: () => readonly string[], walk: (block: Block) => void): void {
    const { norm } = term
    if (norm === undefined) return walk(this.#body)
    const body = this.#body
    const before = adds ? this.#set() : undefined
    const a = this.#writer.operand(term.operand, 'f32')
    const shifts = first().map((x) => (norm.centred ? body.let(a.at(x), 'o') : '0.0'))
    const zeros = (n: number): readonly string[] => range(n).map(() => body.var('0.0', 'm'))
    const moments = { shifts, sums: zeros(shifts.length), squares: zeros(shifts.length), columns: zeros(this.#across) }
    this.#moments = moments
    walk(body)
    this.#moments = undefined
    const depth = term.segments.reduce((sum, s) => sum + s.length, 0)
    const part = this.#writer.params.float(1 / depth)
    const eps = this.#writer.params.float(norm.eps)
    // rstd · (Σ (x − o) · B − (mean − o) · Σ B)
    const means = moments.sums.map((s) => body.let(norm.centred ? `${s} * ${part}` : '0.0', 'u'))
    const deviations = moments.squares.map((s, t) =>
      body.let(`1.0 / sqrt(max(fma(-${means[t]!}, ${means[t]!}, ${s} * ${part}), 0.0) + ${eps})`, 'v'),
    )
    this.#sums.forEach((row, i) => {
      const mean = norm.centred ? body.let(this.#ofRow(means, i), 'u') : undefined
      const deviation = body.let(this.#ofRow(deviations, i), 'v')
      row.forEach((sum, j) => {
        const centred = mean === undefined ? sum : `fma(-${mean}, ${moments.columns[j]!}, ${sum})`
        const earlier = before === undefined ? '' : ` + ${before(i, j)}`
        body.add(`${sum} = ${deviation} * ${centred}${earlier};`)
      })
    })
  }

  /** Puts the sums by, and begins anew. */
  #set(): (i: number, j: number) => string {
    const name = this.#array()
    this.#sums.flat().forEach((s) => this.#body.add(`${s} = 0.0;`))
    return (i, j) => `${name}[${i * this.#across + j}]`
  }

  #array(): string {
    const all = this.#sums.flat()
    return this.#body.var(`array<f32, ${all.length}>(${all.join(', ')})`, 'all')
  }

  /**
   * Statements that finish the tile: `row` is the number of its first row, counted over the batch, `rows` how many rows there are, `column` its first
   * column. They are a loop over an array rather than text for every sum: a store in the text costs as much compilation as a load.
   */
  finish(map: MapKernel, row: string, rows: string, column: string): void {
    const body = this.#body
    const finish = new Finish(this.#writer, body, map)
    const all = this.#array()
    const [i, j] = [this.#writer.fresh('i'), this.#writer.fresh('j')]
    const [from, count, columns] = [body.let(row, 'm'), body.let(rows, 'm'), body.let(finish.columns(), 'n')]
    const lane = this.#lanes === 1 ? '' : ' + lane'
    body.nest(`for (var ${i} = 0u; ${i} < ${count}; ${i}++)`, (outer) => {
      const at = finish.row(outer, outer.let(`${from} + ${i}`, 'm'))
      if (isPaired(this.#k, map)) {
        outer.nest(`for (var ${j} = 0u; ${j} < ${this.#across / 2}u; ${j}++)`, (inner) => {
          const n = inner.let(`(${column} >> 1u) + ${j} * ${this.#lanes}u${lane}`, 'n')
          inner.nest(`if (${n} < ${columns})`, (store) =>
            finish.store(store, at, n, (pair) => `${all}[${i} * ${this.#across}u + 2u * ${j} + ${pair}u]`),
          )
        })
        return
      }
      outer.nest(`for (var ${j} = 0u; ${j} < ${this.#across}u; ${j}++)`, (inner) => {
        const apart = this.#paired
          ? `(${j} >> 1u) * ${2 * this.#lanes}u + (${j} & 1u)${lane}${lane}`
          : `${j} * ${this.#lanes}u${lane}`
        const n = inner.let(`${column} + ${apart}`, 'n')
        inner.nest(`if (${n} < ${columns})`, (store) =>
          finish.store(store, at, n, () => `${all}[${i} * ${this.#across}u + ${j}]`),
        )
      })
    })
  }
}
