/** How tiles of A and B come into workgroup memory. */
import { depthOf, type GemmKernel, type Term } from '../kernel.ts'
import type { Run } from './gemm-rows.ts'
import { batchAxes } from './gemm-rows.ts'
import { vectorsOfFinish } from './gemm-store.ts'
import { layoutOf, type Layout, type Shared } from './shared-tile.ts'
import type { Block, ShaderWriter } from './writer.ts'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** What an invocation has added up of the elements that it loaded, for the normalisation of rows. */
export type Moments = {
  /** What elements are distances from: their row's first one, so that a large mean cancels nothing. */
  readonly shifts: readonly string[]
  readonly sums: readonly string[]
  readonly squares: readonly string[]
  /** Of four columns of B. */
  readonly columns: string
}

/** Lengths of the runs of K that are walked one by one. */
const runsOf = ({ window, segments }: Term): readonly number[] =>
  window === undefined ? segments.map((s) => s.length) : [window.strides[2] === 1 ? window.channels : 1]

/** Do vectors of four along K lie aligned? */
const isAligned = (k: GemmKernel, t: Term): boolean => {
  const { a, window: w, segments } = t
  const strides = [a.offset, ...batchAxes(k).map((i) => a.batch[i]!), ...(w === undefined ? a.rows : [a.rows[0]!])]
  const inside =
    w === undefined
      ? segments.flatMap((s) => [s.length, s.jump])
      : [w.strides[0], w.strides[1], w.channels, w.strides[2] === 1 ? 0 : 1]
  return [...strides, ...inside].every((s) => s % 4 === 0)
}

/** Loads of a tile. */
export class SharedOperands {
  /** Operands that are bound as arrays of vectors. */
  readonly vectors: ReadonlySet<number>
  /** The rows that an invocation loads, counted from the tile's first, as text. */
  readonly lines: readonly string[]
  readonly #writer: ShaderWriter
  readonly #body: Block
  readonly #k: GemmKernel
  readonly #lies: Layout
  /** The vector along K, the row of B, the vector of its columns. */
  readonly #along: string
  readonly #deep: string
  readonly #across: string
  /** Where the next row of B is, and how far it is from row to row. */
  readonly #b: string
  readonly #step: string

  constructor(
    writer: ShaderWriter,
    body: Block,
    k: GemmKernel,
    tile: Shared,
    { column, start }: { readonly column: string; readonly start: string },
  ) {
    const { params } = writer
    this.#writer = writer
    this.#body = body
    this.#k = k
    const lies = layoutOf(tile)
    this.#lies = lies
    const finish = vectorsOfFinish(k)
    const read = new Set(k.terms.map((t) => t.operand))
    const rows = [...read].filter((o) => k.terms.every((t) => t.operand !== o || isAligned(k, t)))
    this.vectors = new Set([
      ...rows.filter((o) => finish.vectors.has(o) || !finish.all.has(o)),
      ...[...finish.vectors].filter((o) => !read.has(o) || rows.includes(o)),
    ])
    const { invocations, depth, columns } = lies
    this.#along = body.let(`lid % ${depth}u`, 'q')
    const line = body.let(`lid / ${depth}u`, 'q')
    this.lines = range(Math.ceil((lies.lines * depth) / invocations)).map((i) =>
      i === 0 ? line : `${line} + ${i * (invocations / depth)}u`,
    )
    this.#across = body.let(`lid % ${columns}u`, 'q')
    this.#deep = body.let(`lid / ${columns}u`, 'q')
    const width = body.let(params.int(k.width), 's')
    const last = params.int(Math.ceil(k.n / k.width) * (k.width / 4) - 1)
    const four = body.let(`4u * min(${column} * ${columns}u + ${this.#across}, ${last})`, 'n')
    const panel = body.let(`${four} / ${width}`, 'n')
    const place = `${start} + ${panel} * ${params.int(depthOf(k) * k.width)} + ${four} - ${panel} * ${width}`
    this.#step = body.let(`${width} >> 2u`, 's')
    this.#b = body.var(`((${place}) >> 2u) + ${this.#deep} * ${this.#step}`, 'b')
  }

  /** Begins a term; `first` are the addresses of its rows' first elements. */
  begin({ norm, operand }: Term, first: readonly string[]): Moments | undefined {
    if (norm === undefined) return undefined
    const body = this.#body
    const zeros = (): readonly string[] => first.map(() => body.var('0.0', 'm'))
    const shifts = first.map((at) => {
      if (!norm.centred) return '0.0'
      const whole = this.vectors.has(operand)
      const array = this.#writer.operand(operand, whole ? 'vec4f' : 'f32')
      return body.let(whole ? `${array.at(`(${at}) >> 2u`)}[(${at}) & 3u]` : array.at(at), 'o')
    })
    return { shifts, sums: zeros(), squares: zeros(), columns: body.var('vec4f()', 'm') }
  }

