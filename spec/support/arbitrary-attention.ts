/** Small random attention: heads side by side or apart, keys and values shared by pictures, parts of one operand, masks of all kinds. */
import fc from 'fast-check'
import { size } from '../../src/core/shape.ts'
import type { Storage } from '../../src/core/dtype.ts'
import type { Load, Matrices, PlainAttentionKernel } from '../../src/codegen/kernel.ts'
import type { Typed } from './arbitrary-kernel.ts'

const numbers = (length: number, seed: number): Float32Array => {
  let state = seed >>> 0
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 30 - 2
  })
}

type Laid = { readonly matrices: Omit<Matrices, 'operand'>; readonly length: number }

/** Matrices [...batch, rows, columns]: heads apart, side by side, or turned; axes of `shared` are repeated. */
const laid = (
  batch: readonly number[],
  rows: number,
  columns: number,
  kind: number,
  shared: boolean,
  gap: number,
): Laid => {
  const own = batch.map((d, i) => (shared && i === 0 ? 1 : d))
  const strides = new Map<string, number>()
  const axes = own.map((d, i) => [`${i}`, d] as const)
  const [row, column] = [['row', rows] as const, ['column', columns] as const]
  const orders = [
    [...axes, row, column],
    [...axes.slice(0, -1), row, ...axes.slice(-1), column],
    [...axes, column, row],
  ]
  let step = 1
  for (const [name, extent] of orders[kind % 3]!.toReversed()) {
    strides.set(name, step)
    step *= name === 'row' || name === 'column' ? extent + (name === orders[kind % 3]!.at(-1)![0] ? gap : 0) : extent
  }
  return {
    matrices: {
      offset: gap,
      batch: own.map((d, i) => (d === 1 ? 0 : strides.get(`${i}`)!)),
      row: strides.get('row')!,
      column: strides.get('column')!,
    },
    length: gap + step,
  }
}

/** Which scores a mask leaves: numbers, some −∞, all −∞ in some rows, and those so far down that nothing is left of the score. */
const masks = ['none', 'numbers', 'some', 'rows', 'lowest'] as const

const maskValues = (kind: (typeof masks)[number], length: number, keys: number, seed: number): Float32Array => {
  const some = numbers(length, seed)
  if (kind === 'numbers') return some
  if (kind === 'lowest') return some.map((x, i) => (x > 0 || i % keys > 2 ? -3.4028234663852886e38 : 0))
  if (kind === 'rows') return some.map((x, i) => (Math.floor(i / keys) % 3 === 1 ? -Infinity : x))
  // The first keys of all: those that come before any that counts.
  return some.map((x, i) => (i % keys !== keys - 1 && (x > 0.5 || i % keys < 3) ? -Infinity : x))
}

/** Generated attention. */
export const attentionCase: fc.Arbitrary<Typed<PlainAttentionKernel>> = fc
  .record({
    batch: fc.constantFrom<readonly number[]>([], [1], [3], [2, 3], [1, 2], [2, 1]),
    rows: fc.constantFrom(1, 3, 8, 20, 33, 70),
    keys: fc.constantFrom(1, 2, 7, 16, 77),
    depth: fc.constantFrom(1, 4, 8, 10, 20, 33, 40, 80),
    features: fc.constantFrom(0, 0, 0, 3, 12, 40),
    kinds: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
    shared: fc.boolean(),
    together: fc.boolean(),
    gap: fc.constantFrom(0, 0, 3),
    mask: fc.constantFrom(...masks),
    narrow: fc.constantFrom('whole', 'rows', 'batch'),
    seed: fc.nat(),
  })
  .map(({ batch, rows, keys, depth, features, kinds, shared, together, gap, mask, narrow, seed }) => {
    const wide = features === 0 ? depth : features
    const [q, k, v, out] = [
      laid(batch, rows, depth, kinds[0], false, gap),
      laid(batch, keys, depth, kinds[1], shared, gap),
      laid(batch, keys, wide, kinds[2], shared, gap),
      laid(batch, rows, wide, kinds[3], false, gap),
    ]
    const operands: Storage[] = [new Float32Array(out.length)]
    const add = (data: Storage): number => operands.push(data) - 1
    const inputs = [q, k, v]
    const all = together
      ? add(
          numbers(
            inputs.reduce((n, m) => n + m.length, 0),
            seed,
          ),
        )
      : 0
    let before = 0
    const placed = inputs.map(({ matrices, length }, i): Matrices => {
      if (!together) return { ...matrices, operand: add(numbers(length, seed + i)) }
      before += length
      return { ...matrices, operand: all, offset: matrices.offset + before - length }
    })
    const whole = [...batch, rows, keys]
    const masked = (): Load => {
      const dims = whole.map((d, i) =>
        (narrow === 'rows' && i === whole.length - 2) || (narrow === 'batch' && i < batch.length) ? 1 : d,
      )
      const strides = dims.map((d, i) => (d === 1 ? 0 : size(dims.slice(i + 1))))
      const operand = add(maskValues(mask, size(dims), keys, seed + 9))
      return { _tag: 'Load', operand, element: 'f32', offset: 0, strides, picks: [] }
    }
    const kernel: PlainAttentionKernel = {
      _tag: 'PlainAttention',
      batch,
      rows,
      keys,
      depth,
      features: wide,
      scale: 0.4,
      q: placed[0]!,
      k: placed[1]!,
      v: placed[2]!,
      out: { ...out.matrices, operand: 0 },
      mask: mask === 'none' ? undefined : masked(),
    }
    return { kernel, elements: operands.map(() => 'f32' as const), operands }
  })
