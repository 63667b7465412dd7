/** What kernels and programs mean, on the host, in float64: the slow and plain truth that code generators and passes are held to. */
import { binary, reduce as folds, unary, type BinaryOp } from '../../src/core/ops.ts'
import { size } from '../../src/core/shape.ts'
import {
  resultsOf,
  type Element,
  type Expr,
  type GemmKernel,
  type Index,
  type Kernel,
  type Load,
  type MapKernel,
  type Matrices,
  type NormaliseKernel,
  type PlainAttentionKernel,
  type Rows,
  type Store,
  type Term,
} from '../../src/codegen/kernel.ts'
import type { Program } from '../../src/codegen/program.ts'
import { isUnary } from '../../src/graph/build.ts'
import { hostValues } from '../../src/graph/evaluate/evaluate.ts'
import { convert } from '../../src/graph/evaluate/values.ts'
import { winogradInput, winogradOutput, winogradWeight } from './run-winograd.ts'

/** The values of an operand: what is not written yet is NaN. */
export type Memory = Float64Array
type At = readonly number[]
type Value = (at: At) => number

const offsetOf = (
  { offset, strides }: { readonly offset: number; readonly strides: readonly number[] },
  at: At,
): number => strides.reduce((sum, s, i) => sum + s * at[i]!, offset)

/** Every index of a space, row-major. */
export const each = (dims: readonly number[], f: (at: At) => void): void => {
  const at = dims.map(() => 0)
  for (let left = size(dims); left > 0; left--) {
    f(at)
    for (let i = dims.length - 1; i >= 0 && ++at[i]! === dims[i]; i--) at[i] = 0
  }
}

const meaning = (e: Extract<Expr, { readonly _tag: 'Op' }>): ((...xs: number[]) => number) => {
  if (e.op === 'where') return (c, x, y) => (c ? x! : y!)
  if (e.op === 'cast') return (x) => convert(e.dtype, x!)
  type Row = { readonly eval: (x: number, y: number) => number; readonly int?: (x: number, y: number) => number }
  const row: Row = isUnary(e.op) ? unary[e.op] : binary[e.op as BinaryOp]
  const f = e.type === 'f32' ? row.eval : (row.int ?? row.eval)
  return (x, y) => {
    const value = f(x!, y!)
    return e.type === 'i32' ? value | 0 : e.type === 'u32' ? value >>> 0 : value
  }
}

/** An expression over operands. `replaced` gives the values of operands that are not in memory. */
const valueOf = (e: Expr, memory: readonly Memory[], replaced?: (l: Load, at: At) => number | undefined): Value => {
  const made = new Map<Expr, Value>()
  const index = (l: Load, at: At): number =>
    l.picks.reduce(
      (sum, p) => sum + p.stride * Math.min(Math.max(memory[p.index.operand]![index(p.index, at)]!, 0), p.extent - 1),
      offsetOf(l, at),
    )
  const visit = (x: Expr): Value => {
    const there = made.get(x)
    if (there !== undefined) return there
    const fresh = build(x)
    made.set(x, fresh)
    return fresh
  }
  const build = (x: Expr): Value => {
    switch (x._tag) {
      case 'Const':
        return () => x.value
      case 'Index':
        return (at) => offsetOf(x, at)
      case 'Load':
        return (at) => replaced?.(x, at) ?? memory[x.operand]![index(x, at)]!
      case 'Parts': {
        const parts = x.xs.map(visit)
        const where = (i: Index, at: At): number => x.ends.findIndex((end) => offsetOf(i, at) < end)
        return (at) => parts[where(x.at, at)]!(at)
      }
      case 'Op': {
        const f = meaning(x)
        const xs = x.xs.map(visit)
        // Only the branch that is taken is read.
        if (x.op === 'where') return (at) => (xs[0]!(at) ? xs[1]!(at) : xs[2]!(at))
        return (at) => f(...xs.map((v) => v(at)))
      }
    }
  }
  return visit(e)
}

const rounded = (element: Element, x: number): number => (element === 'f32' ? x : convert(element, x))

const writer = (out: Store, memory: readonly Memory[]) => (at: At, x: number) => {
  const to = offsetOf(out, at)
  if (!(to >= 0 && to < memory[out.operand]!.length)) throw new Error(`writes outside of operand ${out.operand}`)
  memory[out.operand]![to] = rounded(out.element, x)
}

const map = (k: MapKernel, memory: readonly Memory[], product?: (row: number, column: number) => number): void => {
  const results = [{ value: k.value, out: k.out }, ...(k.also ?? [])]
  const columns = k.dims.at(-1) ?? 1
  // The product's rows are the map's, in row-major order; a load's last stride and offset choose its columns.
  const replaced = (l: Load, at: At): number | undefined => {
    if (product === undefined || l.operand !== 0) return undefined
    const row = k.dims.slice(0, -1).reduce((sum, d, i) => sum * d + at[i]!, 0)
    return product(row, l.offset + (columns === 1 ? 0 : l.strides.at(-1)!) * at.at(-1)!)
  }
  const values = results.map((r) => valueOf(r.value, memory, replaced))
  const writes = results.map((r) => writer(r.out, memory))
  each(k.dims, (at) => {
    const found = values.map((v) => v(at))
    found.forEach((x, i) => writes[i]!(at, x))
  })
}

