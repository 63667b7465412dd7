/** Expressions as WGSL: at one index of an iteration space, or at four neighbours along one of its axes. */
import { isUnary } from '../../graph/build.ts'
import type { BinaryOp } from '../../core/ops.ts'
import type { Element, Expr, Load, Store, Value } from '../kernel.ts'
import type { Access as Indexed } from '../space.ts'
import { literal, mathFunction, type Lanes } from './math.ts'
import { binaryText, castText, typeText, unaryText, whereText, type Scope } from './rows.ts'
import type { Block, ElementType, ShaderWriter } from './writer.ts'

/** How expressions of a kernel are written. */
export type Style = {
  /** 4: the index along axis `along` is the first of four neighbours. */
  readonly lanes: Lanes
  /** The axis of neighbours; the last unless given. */
  readonly along?: number
  /** Strides of what is indexed, along the axes that `at` has: its own unless given. */
  readonly strides?: (a: Indexed) => readonly number[]
  /** Which operand of the kernel an expression's operand is: itself unless given. */
  readonly operand?: (operand: number) => number
  /** Operands (of the kernel) that are bound as arrays of vectors of four, because nothing in the kernel reads or writes them otherwise. */
  readonly vectors?: ReadonlySet<number>
}

/** Values by operand of the expression, in place of what lies in memory: what a product's registers hold. */
export type Given = ReadonlyMap<number, string>

/** What arithmetic sees of an element. */
export const valueOf = (element: Element): Value => (element === 'f16' || element === 'bf16' ? 'f32' : element)

/** The type of an expression's values. */
export const typeOf = (e: Expr): Value => (e._tag === 'Load' ? valueOf(e.element) : e.type)

const arrayOf = (element: Element): 'f32' | 'i32' | 'u32' => (element === 'f32' || element === 'i32' ? element : 'u32')
const vectorOf = { f32: 'vec4f', i32: 'vec4i', u32: 'vec4u' } as const satisfies Record<string, ElementType>

// Numbers that shape an expression rather than fill it in stay in the text.
const plain: ReadonlySet<number> = new Set([0, 1, -1, 2, 0.5])

/** Writes expressions of one kernel. */
export class Expressions {
  readonly #writer: ShaderWriter
  readonly #style: Style
  readonly #scope: Scope

  constructor(writer: ShaderWriter, style: Style) {
    this.#writer = writer
    this.#style = style
    this.#scope = { writer, lanes: style.lanes }
  }

  /** Statements that compute an expression at the index whose coordinates, of type u32, are `at`; the name of the value. */
  value(block: Block, e: Expr, at: readonly string[], given: Given = new Map()): string {
    const made = new Map<Expr, string>()
    const visit = (x: Expr): string => {
      const there = made.get(x)
      if (there !== undefined) return there
      const text = this.#compute(block, x, at, given, visit)
      made.set(x, text)
      return text
    }
    return visit(e)
  }

  /** A statement that stores a value. */
  store(block: Block, s: Store, at: readonly string[], value: string): void {
    const type = valueOf(s.element)
    const { lanes } = this.#style
    const raw =
      type === 'bool' ? whereText(value, typeText('u32', lanes) + '(1u)', typeText('u32', lanes) + '(0u)') : value
    const address = this.#address(s, at)
    const { operand, vector } = this.#array(s.operand, s.element)
    if (lanes === 1) return block.add(`${operand}[${address}] = ${raw};`)
    if (vector) return block.add(`${operand}[(${address}) >> 2u] = ${raw};`)
    const [first, all] = [block.let(address, 'a'), block.let(raw)]
    const step = this.#step(s)
    for (let i = 0; i < 4; i++) block.add(`${operand}[${this.#ahead(s, first, step, i)}] = ${all}.${'xyzw'[i]};`)
  }

