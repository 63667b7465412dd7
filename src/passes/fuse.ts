/**
 * From a graph to kernels. Arithmetic and views are not computed where they stand: they are expressions, which whatever reads them computes
 * in its own loop. A value is put in memory where several read it, where it is repeated, and where a kernel needs it to be.
 */
import { computed } from '../core/dtype.ts'
import { size, strides, type Shape } from '../core/shape.ts'
import {
  loadsOf,
  origin,
  subexpressions,
  type Expr,
  type Load,
  type ReduceKernel,
  type SortKernel,
} from '../codegen/kernel.ts'
import { localise, ProgramBuilder, typeOf, type Draft } from '../codegen/program.ts'
import {
  sources,
  toposort,
  type Call,
  type Concat,
  type Dot,
  type Gather,
  type Graph,
  type Node,
  type Reduce,
} from '../graph/node.ts'
import { opOf } from '../graph/print.ts'
import { attend } from './attend.ts'
import { bindingsOf, windowsOf } from './bindings.ts'
import { conv, dot, normalisedRows, rowsBefore } from './contract.ts'
import { magnifiedImage } from './magnify.ts'
import { broadcastTo, orderLike, picked, seen, stridesInOrder } from './layout.ts'
import { normalise, normalisations } from './normalise.ts'
import type { Target } from './target.ts'

/** Calls that become kernels of their own. The others are opened before, but for magnified images that only convolutions read. */
export const fusedCalls: ReadonlySet<string> = new Set([...normalisations, 'attention', 'sort'])

/** So few elements of so few operations are computed wherever they are read, where kernels are dear. */
const littleSize = 1024
const littleWork = 6

/** An expression with more loads than this is put in memory before it is read. */
const mostLoads = 10

const isPlain = (e: Expr): boolean => !('xs' in e)
const value = (dtype: Node['dtype']) => computed(dtype)

class Fusion {
  readonly to: ProgramBuilder
  /** The buffer of every input. */
  readonly inputs: readonly number[]
  readonly #values = new Map<Node, Expr>()
  readonly #uses = new Map<Node, number>()

  readonly #exact: boolean

  constructor(graph: Graph, target: Target, { exact = false, lean = false }: FuseOptions) {
    this.#exact = exact || lean
    this.to = new ProgramBuilder(target, graph.inputs.length > 0, lean)
    const order = toposort(graph.outputs)
    for (const n of [...order.flatMap((x) => [...sources(x)]), ...graph.outputs])
      this.#uses.set(n, (this.#uses.get(n) ?? 0) + 1)
    const isNumber = (n: Node): boolean =>
      target.numbers === 'together' && value(n.dtype) === 'f32' && size(n.shape) === 1
    const numbers = graph.inputs.flatMap((n, i) => (isNumber(n) ? [i] : []))
    const together =
      numbers.length > 0 ? this.to.buffer('f32', numbers.length, { _tag: 'Numbers', inputs: numbers }) : -1
    this.inputs = graph.inputs.map((n, index) => {
      const at = numbers.indexOf(index)
      const operand = at < 0 ? this.to.buffer(value(n.dtype), size(n.shape), { _tag: 'Input', index }) : together
      const by = at < 0 ? strides(n.shape) : n.shape.map(() => 0)
      this.#values.set(n, { ...load(operand, value(n.dtype), by), offset: Math.max(at, 0) })
      return operand
    })
    for (const n of order) if (!this.#values.has(n)) this.#values.set(n, this.#kept(n, this.#expression(n)))
  }

  of(n: Node): Expr {
    return this.#values.get(n)!
  }

  /** An expression that several read is put in memory, once. */
  #kept(n: Node, e: Expr): Expr {
    const large = loadsOf(e).length > mostLoads
    // Where a kernel costs more than its work, a little is rather done twice.
    const little =
      this.to.target.name === 'webgpu' && size(n.shape) <= littleSize && subexpressions(e).length <= littleWork
    return !isPlain(e) && (large || (this.#uses.get(n)! > 1 && !little)) ? this.#stored(n, e) : e
  }

  #stored(n: Node, e: Expr): Load {
    const by = stridesInOrder(n.shape, orderLike(n.shape, loadsOf(e)))
    return this.to.store(e, n.shape, by, opOf(n))
  }

  /** In memory, so that repeating it computes nothing twice. */
  #plain(n: Node): Expr {
    const e = this.of(n)
    if (isPlain(e)) return e
    const stored = this.#stored(n, e)
    this.#values.set(n, stored)
    return stored
  }

