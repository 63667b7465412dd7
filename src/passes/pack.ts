/** Weights as panels, the last thing before a program is done: by then it is known which products were merged. */
import { size, strides, type Shape } from '../core/shape.ts'
import type { Dispatch, Element, Expr, Kernel, Load, Store } from '../codegen/kernel.ts'
import { localise, type Draft, type Panels } from '../codegen/program.ts'
import type { ProgramPass } from './pass.ts'
import type { Target } from './target.ts'

/** A part of a buffer of panels: what is written, over which indices, and from where on. */
type Piece = readonly [Expr, Shape, number]

/** Kernels that write panels [...batch, panel, K, width] into a buffer, with zeros after column n. */
export const packing = (panels: Panels, out: number, element: Element, { parts: split }: Target): Dispatch[] => {
  const { batch, n, width, parts } = panels
  const count = Math.ceil(n / width)
  const depth = parts.reduce((sum, p) => sum + size(p.k), 0)
  const outer = strides([...batch, count, depth * width]).slice(0, -1)
  const panel = depth * width
  const full = Math.floor(n / width)
  const rest = n - full * width
  let row = 0
  return parts.flatMap(({ b, k }) => {
    const by = [...outer, ...strides([...k, width])]
    const [sb, sk, sn] = [b.strides.slice(0, batch.length), b.strides.slice(batch.length, -1), b.strides.at(-1)!]
    const whole = { ...b, strides: [...sb, sn * width, ...sk, sn] }
    const zero: Expr = { _tag: 'Const', type: 'f32', value: 0 }
    const column = {
      _tag: 'Index',
      type: 'i32',
      offset: 0,
      strides: [...batch.map(() => 0), width, ...k.map(() => 0), 1],
    } as const
    const pieces: readonly Piece[] =
      rest === 0
        ? [[whole, [...batch, count, ...k, width], 0]]
        : split
          ? [
              [
                { _tag: 'Parts', type: 'f32', at: column, ends: [n, count * width], xs: [whole, zero] },
                [...batch, count, ...k, width],
                0,
              ],
            ]
          : [
              [whole, [...batch, full, ...k, width], 0],
              [{ ...whole, offset: b.offset + full * width * sn }, [...batch, 1, ...k, rest], full * panel],
              [zero, [...batch, 1, ...k, width - rest], full * panel + rest],
            ]
    const first = row * width
    row += size(k)
    return pieces.flatMap(([value, dims, offset]): Dispatch[] => {
      if (size(dims) === 0) return []
      const { values, operands } = localise([value], 1)
      const store: Store = { operand: 0, element, offset: first + offset, strides: by }
      return [
        { kernel: { _tag: 'Map', dims, value: values[0]!, out: store }, operands: [out, ...operands], label: 'pack' },
      ]
    })
  })
}

const sixteen = (l: Load): Element => (l.element === 'f16' || l.element === 'bf16' ? l.element : 'f32')

/** How panels are kept: in 16 bits where all of them came so. */
const elementOf = ({ parts }: Panels, target: Target): Element => {
  const [first, ...others] = parts.map((p) => sixteen(p.b))
  return target.keeps16 && others.every((o) => o === first) ? first! : 'f32'
}

/** Row axes of a product merged wherever C and every A allow it. */
const mergeRows = (k: Kernel): Kernel => {
  if (k._tag !== 'Gemm' || k.terms.some((t) => t.window !== undefined)) return k
  const sides = [k.c, ...k.terms.map((t) => t.a)]
  const rows: number[] = []
  const merged = sides.map(() => [] as number[])
  k.rows.forEach((d, i) => {
    const last = rows.length - 1
    if (d === 1) return
    const joins = last >= 0 && sides.every((s, j) => merged[j]![last] === s.rows[i]! * d)
    if (joins) rows[last]! *= d
    else rows.push(d)
    sides.forEach((s, j) => {
      if (joins) merged[j]![last] = s.rows[i]!
      else merged[j]!.push(s.rows[i]!)
    })
  })
  const at = (j: number): readonly number[] => (rows.length > 0 ? merged[j]! : [0])
  return {
    ...k,
    rows: rows.length > 0 ? rows : [1],
    terms: k.terms.map((t, j) => ({ ...t, a: { ...t.a, rows: at(j + 1) } })),
    c: { ...k.c, rows: at(0) },
  }
}

const packed = (draft: Draft, target: Target): Draft => {
  const element = new Map([...draft.panels].map(([id, p]) => [id, elementOf(p, target)]))
  const buffers = draft.buffers.map((b, id) => ({ ...b, element: element.get(id) ?? b.element }))
  const done = new Set<number>()
  const pack = (id: number): Dispatch[] => {
    const panels = draft.panels.get(id)
    if (panels === undefined || done.has(id)) return []
    done.add(id)
    return packing(panels, id, element.get(id)!, target)
  }
  const isKept = (id: number): boolean => buffers[id]!.purpose._tag === 'Kept'
  const once: Dispatch[] = []
  const every: Dispatch[] = []
  const place = (dispatches: readonly Dispatch[], into: Dispatch[]): void => {
    for (const d of dispatches) {
      for (const id of d.operands) (isKept(id) ? once : into).push(...pack(id))
      const b = d.kernel._tag === 'Gemm' ? element.get(d.operands[1]!) : undefined
      const kernel =
        d.kernel._tag === 'Gemm' && b !== undefined ? { ...d.kernel, b: { ...d.kernel.b, element: b } } : d.kernel
      into.push({ ...d, kernel: mergeRows(kernel) })
    }
  }
  place(draft.once, once)
  place(draft.every, every)
  return { ...draft, buffers, once, every, panels: new Map() }
}

/** Packs panels before they are read, and merges the rows of products. */
export const pack: ProgramPass = { name: 'pack', run: packed }
