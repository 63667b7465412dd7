/** Where attention's matrices lie, and which of its queries a workgroup has. */
import { loadsOf, type Matrices, type PlainAttentionKernel } from '../kernel.ts'
import { accessesOf, mergeAxes, type Access as Indexed } from '../space.ts'
import { size } from '../../core/shape.ts'
import { Expressions } from './expression.ts'
import { fold, groupIndex, unflatten } from './grid.ts'
import type { Block, Elements, ShaderWriter } from './writer.ts'

/** The greatest float32 below 0, which what is larger than −∞ replaces as the largest score at once. */
export const lowest = '-0x1.fffffep+127f'

/** A matrix of the workgroup's: its array, whose elements may be vectors of `lanes`, and where its numbers are. */
export type Place = {
  readonly array: Elements
  readonly lanes: 1 | 4
  readonly start: string
  readonly row: string
  /** The address of a column, given its number, from where a row begins. */
  readonly column: (j: string) => string
}

/** Operands whose rows can be read four columns at a time, wherever they are read. */
export const vectorMatrices = (k: PlainAttentionKernel): ReadonlySet<number> => {
  const { project: p, mask } = k
  const matrices: readonly (readonly [Matrices, number])[] = [
    [k.q, p?.inner ?? k.depth],
    [k.k, k.depth],
    [k.v, k.features],
    ...(p === undefined
      ? []
      : [[p.w, k.depth] as const, ...(p.bias === undefined ? [] : [[p.bias, k.depth] as const])]),
  ]
  const isAligned = ([m, columns]: readonly [Matrices, number]): boolean =>
    m.column === 1 && [columns, m.offset, m.row, ...m.batch].every((s) => s % 4 === 0)
  const others = new Set(mask === undefined ? [] : loadsOf(mask).map((l) => l.operand))
  return new Set(
    matrices
      .map(([{ operand }]) => operand)
      .filter((o) => !others.has(o) && matrices.every((m) => m[0].operand !== o || isAligned(m))),
  )
}

/** Four columns of so many of a row that begins at `from`, 0 beyond the last one; `inside` where there are none beyond. */
export const fourOf = (
  block: Block,
  { array, lanes, column }: Place,
  from: string,
  start: string,
  count: string,
  inside = false,
): string => {
  const at = block.let(start, 'j')
  if (lanes === 4) {
    if (inside) return block.let(array.at(`(${from} + ${at}) >> 2u`), 'x')
    const four = array.at(`(${from} + min(${at}, ${count} - 4u)) >> 2u`)
    return block.let(`select(vec4f(), ${four}, ${at} < ${count})`, 'x')
  }
  const one = (i: number): string =>
    inside
      ? array.at(`${from} + ${column(`${at} + ${i}u`)}`)
      : `select(0.0, ${array.at(`${from} + ${column(`min(${at} + ${i}u, ${count} - 1u)`)}`)}, ${at} + ${i}u < ${count})`
  return block.let(`vec4f(${range(4).map(one).join(', ')})`, 'x')
}

/** The numbers of a kernel as text, and the part of the work that a workgroup has. */
export class Places {
  readonly rows: string
  readonly keys: string
  readonly depth: string
  readonly features: string
  readonly workgroups: readonly [number, number, number]
  /** The workgroup's first query. */
  readonly first: string
  readonly #writer: ShaderWriter
  readonly #block: Block
  readonly #at: readonly string[]
  readonly #strides: (m: Matrices) => readonly number[]
  readonly #masks: Expressions
  readonly #vectors: ReadonlySet<number>