  #repeated(n: Node, shape: Shape): Expr {
    const e = size(n.shape) < size(shape) ? this.#plain(n) : this.of(n)
    return broadcastTo(e, n.shape, shape)
  }

  #expression(n: Node): Expr {
    switch (n._tag) {
      case 'Input':
        return this.of(n)
      case 'Buffer':
        return load(this.to.leaf(n), n.dtype, strides(n.shape))
      case 'Const':
        return { _tag: 'Const', type: value(n.dtype), value: n.value }
      case 'Iota':
        return { _tag: 'Index', type: value(n.dtype), offset: 0, strides: [1] }
      case 'Map': {
        const xs = this.#few(
          n.xs,
          n.xs.map((x) => this.#repeated(x, n.shape)),
          n.shape,
        )
        return { _tag: 'Op', op: n.op, dtype: n.dtype, type: value(n.dtype), xs, [origin]: n }
      }
      case 'Reduce':
        return this.#reduce(n)
      case 'View': {
        if (n.view._tag === 'Pad') return this.#pad(n, n.view.before, n.view.value)
        const { view } = n
        const repeats = view._tag === 'Expand' && size(n.x.shape) < size(n.shape)
        const e = repeats ? this.#plain(n.x) : this.of(n.x)
        const there = seen(e, view, n.x.shape, n.shape)
        if (there !== undefined) return there
        const copy = this.to.store(e, n.x.shape, strides(n.x.shape), opOf(n))
        return seen(copy, view, n.x.shape, n.shape)!
      }
      case 'Concat':
        return this.#concat(n)
      case 'Gather':
        return this.#gather(n)
      case 'Dot':
        return this.#dot(n)
      case 'Conv': {
        const magnified = magnifiedImage(n.x)
        const image = magnified ?? { node: n.x, magnify: [1, 1] as const }
        return conv(
          this.to,
          n,
          { ...image, value: this.of(image.node), shape: image.node.shape },
          this.of(n.w),
          this.#exact,
        )
      }
      case 'Call':
        return this.#call(n)
    }
  }

  /** Operands of an op, of which the largest are put in memory until together they read few enough buffers. */
  #few(nodes: readonly Node[], xs: readonly Expr[], shape: Shape): readonly Expr[] {
    const { target } = this.to
    const most = target.mostOperands - windowsOf(target, 4 * size(shape))
    if (this.#bindings(...xs) <= most || xs.every(isPlain)) return xs
    const counts = xs.map((x) => (isPlain(x) ? 0 : this.#bindings(x)))
    const at = counts.indexOf(Math.max(...counts))
    const there = broadcastTo(this.#stored(nodes[at]!, this.of(nodes[at]!)), nodes[at]!.shape, shape)
    return this.#few(nodes, xs.with(at, there), shape)
  }

  /** How many bindings what expressions read takes. */
  #bindings(...es: readonly Expr[]): number {
    const { target, buffers } = this.to
    return bindingsOf(
      target,
      buffers,
      es.flatMap((e) => loadsOf(e).map((l) => l.operand)),
    )
  }

  #reduce(n: Reduce): Load {
    const kept = n.shape.map((_, i) => i).filter((i) => !n.axes.includes(i))
    const order = [...kept, ...n.axes]
    const x = seen(this.of(n.x), { _tag: 'Permute', axes: order }, n.x.shape, [])!
    const { values, operands } = localise([x], 1)
    const element = value(n.dtype)
    const kernel: ReduceKernel = {
      _tag: 'Reduce',
      op: n.op,
      dims: kept.map((a) => n.x.shape[a]!),
      folded: n.axes.map((a) => n.x.shape[a]!),
      value: values[0]!,
      out: { operand: 0, element, offset: 0, strides: strides(kept.map((a) => n.x.shape[a]!)) },
    }
    const id = this.to.fill(kernel, element, size(n.shape), operands, opOf(n), [n])
    return load(id, element, strides(n.shape))
  }

  /** A fresh buffer laid out like what it is made of, and where its first element is. */
  #frame(n: Node, parts: readonly Expr[], shape: Shape): Load {
    const loads = parts.flatMap((e) => [...loadsOf(e)])
    const by = stridesInOrder(n.shape, orderLike(shape, loads))
    const id = this.to.made(
      value(n.dtype),
      size(n.shape),
      loads.map((l) => l.operand),
    )
    return load(id, value(n.dtype), by)
  }

  /** Values end to end along an axis, each where it lies, or undefined where they are written into one buffer. */
  #parts(n: Node, axis: number, parts: readonly (readonly [Expr, number])[]): Expr | undefined {
    const { target } = this.to
    const read = this.#bindings(...parts.map(([e]) => e))
    const written = windowsOf(target, 4 * size(n.shape))
    if (!target.parts || read + written > target.mostOperands) return undefined
    const along = n.shape.map((_, i) => (i === axis ? 1 : 0))
    const ends = parts.map(([, extent], i) => parts.slice(0, i).reduce((sum, [, d]) => sum + d, extent))
    const xs = parts.map(([e, extent], i) => moved(e, n.shape, axis, extent - ends[i]!))
    const there = parts.flatMap(([, extent], i) => (extent > 0 ? [i] : []))
    if (there.length === 1) return xs[there[0]!]!
    return {
      _tag: 'Parts',
      type: value(n.dtype),
      at: { _tag: 'Index', type: 'i32', offset: 0, strides: along },
      ends: there.map((i) => ends[i]!),
      xs: there.map((i) => xs[i]!),
      [origin]: n,
    }
  }

  #pad(n: Node & { readonly _tag: 'View' }, before: readonly number[], fill: number): Expr {
    const e = this.of(n.x)
    if (this.to.target.parts && size(n.x.shape) > 0) {
      const border: Expr = { _tag: 'Const', type: value(n.dtype), value: fill }
      return n.shape.reduce<Expr>((inside, d, axis) => {
        const [own, start] = [n.x.shape[axis]!, before[axis]!]
        return this.#parts(n, axis, [
          [border, start],
          [inside, own],
          [border, d - own - start],
        ])!
      }, e)
    }
    const whole = this.#frame(n, [e], n.x.shape)
    const inside = whole.strides.reduce((at, s, i) => at + s * before[i]!, 0)
    this.to.write(e, n.x.shape, { ...whole, offset: inside }, opOf(n), [n])
    // Slabs before and after along each axis, inside along those before it.
    n.shape.forEach((d, axis) => {
      const sides = [
        [0, before[axis]!],
        [before[axis]! + n.x.shape[axis]!, d - before[axis]! - n.x.shape[axis]!],
      ] as const
      for (const [start, extent] of sides) {
        const shape = n.shape.map((full, i) => (i < axis ? n.x.shape[i]! : i === axis ? extent : full))
        if (size(shape) === 0) continue
        const offset = whole.strides.reduce((at, s, i) => at + s * (i < axis ? before[i]! : i === axis ? start : 0), 0)
        this.to.write({ _tag: 'Const', type: value(n.dtype), value: fill }, shape, { ...whole, offset }, 'border')
      }
    })
    return whole
  }

  #concat(n: Concat): Expr {
    const parts = n.xs.map((x) => this.of(x))
    const there = this.#parts(
      n,
      n.axis,
      n.xs.map((x, i) => [parts[i]!, x.shape[n.axis]!]),
    )
    if (there !== undefined) return there
    const whole = this.#frame(n, parts, n.xs[0]!.shape)
    let at = 0
    n.xs.forEach((x, i) => {
      const offset = at * whole.strides[n.axis]!
      if (size(x.shape) > 0) this.to.write(parts[i]!, x.shape, { ...whole, offset }, opOf(n), [n])
      at += x.shape[n.axis]!
    })
    return whole
  }

  #gather(n: Gather): Expr {
    const grows = size(n.shape) > size(n.x.shape)
    const e = this.of(n.x)
    const counts = subexpressions(e).some((x) => x._tag === 'Index')
    const { target } = this.to
    const index = this.#inMemory(n.indices)
    const fits = this.#bindings(e, index) + windowsOf(target, 4 * size(n.shape)) <= target.mostOperands
    const x = counts || grows || !fits ? this.#inMemory(n.x) : e
    return picked(x, n, index)
  }

  #inMemory(n: Node): Load {
    const e = this.of(n)
    if (e._tag === 'Load') return e
    const stored = this.#stored(n, e)
    this.#values.set(n, stored)
    return stored
  }

  #dot(n: Dot): Load {
    const rows = this.to.target.products === 'rich' ? normalisedRows(n.x) : undefined
    if (rows !== undefined) {
      const before = rowsBefore(this.#plain(rows.call.args[0]!), rows.call, n.x.shape)
      if (before !== undefined) return dot(this.to, n, before, this.of(n.y), rows)
    }
    return dot(this.to, n, this.of(n.x), this.of(n.y))
  }

  #sort(n: Call): Load {
    const rowMajor = strides(n.shape)
    const element = value(n.dtype) as SortKernel['element']
    const length = n.shape.at(-1)!
    const e = this.of(n.args[0]!)
    const lies =
      e._tag === 'Load' &&
      e.element === element &&
      e.offset === 0 &&
      e.picks.length === 0 &&
      n.shape.every((d, i) => d === 1 || e.strides[i] === rowMajor[i])
    const x = lies ? e : this.to.store(e, n.shape, rowMajor, 'rows')
    const kernel: SortKernel = { _tag: 'Sort', rows: size(n.shape.slice(0, -1)), length, element }
    return load(this.to.fill(kernel, element, size(n.shape), [x.operand], 'sort', [n]), element, rowMajor)
  }

  #call(n: Call): Expr {
    if (n.name === 'resizeNearest') return { _tag: 'Const', type: 'f32', value: NaN } // Only convolutions read it, as a magnified image.
    if (n.name === 'sort') return this.#sort(n)
    if (n.name === 'attention')
      return attend(
        this.to,
        n,
        n.args.map((a) => this.of(a)),
      )
    // Parts are read twice, but written never, unless with gain and shift they are too many.
    const { target } = this.to
    const there = n.args.map((a) => (this.of(a)._tag === 'Parts' ? this.of(a) : this.#plain(a)))
    const fits = this.#bindings(...there) + windowsOf(target, 4 * size(n.shape)) <= target.mostOperands
    return normalise(this.to, n, fits ? there : n.args.map((a) => this.#plain(a)))
  }
}

/** An expression at an index that is greater by so much along an axis. */
const moved = (e: Expr, shape: Shape, axis: number, by: number): Expr =>
  seen(e, { _tag: 'Slice', start: shape.map((_, i) => (i === axis ? by : 0)), step: shape.map(() => 1) }, shape, shape)!

const load = (operand: number, element: Load['element'], by: readonly number[]): Load => ({
  _tag: 'Load',
  operand,
  element,
  offset: 0,
  strides: by,
  picks: [],
})

/**
 * `exact`: no convolution by Winograd's algorithm, whose rounding errors are larger. `lean`: nor are weights kept as panels, of float32;
 * they are packed, and widened from 16 bits, at each run.
 */
export type FuseOptions = { readonly exact?: boolean; readonly lean?: boolean }

/** The program of a graph whose calls are those of `fusedCalls`. Outputs are row-major. */
export const fuse = (graph: Graph, target: Target, options: FuseOptions = {}): Draft => {
  const fusion = new Fusion(graph, target, options)
  const { to } = fusion
  const outputs = graph.outputs.map((n) => {
    const e = fusion.of(n)
    const element = value(n.dtype)
    const out = to.buffer(element, size(n.shape), { _tag: 'Output' })
    to.write(e, n.shape, load(out, typeOf(e) === element ? element : value(n.dtype), strides(n.shape)), 'output')
    return out
  })
  return { buffers: to.buffers, once: to.once, every: to.every, inputs: fusion.inputs, outputs, panels: to.panels }
}