const moments = (
  xs: readonly number[],
  centred: boolean,
  eps: number,
): { readonly mean: number; readonly rstd: number } => {
  const mean = centred ? xs.reduce((a, b) => a + b, 0) / xs.length : 0
  return { mean, rstd: 1 / Math.sqrt(xs.reduce((sum, x) => sum + (x - mean) ** 2, 0) / xs.length + eps) }
}

const normalise = (k: NormaliseKernel, memory: readonly Memory[]): void => {
  const value = valueOf(k.value, memory)
  const write = writer(k.out, memory)
  each(k.dims, (slab) => {
    const xs: number[] = []
    each(k.folded, (at) => xs.push(value([...slab, ...at])))
    const { mean, rstd } = moments(xs, k.centred, k.eps)
    let i = 0
    const then = valueOf(k.then, memory, (l) => (l.operand === 0 ? (xs[i]! - mean) * rstd : undefined))
    const results = xs.map(() => 0)
    each(k.folded, (at) => {
      results[i] = then([...slab, ...at])
      i++
    })
    i = 0
    each(k.folded, (at) => write([...slab, ...at], results[i++]!))
  })
}

/** The K elements of a row of A. */
const rowOf = (t: Term, memory: readonly Memory[], batch: At, row: At): number[] => {
  const from = memory[t.operand]!
  const along = (by: readonly number[], at: At): number => by.reduce((sum, s, i) => sum + s * at[i]!, 0)
  const start = t.a.offset + along(t.a.batch, batch)
  const xs: number[] = []
  if (t.window !== undefined) {
    const { kernel, channels, stride, dilation, before, extent, magnify, strides } = t.window
    const [picture, oy, ox] = row as [number, number, number]
    each([...kernel, channels], (at) => {
      const [ky, kx, c] = at as [number, number, number]
      const y = stride[0] * oy + dilation[0] * ky - before[0]
      const x = stride[1] * ox + dilation[1] * kx - before[1]
      const inside = y >= 0 && y < extent[0] && x >= 0 && x < extent[1]
      const place = strides[0] * Math.floor(y / magnify[0]) + strides[1] * Math.floor(x / magnify[1]) + strides[2] * c
      xs.push(inside ? from[start + t.a.rows[0]! * picture + place]! : 0)
    })
  } else {
    let at = start + along(t.a.rows, row)
    for (const { length, jump } of t.segments) {
      for (let i = 0; i < length; i++) xs.push(from[at++]!)
      at += jump
    }
  }
  if (t.norm === undefined) return xs
  const { mean, rstd } = moments(xs, t.norm.centred, t.norm.eps)
  return xs.map((x) => (x - mean) * rstd)
}

const gemm = (k: GemmKernel, memory: readonly Memory[]): void => {
  const products: number[][] = []
  const b = memory[1]!
  const write = (rows: Rows, batch: At, row: At, column: number, x: number): void => {
    const at = [...rows.batch.map((s, i) => s * batch[i]!), ...rows.rows.map((s, i) => s * row[i]!)]
    memory[0]![at.reduce((sum, s) => sum + s, rows.offset + column)] = x
  }
  each(k.batch, (batch) => {
    const start = k.b.batch.reduce((sum, s, i) => sum + s * batch[i]!, 0)
    each(k.rows, (row) => {
      const xs = k.terms.flatMap((t) => rowOf(t, memory, batch, row))
      const sums = Array.from({ length: k.n }, (_, j) => {
        const panel = start + Math.floor(j / k.width) * k.width * xs.length + (j % k.width)
        return xs.reduce((sum, x, i) => sum + x * b[panel + i * k.width]!, 0)
      })
      if (k.epilogue === undefined) sums.forEach((x, j) => write(k.c, batch, row, j, x))
      else products.push(sums)
    })
  })
  if (k.epilogue !== undefined) map(k.epilogue, memory, (row, column) => products[row]![column]!)
}

