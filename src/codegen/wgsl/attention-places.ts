/** Where attention's matrices lie, and which of its queries a workgroup has. */
import type { Matrices, PlainAttentionKernel } from '../kernel.ts'
import { accessesOf, mergeAxes, type Access as Indexed } from '../space.ts'
import { size } from '../../core/shape.ts'
import { Expressions } from './expression.ts'
import { fold, groupIndex, unflatten } from './grid.ts'
import type { Block, ShaderWriter } from './writer.ts'

/** The greatest float32 below 0, which what is larger than −∞ replaces as the largest score at once. */
export const lowest = '-0x1.fffffep+127f'

/** A matrix of the workgroup's: its array, and where its elements are. */
export type Place = {
  readonly array: string
  readonly start: string
  readonly row: string
  /** The address of a column, given its number, from where a row begins. */
  readonly column: (j: string) => string
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

  /** Statements that find a workgroup's place, where each has so many queries. */
  constructor(writer: ShaderWriter, block: Block, k: PlainAttentionKernel, queries: number) {
    const { params } = writer
    this.#writer = writer
    this.#block = block
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
      [k.q, k.k, k.v, k.out].map((m) => [m, { offset: m.offset, strides: m.batch }]),
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
    const array = this.#writer.operand(m.operand, 'f32')
    if (m.column === 1) return { array, start, row, column: (j) => j }
    const by = this.#block.let(params.int(m.column), 's')
    return { array, start, row, column: (j) => `(${j}) * ${by}` }
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
