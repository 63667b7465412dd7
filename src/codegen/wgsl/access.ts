/** Elements of operands as WGSL: where they lie, how they are read and written, one or several neighbours at a time. */
import type { Element, Load, Store, Value } from '../kernel.ts'
import type { Access as Indexed } from '../space.ts'
import { mathFunction, type Lanes } from './math.ts'
import { typeText, whereText } from './rows.ts'
import type { Block, Elements, ElementType, ShaderWriter } from './writer.ts'

/** How expressions of a kernel are written. */
export type Style = {
  /** More than 1: the index along axis `along` is the first of so many neighbours. */
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

/** What arithmetic sees of an element. */
export const valueOf = (element: Element): Value => (element === 'f16' || element === 'bf16' ? 'f32' : element)

const is16 = (element: Element): boolean => element === 'f16' || element === 'bf16'
const arrayOf = (element: Element): 'f32' | 'i32' | 'u32' => (element === 'f32' || element === 'i32' ? element : 'u32')
const vectorOf = { f32: 'vec4f', i32: 'vec4i', u32: 'vec4u' } as const satisfies Record<string, ElementType>
const components = ['x', 'y', 'z', 'w'] as const

/** Loads and stores of a kernel. */
export class Accesses {
  readonly #writer: ShaderWriter
  readonly #style: Style

  constructor(writer: ShaderWriter, style: Style) {
    this.#writer = writer
    this.#style = style
  }

  /** offset + Σ strideᵢ · atᵢ, as text of type u32. */
  address(a: Indexed, at: readonly string[]): string {
    const terms = a.offset === 0 ? [] : [this.#writer.params.once(a, 'offset', () => this.#writer.params.int(a.offset))]
    this.#strides(a).forEach((s, i) => {
      if (s === 0 || at[i] === '0u') return
      terms.push(s === 1 ? at[i]! : `${at[i]!} * ${this.#stride(a, i)}`)
    })
    return terms.length === 0 ? '0u' : terms.join(' + ')
  }

  /** How far it is from a neighbour to the next. */
  step(a: Indexed): number {
    return this.#strides(a).at(this.#style.along ?? -1) ?? 0
  }

  /** The addresses of all neighbours as a vector. */
  spread(a: Indexed, address: string): string {
    const U = typeText('u32', this.#style.lanes)
    const step = this.step(a)
    if (this.#style.lanes === 1 || step === 0) return `${U}(${address})`
    const ahead = `${U}(${components
      .slice(0, this.#style.lanes)
      .map((_, i) => `${i}u`)
      .join(', ')})`
    return `(${U}(${address}) + ${ahead}${step === 1 ? '' : ` * ${this.#stepText(a)}`})`
  }

  /** The value of a load. */
  load(block: Block, l: Load, at: readonly string[]): string {
    const { lanes } = this.#style
    const type = valueOf(l.element)
    const { array, vector } = this.#array(l.operand, l.element)
    const element = (address: string): string => this.#decoded(l.element, array, address)
    // The address is written twice.
    const twice = is16(l.element) && !this.#native(l.element)
    const named = (address: string): string => (twice ? block.let(address, 'a') : address)
    const moving = lanes > 1 && l.picks.some((p) => this.#moves(p.index))
    const picks = l.picks.map((p) => this.#pick(block, p, at, moving))
    const T = typeText(type, lanes)
    if (moving) {
      const all = block.let([this.spread(l, this.address(l, at)), ...picks].join(' + '), 'a')
      const each = components.slice(0, lanes).map((c) => named(`${all}.${c}`))
      return `${T}(${each.map(element).join(', ')})`
    }
    const address = [this.address(l, at), ...picks]
      .filter((t, i) => t !== '0u' || picks.length === 0 || i > 0)
      .join(' + ')
    if (lanes === 1) return element(named(address))
    if (this.step(l) === 0) return `${T}(${element(named(address))})`
    if (vector) {
      const whole = array.at(`(${address}) >> 2u`)
      return type === 'bool' ? `(${whole} != vec4u(0u))` : whole
    }
    const each = this.#neighbours(block, l, address).map(named)
    return `${T}(${each.map(element).join(', ')})`
  }

  /** A statement that stores a value. */
  store(block: Block, s: Store, at: readonly string[], value: string): void {
    const type = valueOf(s.element)
    const { lanes } = this.#style
    const U = typeText('u32', lanes)
    const raw = type === 'bool' ? whereText(value, `${U}(1u)`, `${U}(0u)`) : value
    const address = this.address(s, at)
    const { array, vector } = this.#array(s.operand, s.element, true)
    if (is16(s.element)) return this.#storePairs(block, s.element, array, address, value)
    if (lanes === 1) return block.add(array.set(address, raw))
    if (vector) return block.add(array.set(`(${address}) >> 2u`, raw))
    const all = block.let(raw)
    this.#neighbours(block, s, address).forEach((a, i) => block.add(array.set(a, `${all}.${components[i]}`)))
  }

  /** 16-bit floats, two to a word: neighbours side by side, the first at an even place. */
  #storePairs(block: Block, element: Element, array: Elements, address: string, value: string): void {
    const { lanes } = this.#style
    if (lanes === 1) throw new Error('half a word cannot be stored')
    const bits = block.let(
      `${mathFunction(this.#writer, element === 'f16' ? 'halfBits' : 'brainBits', lanes)}(${value})`,
    )
    const word = block.let(`(${address}) >> 1u`, 'a')
    for (let i = 0; i < lanes; i += 2)
      block.add(
        array.set(
          `${word}${i === 0 ? '' : ' + 1u'}`,
          `${bits}.${components[i]} | (${bits}.${components[i + 1]} << 16u)`,
        ),
      )
  }

  #strides(a: Indexed): readonly number[] {
    return this.#style.strides?.(a) ?? a.strides
  }

  #stride(a: Indexed, axis: number): string {
    const { params } = this.#writer
    return params.once(a, `stride ${axis}`, () => params.int(this.#strides(a)[axis]!))
  }

  #stepText(a: Indexed): string {
    const { along = -1 } = this.#style
    return this.#stride(a, along < 0 ? this.#strides(a).length + along : along)
  }

  /** The addresses of all neighbours, given the first one's. */
  #neighbours(block: Block, a: Indexed, address: string): readonly string[] {
    const first = block.let(address, 'a')
    const one = this.step(a) === 1
    return components
      .slice(0, this.#style.lanes)
      .map((_, i) =>
        i === 0 ? first : one ? `${first} + ${i}u` : `${first} + ${i === 1 ? '' : `${i}u * `}${this.#stepText(a)}`,
      )
  }

  #array(operand: number, element: Element, stored = false): { readonly array: Elements; readonly vector: boolean } {
    const own = this.#style.operand?.(operand) ?? operand
    const vector = this.#style.vectors?.has(own) ?? false
    const type = arrayOf(element)
    const native = !stored && this.#native(element)
    return { array: this.#writer.operand(own, native ? 'f16' : vector ? vectorOf[type] : type), vector }
  }

  /** Is it read as the adapter's own 16-bit float? Stored they are as words, rounded by us. */
  #native(element: Element): boolean {
    return element === 'f16' && this.#writer.f16
  }

  #moves(l: Load): boolean {
    return this.step(l) !== 0 || l.picks.some((p) => this.#moves(p.index))
  }

  #pick(block: Block, p: Load['picks'][number], at: readonly string[], moving: boolean): string {
    const { params } = this.#writer
    const own = moving ? this : new Accesses(this.#writer, { ...this.#style, lanes: 1 })
    const lanes = moving ? this.#style.lanes : 1
    const index = block.let(own.load(block, p.index, at))
    const [I, U] = [typeText('i32', lanes), typeText('u32', lanes)]
    const last = params.once(p, 'last', () => params.int(p.extent - 1))
    const clamped =
      p.index.element === 'u32' ? `min(${index}, ${U}(${last}))` : `${U}(clamp(${index}, ${I}(0), ${I}(i32(${last}))))`
    return p.stride === 1 ? clamped : `${clamped} * ${params.once(p, 'stride', () => params.int(p.stride))}`
  }

  #decoded(element: Element, array: Elements, address: string): string {
    switch (element) {
      case 'f32':
      case 'i32':
      case 'u32':
        return array.at(address)
      case 'bool':
        return `(${array.at(address)} != 0u)`
      case 'f16': {
        if (this.#native(element)) return `f32(${array.at(address)})`
        const word = array.at(`${address} >> 1u`)
        return `${mathFunction(this.#writer, 'fromHalf', 1)}(${word} >> ((${address} & 1u) << 4u))`
      }
      case 'bf16':
        return `bitcast<f32>((${array.at(`${address} >> 1u`)} << (((${address} & 1u) ^ 1u) << 4u)) & 0xffff0000u)`
    }
  }
}