  /** offset + Σ strideᵢ · atᵢ, as text of type u32. */
  #address(a: Indexed, at: readonly string[]): string {
    const { params } = this.#writer
    const strides = this.#style.strides?.(a) ?? a.strides
    const terms = a.offset === 0 ? [] : [params.once(a, 'offset', () => params.int(a.offset))]
    strides.forEach((s, i) => {
      if (s === 0 || at[i] === '0u') return
      terms.push(s === 1 ? at[i]! : `${at[i]!} * ${params.once(a, `stride ${i}`, () => params.int(s))}`)
    })
    return terms.length === 0 ? '0u' : terms.join(' + ')
  }

  /** The stride from a neighbour to the next. */
  #step(a: Indexed): number {
    const strides = this.#style.strides?.(a) ?? a.strides
    return strides.at(this.#style.along ?? -1) ?? 0
  }

  #ahead(a: Indexed, first: string, step: number, lane: number): string {
    if (lane === 0 || step === 0) return first
    if (step === 1) return `${first} + ${lane}u`
    const { params } = this.#writer
    const at = (this.#style.strides?.(a) ?? a.strides).length + (this.#style.along ?? -1)
    const stride = params.once(a, `stride ${at}`, () => params.int(step))
    return `${first} + ${lane === 1 ? '' : `${lane}u * `}${stride}`
  }

  #array(operand: number, element: Element): { readonly operand: string; readonly vector: boolean } {
    const own = this.#style.operand?.(operand) ?? operand
    const vector = this.#style.vectors?.has(own) ?? false
    const array = arrayOf(element)
    return { operand: this.#writer.operand(own, vector ? vectorOf[array] : array), vector }
  }

  #compute(block: Block, e: Expr, at: readonly string[], given: Given, visit: (x: Expr) => string): string {
    switch (e._tag) {
      case 'Const':
        return this.#constant(e)
      case 'Index':
        return block.let(this.#index(e, at), 'n')
      case 'Load':
        return given.get(e.operand) ?? block.let(this.#load(block, e, at))
      case 'Op': {
        const xs = e.xs.map(visit)
        const [x, y, z] = xs as [string, string, string]
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

  #index(e: Extract<Expr, { readonly _tag: 'Index' }>, at: readonly string[]): string {
    const { lanes } = this.#style
    const first = this.#address(e, at)
    const step = this.#step(e)
    const { params } = this.#writer
    const spread =
      lanes === 1 || step === 0
        ? `${typeText('u32', lanes)}(${first})`
        : `(vec4u(${first}) + vec4u(0, 1, 2, 3) * ${step === 1 ? '1u' : params.once(e, 'step', () => params.int(step))})`
    if (e.type === 'u32') return spread
    const signed = `bitcast<${typeText('i32', lanes)}>(${spread})`
    return e.type === 'i32' ? signed : `${typeText(e.type, lanes)}(${signed})`
  }

  #load(block: Block, l: Load, at: readonly string[]): string {
    const { lanes } = this.#style
    const type = valueOf(l.element)
    const T = typeText(type, lanes)
    const moving = lanes === 4 && l.picks.some((p) => this.#moves(p.index))
    const { operand, vector } = this.#array(l.operand, l.element)
    const element = (address: string): string => this.#decoded(l.element, operand, address)
    const address = [this.#address(l, at), ...l.picks.map((p) => this.#pick(block, p, at, moving))]
      .filter((t, i, all) => t !== '0u' || all.length === 1 || i > 0)
      .join(' + ')
    if (lanes === 1) return element(l.element === 'f16' || l.element === 'bf16' ? block.let(address, 'a') : address)
    if (moving) {
      const step = this.#step(l)
      const own = step === 0 ? '' : ` + vec4u(0, 1, 2, 3) * ${step === 1 ? '1u' : this.#stride(l)}`
      const all = block.let(`vec4u(0u) + ${address}${own}`, 'a')
      return `${T}(${[0, 1, 2, 3].map((i) => element(`${all}.${'xyzw'[i]}`)).join(', ')})`
    }
    const step = this.#step(l)
    if (step === 0)
      return `${T}(${element(l.element === 'f16' || l.element === 'bf16' ? block.let(address, 'a') : address)})`
    if (vector)
      return type === 'bool' ? `(${operand}[(${address}) >> 2u] != vec4u(0u))` : `${operand}[(${address}) >> 2u]`
    const first = block.let(address, 'a')
    const each = [0, 1, 2, 3].map((i) => this.#ahead(l, first, step, i))
    const named = l.element === 'f16' || l.element === 'bf16' ? each.map((a) => block.let(a, 'a')) : each
    return `${T}(${named.map(element).join(', ')})`
  }

  #stride(l: Load): string {
    const { params } = this.#writer
    const at = (this.#style.strides?.(l) ?? l.strides).length + (this.#style.along ?? -1)
    return params.once(l, `stride ${at}`, () => params.int(this.#step(l)))
  }

  #moves(l: Load): boolean {
    return this.#step(l) !== 0 || l.picks.some((p) => this.#moves(p.index))
  }

  #pick(block: Block, p: Load['picks'][number], at: readonly string[], vector: boolean): string {
    const { params } = this.#writer
    const scalar = vector ? this : new Expressions(this.#writer, { ...this.#style, lanes: 1 })
    const index = block.let(scalar.#load(block, p.index, at))
    const lanes = vector ? 4 : 1
    const [I, U] = [typeText('i32', lanes), typeText('u32', lanes)]
    const last = params.once(p, 'last', () => params.int(p.extent - 1))
    const clamped =
      p.index.element === 'u32' ? `min(${index}, ${U}(${last}))` : `${U}(clamp(${index}, ${I}(0), ${I}(${last})))`
    return p.stride === 1 ? clamped : `${clamped} * ${params.once(p, 'stride', () => params.int(p.stride))}`
  }

  #decoded(element: Element, operand: string, address: string): string {
    switch (element) {
      case 'f32':
      case 'i32':
      case 'u32':
        return `${operand}[${address}]`
      case 'bool':
        return `(${operand}[${address}] != 0u)`
      case 'f16':
      case 'bf16': {
        const word = `${operand}[${address} >> 1u]`
        if (element === 'f16')
          return `${mathFunction(this.#writer, 'fromHalf', 1)}(${word} >> ((${address} & 1u) << 4u))`
        return `bitcast<f32>((${word} << (((${address} & 1u) ^ 1u) << 4u)) & 0xffff0000u)`
      }
    }
  }
}
