/** Programs: buffers, and the kernels that fill them one after the other. */
import { computed } from '../core/dtype.ts'
import { size, type Shape } from '../core/shape.ts'
import type { Buffer, Node } from '../graph/node.ts'
import type { Target } from '../passes/target.ts'
import {
  elementBytes,
  mapLeaves,
  type Dispatch,
  type Element,
  type Expr,
  type Kernel,
  type Load,
  type MapKernel,
} from './kernel.ts'

/**
 * What a buffer is for: an input of a run, all its inputs of one f32 side by side (on targets that want them so), values of the host that the graph holds, what is computed from those once and kept, what lives
 * during a run, and an output of it.
 */
export type Purpose =
  | { readonly _tag: 'Input'; readonly index: number }
  | { readonly _tag: 'Numbers'; readonly inputs: readonly number[] }
  | { readonly _tag: 'Leaf'; readonly node: Buffer }
  | { readonly _tag: 'Kept' }
  | { readonly _tag: 'Scratch' }
  | { readonly _tag: 'Output' }

/** Memory of a program, by number. */
export type ProgramBuffer = { readonly element: Element; readonly length: number; readonly purpose: Purpose }

/** `once` is computed at the first run and kept; `every` at each. */
export type Program = {
  readonly buffers: readonly ProgramBuffer[]
  readonly once: readonly Dispatch[]
  readonly every: readonly Dispatch[]
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
}

/**
 * B of a product, before it is packed: matrices [...batch, ...k, n] on top of each other, one for each term. Loads name buffers by number.
 */
export type Panels = {
  readonly batch: readonly number[]
  readonly n: number
  readonly width: number
  readonly parts: readonly { readonly b: Load; readonly k: readonly number[] }[]
}

/** A program whose panels are not packed yet: what they are made of, by buffer. */
export type Draft = Program & { readonly panels: ReadonlyMap<number, Panels> }

/** An expression over the buffers of a program, as a kernel sees it: operands numbered from `first` in order of appearance. */
export const localise = (
  values: readonly Expr[],
  first: number,
): { readonly values: readonly Expr[]; readonly operands: readonly number[] } => {
  const operands: number[] = []
  const local = (l: Load): Load => {
    if (!operands.includes(l.operand)) operands.push(l.operand)
    const operand = first + operands.indexOf(l.operand)
    return { ...l, operand, picks: l.picks.map((p) => ({ ...p, index: local(p.index) })) }
  }
  const moved = values.map((e) => mapLeaves(e, (x) => (x._tag === 'Load' ? local(x) : x)))
  return { values: moved, operands }
}

/** A program being written. Loads name buffers by their number here. */
export class ProgramBuilder {
  readonly buffers: ProgramBuffer[] = []
  readonly once: Dispatch[] = []
  readonly every: Dispatch[] = []
  readonly panels = new Map<number, Panels>()
  readonly #moving: boolean
  readonly #leaves = new Map<Buffer, number>()
  readonly #fixed = new Set<number>()

  /** Are weights packed anew at each run, because their panels would not all fit in memory? */
  readonly lean: boolean

  /** What the program is for. */
  readonly target: Target

  /** A program without inputs keeps nothing: all of it is done at each run. */
  constructor(target: Target, hasInputs: boolean, lean: boolean) {
    this.target = target
    this.#moving = !hasInputs
    this.lean = lean
  }

  /** A fresh buffer. */
  buffer(element: Element, length: number, purpose: Purpose): number {
    const id = this.buffers.push({ element, length, purpose }) - 1
    if (purpose._tag === 'Leaf') this.#fixed.add(id)
    return id
  }

  /** The buffer of values that the graph holds. */
  leaf(node: Buffer): number {
    const there = this.#leaves.get(node)
    if (there !== undefined) return there
    const id = this.buffer(node.dtype, size(node.shape), { _tag: 'Leaf', node })
    this.#leaves.set(node, id)
    return id
  }

  /** A fresh buffer of what is computed from the given ones: kept where they are, unless it `passes`. */
  made(element: Element, length: number, reads: readonly number[], passes = false): number {
    const fixed = !passes && !this.#moving && reads.every((r) => this.#fixed.has(r))
    const id = this.buffer(element, length, { _tag: fixed ? 'Kept' : 'Scratch' })
    if (fixed) this.#fixed.add(id)
    return id
  }

  /** A fresh buffer of panels, to be packed before they are read. */
  packed(panels: Panels): number {
    const depth = panels.parts.reduce((sum, p) => sum + size(p.k), 0)
    const length = size(panels.batch) * Math.ceil(panels.n / panels.width) * depth * panels.width
    const reads = panels.parts.map((p) => p.b.operand)
    const id = this.made('f32', length, reads, this.lean)
    this.panels.set(id, panels)
    return id
  }

  /** Adds a kernel that fills a fresh buffer of so many elements, read from the given ones; it is the given nodes. */
  fill(
    kernel: Kernel,
    element: Element,
    length: number,
    reads: readonly number[],
    label: string,
    nodes: readonly Node[] = [],
  ): number {
    const id = this.made(element, length, reads)
    this.dispatch({ kernel, operands: [id, ...reads], label, nodes })
    return id
  }

  /** Adds a kernel that writes a buffer there is already. */
  dispatch(d: Dispatch): void {
    ;(this.#fixed.has(d.operands[0]!) ? this.once : this.every).push(d)
  }

  /** Is a buffer the same at every run? */
  isFixed(id: number): boolean {
    return this.#fixed.has(id)
  }

  /** An expression in a fresh buffer with these strides, as a load of it. */
  store(value: Expr, shape: Shape, strides: readonly number[], label: string): Load {
    return this.storePart(value, shape, strides, 0, size(shape), label)
  }

  /** An expression in a part of a fresh buffer of so many elements, as a load of that part. */
  storePart(
    value: Expr,
    shape: Shape,
    strides: readonly number[],
    offset: number,
    length: number,
    label: string,
  ): Load {
    const element = computed(typeOf(value))
    const { values, operands } = localise([value], 1)
    const kernel: MapKernel = {
      _tag: 'Map',
      dims: shape,
      value: values[0]!,
      out: { operand: 0, element, offset, strides },
    }
    const id = this.fill(kernel, element, length, operands, label)
    return { _tag: 'Load', operand: id, element, offset, strides, picks: [] }
  }

  /** Writes an expression into a part of a buffer. */
  write(value: Expr, shape: Shape, into: Load, label: string, nodes: readonly Node[] = []): void {
    const { values, operands } = localise([value], 1)
    const out = { operand: 0, element: into.element, offset: into.offset, strides: into.strides }
    const kernel: MapKernel = { _tag: 'Map', dims: shape, value: values[0]!, out }
    this.dispatch({ kernel, operands: [into.operand, ...operands], label, nodes })
  }
}

/** The type of an expression's values. */
export const typeOf = (e: Expr): Element => (e._tag === 'Load' ? e.element : e.type)

/** Bytes that a program keeps between runs. */
export const keptBytes = ({ buffers, every }: Program): number => {
  const read = new Set(every.flatMap((d) => d.operands))
  const kept = buffers.filter(({ purpose }, id) => read.has(id) && (purpose._tag === 'Kept' || purpose._tag === 'Leaf'))
  return kept.reduce((sum, { element, length }) => sum + length * elementBytes(element), 0)
}
