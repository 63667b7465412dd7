/** Expressions as code: four neighbours along one axis at a time, the vector's, at an index of the other axes. */
import { isUnary } from '../../graph/build.ts'
import type { BinaryOp } from '../../core/ops.ts'
import { elementBytes, type Element, type Expr, type Load, type Store, type Value } from '../kernel.ts'
import { ProgramError } from '../../errors.ts'
import { accessesOf, bytesAt, type Access } from '../space.ts'
import { addressOf } from './space.ts'
import { f32x4, get, i32, i32x4, set, tee, v128, type Code } from './op.ts'
import { binaryOp, castOp, unaryOp, type Context } from './vector-ops.ts'

/** How an access moves: along the axes that loops count, and along the vector's. */
export type Motion = { readonly outer: readonly number[]; readonly along: number }

/** Where one is along the vector's axis: a local with four times the index. */
export type Position = { readonly bytes: number }

const valueOf = (element: Element): Value => (element === 'f16' || element === 'bf16' ? 'f32' : element)

/** 16-bit floats in the low half of each lane, widened; subnormals, ±∞ and NaN too. */
export const widenHalf = (context: Context, x: Code): Code => {
  const own = context.body.local('v128')
  const magnitude = v128.and(get(own), i32x4.const(0x7fff))
  const scaled = f32x4.mul(i32x4.shl(magnitude, i32.const(13)), f32x4.const(2 ** 112))
  const special = v128.and(i32x4.gtU(magnitude, i32x4.const(0x7bff)), i32x4.const(0x7f800000))
  const sign = i32x4.shl(v128.and(get(own), i32x4.const(0x8000)), i32.const(16))
  return [set(own, x), v128.or(v128.or(scaled, special), sign)]
}

/** Raw lanes of an element type as arithmetic has them. */
export const decoded = (context: Context, element: Element, raw: Code): Code => {
  switch (element) {
    case 'f16':
      return widenHalf(context, raw)
    case 'bf16':
      return i32x4.shl(raw, i32.const(16))
    case 'bool':
      return i32x4.ne(raw, i32x4.const(0))
    case 'f32':
    case 'i32':
    case 'u32':
      return raw
  }
}

const noParts = new ProgramError('wasm: expressions have no parts')

/** The values of a load that is computed, not read. */
export type Given = (lanes: number, position: Position) => Code

/** Code of one expression. `operand` gives the address of an operand, `motion` how an access moves, `given` which loads are computed. */
export class Lanes {
  readonly #context: Context
  readonly #operand: (operand: number) => Code
  readonly #motion: (a: Access) => Motion
  readonly #bases = new Map<Access, number>()
  readonly #fixed = new Map<Expr, number>()
  readonly #uses = new Map<Expr, number>()
  readonly #value: Expr
  readonly #given: (l: Load) => Given | undefined