  /** Statements for those of whom a condition is true; for all where there is none. */
  #guarded(block: Block, condition: string | undefined, f: (inner: Block) => void): void {
    if (condition === undefined) f(block)
    else block.nest(`if (${condition})`, f)
  }

  /** Is the i-th row that an invocation loads in the tile, whoever it is? */
  #isFull(i: number): boolean {
    const { invocations, depth, lines } = this.#lies
    return (i + 1) * (invocations / depth) <= lines
  }

  /** Statements that put what every invocation has of A's rows in its place in workgroup memory. */
  place(block: Block, value: (i: number) => string): void {
    this.lines.forEach((line, i) =>
      this.#guarded(block, this.#isFull(i) ? undefined : `${line} < ${this.#lies.lines}u`, (to) =>
        to.add(`tile[(${line}) * ${this.#lies.stride}u + ${this.#along}] = ${value(i)};`),
      ),
    )
  }

  /** Four elements of a row of A from an address on. */
  #rows(block: Block, operand: number, address: string): string {
    if (this.vectors.has(operand)) return this.#writer.operand(operand, 'vec4f').at(`(${address}) >> 2u`)
    const array = this.#writer.operand(operand, 'f32')
    const at = block.let(address, 'a')
    return `vec4f(${range(4)
      .map((i) => array.at(i === 0 ? at : `${at} + ${i}u`))
      .join(', ')})`
  }

  /** Four columns of a row of B, given its number in vectors. */
  #columns(block: Block, at: string): string {
    const { element } = this.#k.b
    if (element === 'f32') return this.#writer.operand(1, 'vec4f').at(at)
    if (element === 'f16' && this.#writer.f16) return `vec4f(${this.#writer.operand(1, 'vec4<f16>').at(at)})`
    const two = block.let(this.#writer.operand(1, 'vec2u').at(at), 'y')
    if (element === 'f16') return `vec4f(unpack2x16float(${two}.x), unpack2x16float(${two}.y))`
    const words = [`${two}.x << 16u`, `${two}.x & 0xffff0000u`, `${two}.y << 16u`, `${two}.y & 0xffff0000u`]
    return `bitcast<vec4f>(vec4u(${words.join(', ')}))`
  }

  /** A run of K, piece by piece: `each` computes with what is in workgroup memory. */
  run(block: Block, term: Term, run: Run, moments: Moments | undefined, each: (inner: Block) => void): void {
    const { depth, stride, columns, invocations, b } = this.#lies
    const lengths = runsOf(term)
    const isWhole = lengths.every((l) => l % (4 * depth) === 0)
    const inFours = lengths.every((l) => l % 4 === 0)
    const c = this.#writer.fresh('k')
    block.nest(`for (var ${c} = 0u; ${c} < ${run.length}; ${c} += ${4 * depth}u)`, (inner) => {
      const from = inner.let(`${c} + 4u * ${this.#along}`, 'k')
      const within = isWhole
        ? []
        : [inFours ? `${from} < ${run.length}` : `vec4u(${from}) + vec4u(0u, 1u, 2u, 3u) < vec4u(${run.length})`]
      const [inRun] = within.map((w) => inner.let(w, 'v'))
      this.lines.forEach((line, i) => {
        const load = (to: Block): void => {
          const loaded = this.#rows(to, term.operand, `${run.bases[i]!} + ${from}`)
          const shifted = moments === undefined ? loaded : `${loaded} - ${moments.shifts[i]!}`
          const masks = [inRun, run.inside?.[i]].filter((m) => m !== undefined)
          const x = to.let(
            masks.reduce((v, m) => `select(vec4f(), ${v}, ${m})`, shifted),
            'x',
          )
          to.add(`tile[(${line}) * ${stride}u + ${this.#along}] = ${x};`)
          if (moments === undefined) return
          to.add(`${moments.sums[i]!} += dot(${x}, vec4f(1));`, `${moments.squares[i]!} += dot(${x}, ${x});`)
        }
        this.#guarded(inner, this.#isFull(i) ? undefined : `${line} < ${this.#lies.lines}u`, load)
      })
      const rows = invocations / columns
      range(Math.ceil((4 * depth) / rows)).forEach((i) => {
        const own = i === 0 ? this.#deep : `${this.#deep} + ${i * rows}u`
        this.#guarded(inner, rows <= 4 * depth ? undefined : `${own} < ${4 * depth}u`, (to) => {
          const loaded = this.#columns(to, `${this.#b} + (${c} + ${i * rows}u) * ${this.#step}`)
          const y = to.let(isWhole ? loaded : `select(vec4f(), ${loaded}, ${c} + ${own} < ${run.length})`, 'y')
          to.add(`tile[${b}u + (${own}) * ${columns}u + ${this.#across}] = ${y};`)
          if (moments !== undefined) to.add(`${moments.columns} += ${y};`)
        })
      })
      inner.add('workgroupBarrier();')
      each(inner)
      inner.add('workgroupBarrier();')
    })
    block.add(`${this.#b} += ${run.length} * ${this.#step};`)
  }
}
