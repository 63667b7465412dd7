/** Expressions as WGSL: at one index of an iteration space, or at neighbours along one of its axes. */
import { isUnary } from '../../graph/build.ts'
import type { BinaryOp } from '../../core/ops.ts'
import type { Expr, Index, Load, Parts, Store, Value } from '../kernel.ts'
import { Accesses, valueOf, type Style } from './access.ts'
import { literal } from './math.ts'
import { binaryText, castText, typeText, unaryText, whereText, type Scope } from './rows.ts'
import type { Block, ShaderWriter } from './writer.ts'

/** Values in place of what lies in memory: what a product's registers hold. */
export type Given = (l: Load) => string | undefined

/** The type of an expression's values. */
export const typeOf = (e: Expr): Value => (e._tag === 'Load' ? valueOf(e.element) : e.type)

// Numbers that shape an expression rather than fill it in stay in the text.
const plain: ReadonlySet<number> = new Set([0, 1, -1, 2, 0.5])

type Made = Map<Expr, string>
const nothing: Given = () => undefined

/** Writes expressions of one kernel. */
export class Expressions {
  readonly #writer: ShaderWriter
  readonly #style: Style
  readonly #scope: Scope
  readonly #accesses: Accesses

  constructor(writer: ShaderWriter, style: Style) {
    this.#writer = writer
    this.#style = style
    this.#scope = { writer, lanes: style.lanes }
    this.#accesses = new Accesses(writer, style)
  }

  /** Statements that compute an expression at the index whose coordinates, of type u32, are `at`; the name of the value. */
  value(block: Block, e: Expr, at: readonly string[], given: Given = nothing, made: Made = new Map()): string {
    const there = made.get(e)
    if (there !== undefined) return there
    const text = this.#compute(block, e, at, given, made)
    made.set(e, text)
    return text
  }

  /** Several expressions at an index: what they share is computed once. */
  values(block: Block, es: readonly Expr[], at: readonly string[], given: Given = nothing): readonly string[] {
    const made: Made = new Map()
    return es.map((e) => this.value(block, e, at, given, made))
  }

  /** A statement that stores a value. */
  store(block: Block, s: Store, at: readonly string[], value: string): void {
    this.#accesses.store(block, s, at, value)
  }

  #compute(block: Block, e: Expr, at: readonly string[], given: Given, made: Made): string {
    switch (e._tag) {
      case 'Const':
        return this.#constant(e)
      case 'Index':
        return block.let(this.#index(e, at), 'n')
      case 'Load':
        return given(e) ?? block.let(this.#accesses.load(block, e, at))
      case 'Parts':
        return this.#parts(block, e, at, given, made)
      case 'Op': {
        const [x, y, z] = e.xs.map((a) => this.value(block, a, at, given, made)) as [string, string, string]
        const type = typeOf(e.xs[0]!)
        if (e.op === 'where') return block.let(whereText(x, y, z))
        if (e.op === 'cast') return block.let(castText(this.#scope, type, e.dtype, x))
        if (isUnary(e.op)) return block.let(unaryText(this.#scope, e.op, type, x))
        return block.let(binaryText(this.#scope, e.op as BinaryOp, type, x, y))
      }
    }
  }

  #constant(e: Extract<Expr, { readonly _tag: 'Const' }>): string {
    const T = typeText(e.type, this.#style.lanes)
    const { params } = this.#writer
    const { value } = e
    if (e.type === 'bool') return `${T}(${value !== 0})`
    const inText = plain.has(value) && !Object.is(value, -0)
    if (e.type === 'f32') return `${T}(${inText ? literal(value) : params.once(e, 'value', () => params.float(value))})`
    if (inText && Number.isInteger(value) && (value >= 0 || e.type === 'i32')) return `${T}(${value})`
    const word = params.once(e, 'value', () => params.int(value))
    return `${T}(${e.type === 'i32' ? `bitcast<i32>(${word})` : word})`
  }

  #index(e: Index, at: readonly string[]): string {
    const { lanes } = this.#style
    const all = this.#accesses.spread(e, this.#accesses.address(e, at))
    if (e.type === 'u32') return all
    const signed = `bitcast<${typeText('i32', lanes)}>(${all})`
    return e.type === 'i32' ? signed : `${typeText(e.type, lanes)}(${signed})`
  }

  /** Does every group of neighbours lie in one part? */
  #whole({ at, ends }: Parts): boolean {
    const { lanes } = this.#style
    const step = this.#accesses.step(at)
    if (lanes === 1 || step === 0) return true
    const strides = this.#style.strides?.(at) ?? at.strides
    const { along = -1 } = this.#style
    const axis = along < 0 ? strides.length + along : along
    const aligned = (x: number): boolean => x % lanes === 0
    return step === 1 && aligned(at.offset) && ends.every(aligned) && strides.every((s, i) => i === axis || aligned(s))
  }

  /** Only the part that one is in is read. */
  #parts(block: Block, e: Parts, at: readonly string[], given: Given, made: Made): string {
    const { lanes } = this.#style
    if (!this.#whole(e)) return this.#apart(block, e, at, given)
    const { params } = this.#writer
    const place = block.let(this.#accesses.address(e.at, at), 'n')
    const out = block.var(`${typeText(e.type, lanes)}()`)
    e.xs.forEach((x, i) => {
      const last = i === e.xs.length - 1
      const end = (): string => params.once(e, `end ${i}`, () => params.int(e.ends[i]!))
      const head = `${i === 0 ? '' : 'else '}${last ? '' : `if (${place} < ${end()})`}`
      block.nest(head.trimEnd(), (inner) => inner.add(`${out} = ${this.value(inner, x, at, given, new Map(made))};`))
    })
    return out
  }

  /** Each neighbour alone. */
  #apart(block: Block, e: Parts, at: readonly string[], given: Given): string {
    const { lanes, along = -1 } = this.#style
    const axis = along < 0 ? at.length + along : along
    const alone = new Expressions(this.#writer, { ...this.#style, lanes: 1 })
    const values = Array.from({ length: lanes }, (_, lane) => {
      const place = lane === 0 ? at[axis]! : block.let(`${at[axis]!} + ${lane}u`, 'i')
      const own = (l: Load): string | undefined => {
        const all = given(l)
        return all === undefined ? undefined : `${all}.${'xyzw'[lane]}`
      }
      return alone.value(
        block,
        e,
        at.map((i, a) => (a === axis ? place : i)),
        own,
      )
    })
    return block.let(`${typeText(e.type, lanes)}(${values.join(', ')})`)
  }
}