  constructor(
    context: Context,
    value: Expr,
    operand: (operand: number) => Code,
    motion: (a: Access) => Motion,
    given: (l: Load) => Given | undefined = () => undefined,
  ) {
    this.#given = given
    this.#context = context
    this.#value = value
    this.#operand = operand
    this.#motion = motion
    const count = (e: Expr): void => {
      const uses = (this.#uses.get(e) ?? 0) + 1
      this.#uses.set(e, uses)
      if (uses === 1 && e._tag === 'Op') e.xs.forEach(count)
    }
    count(value)
  }

  /** Statements that find where every operand stands at the indices `at`, and read what does not change along the vector's axis. */
  prelude(at: readonly number[]): Code {
    const code: Code[] = []
    // Indices of picks come before what they index.
    for (const a of accessesOf(this.#value).toReversed()) {
      const base = this.#bases.get(a) ?? this.#context.body.local('i32')
      this.#bases.set(a, base)
      code.push(set(base, this.#base(a, at)))
    }
    const hoist = (e: Expr): void => {
      if (this.#isFixed(e)) {
        if (e._tag === 'Const') return
        const code1 = this.#compute(e, 1, undefined)
        const local = this.#fixed.get(e) ?? this.#context.body.local('v128')
        code.push(set(local, code1))
        this.#fixed.set(e, local)
      } else if (e._tag === 'Op') e.xs.forEach(hoist)
    }
    this.#fixed.clear()
    hoist(this.#value)
    return code
  }

  /** The values of so many lanes from a position on; the others are anything. */
  value(lanes: number, position: Position): Code {
    const made = new Map<Expr, number>()
    return this.#compute(this.#value, lanes, position, made)
  }

  #base(a: Access, at: readonly number[]): Code {
    const { outer } = this.#motion(a)
    if (!('_tag' in a) || (a as Expr)._tag === 'Index') return addressOf(i32.const(0), 1, a.offset, outer, at)
    const l = a as Load
    const bytes = elementBytes(l.element)
    const plain = addressOf(this.#operand(l.operand), bytes, l.offset, outer, at)
    return l.picks
      .filter((p) => !this.#moves(p.index))
      .reduce<Code>(
        (sum, p) => i32.add(sum, i32.mul(this.#scalarIndex(p.index, p.extent), i32.const(p.stride * bytes))),
        plain,
      )
  }

  #scalarIndex(index: Load, extent: number): Code {
    const raw = i32x4.extract(this.#clamped(v128.load32Zero(get(this.#bases.get(index)!)), index, extent), 0)
    return raw
  }

  #clamped(index: Code, { element }: Load, extent: number): Code {
    if (element === 'u32') return i32x4.minU(index, i32x4.const(extent - 1))
    return i32x4.maxS(i32x4.minS(index, i32x4.const(extent - 1)), i32x4.const(0))
  }

  #moves(l: Load): boolean {
    return this.#motion(l).along !== 0 || l.picks.some((p) => this.#moves(p.index))
  }

  #isFixed(e: Expr): boolean {
    switch (e._tag) {
      case 'Const':
        return true
      case 'Index':
        return this.#motion(e).along === 0
      case 'Load':
        return this.#given(e) === undefined && !this.#moves(e)
      case 'Op':
        return e.xs.every((x) => this.#isFixed(x))
      case 'Parts':
        throw noParts
    }
  }

  #compute(e: Expr, lanes: number, position: Position | undefined, made = new Map<Expr, number>()): Code {
    const fixed = this.#fixed.get(e)
    if (fixed !== undefined) return get(fixed)
    const there = made.get(e)
    if (there !== undefined) return get(there)
    const code = this.#fresh(e, lanes, position, made)
    if (e._tag === 'Const' || this.#uses.get(e) === 1) return code
    const local = this.#context.body.local('v128')
    made.set(e, local)
    return tee(local, code)
  }

  #fresh(e: Expr, lanes: number, position: Position | undefined, made: Map<Expr, number>): Code {
    switch (e._tag) {
      case 'Const':
        if (e.type === 'f32') return f32x4.const(e.value)
        return i32x4.const(e.type === 'bool' ? -Number(e.value !== 0) : e.value)
      case 'Index': {
        const { along } = this.#motion(e)
        const first = this.#bases.get(e)!
        const at =
          position === undefined || along === 0
            ? get(first)
            : i32.add(get(first), i32.mul(i32.shrU(get(position.bytes), i32.const(2)), i32.const(along)))
        const all = i32x4.add(i32x4.splat(at), v128.const([0, along, 2 * along, 3 * along]))
        return e.type === 'f32' ? f32x4.fromS(all) : all
      }
      case 'Load':
        if (position !== undefined && this.#given(e) !== undefined) return this.#given(e)!(lanes, position)
        return decoded(this.#context, e.element, this.#raw(e, lanes, position))
      case 'Parts':
        throw noParts
      case 'Op': {
        const from = typeOf(e.xs.at(-1)!)
        // Operands are made in the order in which their code stands: what they share is computed by the first.
        const of = (i: number): Code => this.#compute(e.xs[i]!, lanes, position, made)
        if (e.op === 'where') return v128.select(of(1), of(2), of(0))
        const xs = e.xs.map((_, i) => of(i))
        if (e.op === 'cast') return castOp(this.#context, from, e.dtype, xs[0]!)
        if (isUnary(e.op)) return unaryOp(this.#context, e.op, from, xs[0]!)
        return binaryOp(this.#context, e.op as BinaryOp, from, xs[0]!, xs[1]!)
      }
    }
  }

  /** Where a lane stands: its address without what is constant, and that. */
  #lane(l: Load, lane: number, start: Code): { readonly at: Code; readonly offset: number } {
    const step = this.#motion(l).along * elementBytes(l.element) * lane
    return step >= 0 ? { at: start, offset: step } : { at: i32.add(start, i32.const(step)), offset: 0 }
  }

  #raw(l: Load, lanes: number, position: Position | undefined): Code {
    const bytes = elementBytes(l.element)
    const base = get(this.#bases.get(l)!)
    const one = (at: Code, offset: number): Code => (bytes === 4 ? i32.load(at, offset) : i32.load16U(at, offset))
    if (position === undefined || !this.#moves(l))
      return bytes === 4 ? v128.load32Splat(base) : i32x4.splat(one(base, 0))
    const { along } = this.#motion(l)
    const moving = l.picks.filter((p) => this.#moves(p.index))
    const forward = bytes === 4 ? get(position.bytes) : i32.shrU(get(position.bytes), i32.const(1))
    if (moving.length === 0 && along === 1)
      return bytes === 4 ? v128.load(i32.add(base, forward)) : v128.load16x4U(i32.add(base, forward))
    const body = this.#context.body
    const start = body.local('i32')
    const setup: Code[] = [set(start, along === 0 ? base : i32.add(base, i32.mul(forward, i32.const(along))))]
    const offsets = body.local('v128')
    if (moving.length > 0) {
      const each = moving.map((p) =>
        i32x4.mul(this.#clamped(this.#raw(p.index, lanes, position), p.index, p.extent), i32x4.const(p.stride * bytes)),
      )
      setup.push(
        set(
          offsets,
          each.reduce((a, b) => i32x4.add(a, b)),
        ),
      )
    }
    const out = body.local('v128')
    const read = Array.from({ length: lanes }, (_, i) => {
      const { at, offset } = this.#lane(l, i, get(start))
      const place = moving.length > 0 ? i32.add(at, i32x4.extract(get(offsets), i)) : at
      if (i === 0) return set(out, bytes === 4 ? v128.load32Zero(place, offset) : i32x4.splat(one(place, offset)))
      return set(
        out,
        bytes === 4 ? v128.load32Lane(place, get(out), i, offset) : i32x4.replace(get(out), one(place, offset), i),
      )
    })
    return [setup, read, get(out)]
  }
}

/** The type of an expression's values. */
export const typeOf = (e: Expr): Value => (e._tag === 'Load' ? valueOf(e.element) : e.type)

/** Stores lanes at a base address, from a position on, `along` elements apart. */
export const storeLanes = (
  context: Context,
  out: Store,
  base: number,
  along: number,
  lanes: number,
  position: Position | undefined,
  value: Code,
): Code => {
  const own = context.body.local('v128')
  const bytes = bytesAt(out)
  const encoded = out.element === 'bool' ? v128.and(value, i32x4.const(1)) : value
  const forward = position === undefined ? i32.const(0) : i32.mul(get(position.bytes), i32.const(along))
  const start = position === undefined ? get(base) : i32.add(get(base), along === 1 ? get(position.bytes) : forward)
  if (lanes === 4 && along === 1) return v128.store(start, encoded)
  const at = context.body.local('i32')
  const setup = [set(own, encoded), set(at, start)]
  if (along === 1)
    return [
      setup,
      lanes >= 2 ? v128.store64Lane(get(at), get(own), 0) : [],
      lanes === 1 ? v128.store32Lane(get(at), get(own), 0) : [],
      lanes === 3 ? v128.store32Lane(get(at), get(own), 2, 8) : [],
    ]
  return [
    setup,
    Array.from({ length: lanes }, (_, i) =>
      v128.store32Lane(i32.add(get(at), i32.const(i * along * bytes)), get(own), i),
    ),
  ]
}