const attention = (k: PlainAttentionKernel, memory: readonly Memory[]): void => {
  const start = (m: Matrices, batch: At): number => m.batch.reduce((sum, s, i) => sum + s * batch[i]!, m.offset)
  const matrix = (m: Matrices, batch: At, row: number, columns: number): number[] =>
    Array.from({ length: columns }, (_, j) => memory[m.operand]![start(m, batch) + row * m.row + j * m.column]!)
  const masked = k.mask === undefined ? undefined : valueOf(k.mask, memory)
  const projected = (batch: At, row: number): number[] => {
    const p = k.project
    if (p === undefined) return matrix(k.q, batch, row, k.depth)
    const x = matrix(k.q, batch, row, p.inner)
    const { mean, rstd } = p.norm === undefined ? { mean: 0, rstd: 1 } : moments(x, p.norm.centred, p.norm.eps)
    const bias = p.bias === undefined ? undefined : matrix(p.bias, batch, 0, k.depth)
    return Array.from({ length: k.depth }, (_, j) =>
      x.reduce(
        (sum, v, i) =>
          sum + (v - mean) * rstd * memory[p.w.operand]![start(p.w, batch) + i * p.w.row + j * p.w.column]!,
        bias?.[j] ?? 0,
      ),
    )
  }
  each(k.batch, (batch) => {
    for (let row = 0; row < k.rows; row++) {
      const q = projected(batch, row)
      const scores = Array.from({ length: k.keys }, (_, key) => {
        const score = matrix(k.k, batch, key, k.depth).reduce((sum, x, i) => sum + x * q[i]!, 0)
        return k.scale * score + (masked?.([...batch, row, key]) ?? 0)
      })
      const most = Math.max(...scores)
      const weights = scores.map((s) => Math.exp(s - most))
      const total = weights.reduce((a, b) => a + b, 0)
      for (let j = 0; j < k.features; j++) {
        const value = weights.reduce(
          (sum, w, key) => sum + w * memory[k.v.operand]![start(k.v, batch) + key * k.v.row + j * k.v.column]!,
          0,
        )
        memory[0]![start(k.out, batch) + row * k.out.row + j * k.out.column] = value / total
      }
    }
  })
}

/** Runs a kernel on its operands. */
export const runKernel = (k: Kernel, memory: readonly Memory[]): void => {
  switch (k._tag) {
    case 'Map':
      return map(k, memory)
    case 'Reduce': {
      const value = valueOf(k.value, memory)
      const write = writer(k.out, memory)
      const { eval: f, identity } = folds[k.op]
      const type = k.out.element
      const first = type === 'i32' || type === 'u32' ? convert(type, identity) : identity
      each(k.dims, (kept) => {
        let total = first
        each(k.folded, (at) => {
          total = f(total, value([...kept, ...at]))
          if (type === 'i32') total |= 0
          if (type === 'u32') total >>>= 0
        })
        write(kept, total)
      })
      return
    }
    case 'Normalise':
      return normalise(k, memory)
    case 'Moments': {
      const value = valueOf(k.value, memory)
      const [gain, bias] = [valueOf(k.gain, memory), valueOf(k.bias, memory)]
      const channels = k.folded[0]!
      const half = size(k.dims) * channels
      let slab = 0
      each(k.dims, (at) => {
        const xs: number[] = []
        each(k.folded, (inner) => xs.push(value([...at, ...inner])))
        const { mean, rstd } = moments(xs, true, k.eps)
        for (let c = 0; c < channels; c++) {
          const scale = rstd * gain([...at, c])
          memory[k.out.operand]![slab * channels + c] = scale
          memory[k.out.operand]![half + slab * channels + c] = bias([...at, c]) - mean * scale
        }
        slab++
      })
      return
    }
    case 'Gemm':
      return gemm(k, memory)
    case 'PlainAttention':
      return attention(k, memory)
    case 'Sort':
      for (let row = 0; row < k.rows; row++) {
        const part = [row * k.length, (row + 1) * k.length] as const
        const xs = memory[1]!.slice(...part)
        const there = xs.filter((x) => !Number.isNaN(x)).sort()
        memory[0]!.fill(0, ...part)
        there.forEach((x, i) => (memory[0]![part[0] + i] = x + 0))
        if (there.length < xs.length) memory[0]![part[0]] = NaN
      }
      return
    case 'WinogradWeight':
      return winogradWeight(k, memory[0]!, valueOf(k.w, memory))
    case 'WinogradInput':
      return winogradInput(k, memory[0]!, memory[1]!)
    case 'WinogradOutput': {
      const pixels = winogradOutput(k, memory[1]!)
      if (k.epilogue !== undefined) return map(k.epilogue, memory, (row, column) => pixels[row]![column]!)
      pixels.forEach((row, i) => row.forEach((v, c) => (memory[0]![i * k.channels + c] = v)))
      return
    }
  }
}

/** The outputs of a program, given its inputs. */
export const runProgram = (program: Program, inputs: readonly ArrayLike<number>[]): Memory[] => {
  const memory = program.buffers.map(({ length, purpose }) => {
    if (purpose._tag === 'Input') return Float64Array.from(inputs[purpose.index]!)
    if (purpose._tag === 'Numbers') return Float64Array.from(purpose.inputs, (i) => inputs[i]![0]!)
    if (purpose._tag !== 'Leaf') return new Float64Array(length).fill(NaN)
    if (purpose.node.source._tag === 'Device') throw new Error('a leaf is on a device')
    return Float64Array.from(hostValues(purpose.node.dtype, purpose.node.source.data, 'f64'))
  })
  for (const { kernel, operands } of [...program.once, ...program.every]) {
    if (new Set(operands).size < operands.length && resultsOf(kernel) > 1) throw new Error('an operand is there twice')
    runKernel(
      kernel,
      operands.map((id) => memory[id]!),
    )
  }
  return program.outputs.map((id) => memory[id]!)
}