  /** Statements that find a workgroup's place, where each has so many queries. `vectors`: operands that are bound as arrays of those. */
  constructor(
    writer: ShaderWriter,
    block: Block,
    k: PlainAttentionKernel,
    queries: number,
    vectors: ReadonlySet<number> = new Set(),
  ) {
    const { params } = writer
    this.#writer = writer
    this.#block = block
    this.#vectors = vectors
    const blocks = Math.ceil(k.rows / queries)
    const count = size(k.batch) * blocks
    this.workgroups = fold(count)
    const number = block.let(groupIndex, 'w')
    block.add(`if (${number} >= ${params.int(count)}) { return; }`)
    const [batch, part] = unflatten(block, number, ['', params.int(blocks)]) as [string, string]
    this.rows = block.let(params.int(k.rows), 'n')
    this.keys = block.let(params.int(k.keys), 'n')
    this.depth = block.let(params.int(k.depth), 'n')
    this.features = block.let(params.int(k.features), 'n')
    this.first = block.let(`${part} * ${queries}u`, 'n')
    const masks = k.mask === undefined ? [] : accessesOf(k.mask)
    const own = new Map<Matrices, Indexed>(
      [k.q, k.k, k.v, k.out, ...(k.project === undefined ? [] : [k.project.w, k.project.bias ?? k.project.w])].map(
        (m) => [m, { offset: m.offset, strides: m.batch }],
      ),
    )
    const axes = k.batch.map((_, i) => i)
    const merged = mergeAxes(k.batch, axes, [...own.values(), ...masks])
    this.#at = unflatten(
      block,
      batch,
      merged.dims.map((d, i) => (i === 0 ? '' : params.int(d))),
    )
    this.#strides = (m) => merged.strides.get(own.get(m)!)!
    const strides = (a: Indexed): readonly number[] => [...merged.strides.get(a)!, ...a.strides.slice(axes.length)]
    this.#masks = new Expressions(writer, { lanes: 1, strides })
  }

  /** Statements that find a matrix. */
  place(m: Matrices): Place {
    const { params } = this.#writer
    const terms = this.#strides(m).flatMap((s, i) => (s === 0 ? [] : [`${this.#at[i]!} * ${params.int(s)}`]))
    const start = this.#block.let([params.int(m.offset), ...terms].join(' + '), 'b')
    const row = this.#block.let(params.int(m.row), 's')
    const lanes = this.#vectors.has(m.operand) ? 4 : 1
    const array = this.#writer.operand(m.operand, lanes === 4 ? 'vec4f' : 'f32')
    if (m.column === 1) return { array, lanes, start, row, column: (j) => j }
    const by = this.#block.let(params.int(m.column), 's')
    return { array, lanes, start, row, column: (j) => `(${j}) * ${by}` }
  }

  /**
   * The elements of queries, given a row and then a column: as they lie, or as products of rows with weights. What is the same for all
   * columns of a row, its mean and deviation, is found once.
   */
  queries(k: PlainAttentionKernel): (block: Block, row: string) => (inner: Block, column: string) => string {
    const q = this.place(k.q)
    const { project: p } = k
    const begin = (block: Block, row: string): string => block.let(`${q.start} + ${row} * ${q.row}`, 'a')
    if (p === undefined)
      return (block, row) => {
        const from = begin(block, row)
        return (_, column) => q.array.at(`${from} + ${q.column(column)}`)
      }
    const { params } = this.#writer
    const [w, bias] = [this.place(p.w), p.bias && this.place(p.bias)]
    const inner = this.#block.let(params.int(p.inner), 'n')
    const eps = this.#block.let(params.float(p.norm?.eps ?? 0), 'c')
    return (block, row) => {
      const from = begin(block, row)
      const [mean, scale] = [block.var('0.0', 'm'), block.var('1.0', 'd')]
      const over = (to: Block, each: (loop: Block, x: string) => void): void =>
        to.nest(`for (var i0 = 0u; i0 < ${inner}; i0++)`, (loop) =>
          each(loop, loop.let(`${q.array.at(`${from} + ${q.column('i0')}`)} - ${mean}`, 'x')),
        )
      if (p.norm !== undefined) {
        if (p.norm.centred) {
          const sum = block.var('0.0', 's')
          over(block, (loop, x) => loop.add(`${sum} += ${x};`))
          block.add(`${mean} = ${sum} / f32(${inner});`)
        }
        const squares = block.var('0.0', 's')
        over(block, (loop, x) => loop.add(`${squares} = fma(${x}, ${x}, ${squares});`))
        block.add(`${scale} = inverseSqrt(${squares} / f32(${inner}) + ${eps});`)
      }
      return (deep, column) => {
        const sum = deep.var('0.0', 's')
        const at = deep.let(w.column(column), 'j')
        const weight = w.array.at(`${w.start} + i0 * ${w.row} + ${at}`)
        over(deep, (loop, x) => loop.add(`${sum} = fma(${x}, ${weight}, ${sum});`))
        const added = bias === undefined ? '' : ` + ${bias.array.at(`${bias.start} + ${bias.column(column)}`)}`
        return `(${sum} * ${scale}${added})`
      }
    }
  }

  /** A score with its mask, if there is one. */
  masked(block: Block, k: PlainAttentionKernel, score: string, row: string, key: string): string {
    if (k.mask === undefined) return score
    return block.let(`${score} + ${this.#masks.value(block, k.mask, [...this.#at, row, key])}`, 'd')
  }

  /** What a row of weights is to be multiplied by: 1 / `sum`, and NaN where all keys are masked, as softmax has it. */
  share(sum: string): string {
    this.#writer.private('nan_bits', '0x7fc00000u')
    return `select(1.0 / ${sum}, bitcast<f32>(nan_bits), ${sum} == 0.0)`
  }
}

/** 0 … n − 1. */
export const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)
