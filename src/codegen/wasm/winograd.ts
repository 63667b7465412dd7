/** Convolutions of 3 × 3 by fewer products: the transforms of Winograd's F(2 × 2) and F(4 × 4). Lavin & Gray 2015, section 4. */
import type { WinogradInputKernel, WinogradOutputKernel, WinogradWeightKernel } from '../kernel.ts'
import { elementBytes } from '../kernel.ts'
import { transformsOf, type Algebra } from '../winograd.ts'
import { epilogueCall } from './epilogue.ts'
import { Lanes } from './lanes.ts'
import type { Emitted } from './map.ts'
import { call, f32x4, get, i32, nothing, set, v128, type Code } from './op.ts'
import { unflatten } from './space.ts'
import type { Context } from './vector-ops.ts'

// The engine computes what is written twice once: with locals for it transforms were no faster.
const vectors: Algebra<Code> = {
  add: f32x4.add,
  sub: f32x4.sub,
  times: (k, x) => f32x4.mul(f32x4.const(k), x),
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const skip = (local: number, bytes: number): Code => set(local, i32.add(get(local), i32.const(bytes)))

/** U = G g Gᵀ for every pair of channels; a part is a channel of the input. */
export const emitWinogradWeight = (k: WinogradWeightKernel, operand: (i: number) => Code): Emitted => {
  const t = k.size + 2
  const panels = Math.ceil(k.n / k.width)
  const plane = panels * k.depth * k.width
  const [so, sc] = k.w.strides as [number, number, number, number]
  const bytes = elementBytes(k.w.element)
  return {
    count: k.depth,
    code: (context) => {
      const { body } = context
      const [at, out, panel] = [body.local('i32'), body.local('i32'), body.local('i32')]
      const each = range(k.width / 4)
      const full = Math.floor(k.n / k.width)
      const four = (v: number, lanes: number): Code => [
        set(out, i32.add(get(panel), i32.const(16 * v))),
        lanes <= 0 ? zeros(out, t, plane) : call(fourWeights(context, k, plane, lanes), [get(at), get(out)]),
        skip(at, 4 * so * bytes),
      ]
      return body.repeat(get(0), get(1), 1, (c) => [
        set(at, i32.add(operand(1), i32.mul(get(c), i32.const(sc * bytes)))),
        k.w.offset === 0 ? nothing : skip(at, k.w.offset * bytes),
        set(panel, i32.add(operand(0), i32.mul(get(c), i32.const(4 * k.width)))),
        full === 0
          ? nothing
          : body.repeat(i32.const(0), i32.const(full), 1, () => [
              each.map((v) => four(v, 4)),
              skip(panel, 4 * k.depth * k.width),
            ]),
        panels === full ? nothing : each.map((v) => four(v, Math.min(4, k.n - k.width * full - 4 * v))),
      ])
    },
  }
}

/** The function (weights, result) for four outputs of one input, the lanes after the first `lanes` zero. */
const fourWeights = (context: Context, k: WinogradWeightKernel, plane: number, lanes: number): number => {
  const [so, , sy, sx] = k.w.strides as [number, number, number, number]
  const t = k.size + 2
  const { weight } = transformsOf(k.size, vectors)
  const key = `winograd weights ${JSON.stringify([k.size, k.w.element, so, sy, sx, plane, lanes])}`
  return context.module.function(key, { params: ['i32', 'i32'], results: [] }, (body) => {
    const inner = { ...context, body }
    const position = body.local('i32')
    const tap = (y: number, x: number): { readonly prelude: Code; readonly value: Code } => {
      const load = { ...k.w, operand: 0, offset: y * sy + x * sx, strides: [] }
      const one = new Lanes(
        inner,
        load,
        () => get(0),
        () => ({ outer: [], along: so }),
      )
      return { prelude: one.prelude([]), value: one.value(lanes, { bytes: position }) }
    }
    const mask = v128.const(range(4).map((i) => (i < lanes ? -1 : 0)))
    const g = range(3).map(() => range(3).map(() => body.local('v128')))
    const h = range(3).map(() => body.local('v128'))
    const values = (locals: readonly number[]): readonly Code[] => weight(locals.map((v) => get(v)))
    return [
      g.map((row, y) =>
        row.map((v, x) => {
          const { prelude, value } = tap(y, x)
          return [prelude, set(v, lanes === 4 ? value : v128.and(value, mask))]
        }),
      ),
      range(t).map((i) => [
        h.map((v, x) => set(v, values(g.map((row) => row[x]!))[i]!)),
        values(h).map((value, j) => v128.store(get(1), value, 4 * (i * t + j) * plane)),
      ]),
    ]
  })
}

const zeros = (out: number, t: number, plane: number): Code =>
  range(t * t).map((i) => v128.store(get(out), f32x4.const(0), 4 * i * plane))

/** V = Bᵀ d B; a part is a row of tiles. What is halfway done is kept where the result will be. */
export const emitWinogradInput = (k: WinogradInputKernel, operand: (i: number) => Code): Emitted => {
  const m = k.size
  const t = m + 2
  const { input } = transformsOf(m, vectors)
  const [sn, sy, sx] = k.x.strides
  const [high, wide] = k.tiles
  const at = (i: number, j: number): number => 4 * (i * t + j) * k.plane
  return {
    count: k.batch * high,
    code: ({ body }) => {
      const d = range(t).map(() => body.local('v128'))
      const [from, to, left, right] = [body.local('i32'), body.local('i32'), body.local('i32'), body.local('i32')]
      const columns = range(t).map((j) => [
        d.map((v, i) => set(v, v128.load(get(from), 4 * (i * sy + j * sx)))),
        input(d.map((v) => get(v))).map((value, i) => v128.store(get(to), value, at(i, j))),
      ])
      const rows = range(t).map((i) => [
        d.map((v, j) => set(v, v128.load(get(to), at(i, j)))),
        input(d.map((v) => get(v))).map((value, j) => v128.store(get(to), value, at(i, j))),
      ])
      return body.repeat(get(0), get(1), 1, (part) => {
        const place = unflatten(body, [k.batch, high], part)
        const [n, row] = place.at as [number, number]
        const first = i32.add(i32.mul(get(n), i32.const(4 * sn)), i32.mul(get(row), i32.const(4 * m * sy)))
        return [
          place.code,
          set(left, i32.add(operand(1), i32.add(first, i32.const(4 * k.x.offset)))),
          set(right, i32.add(operand(0), i32.mul(get(part), i32.const(4 * wide * k.channels)))),
          body.repeat(i32.const(0), i32.const(wide), 1, () => [
            set(from, get(left)),
            set(to, get(right)),
            body.repeat(i32.const(0), i32.const(k.channels), 4, () => [columns, rows, skip(from, 16), skip(to, 16)]),
            skip(left, 4 * m * sx),
            skip(right, 4 * k.channels),
          ]),
        ]
      })
    },
  }
}

/** Y = Aᵀ m A; a part is a row of tiles. What is halfway done is kept among the products. */
export const emitWinogradOutput = (k: WinogradOutputKernel, operand: (i: number) => Code): Emitted => {
  const m = k.size
  const t = m + 2
  const { output } = transformsOf(m, vectors)
  const [high, wide] = k.tiles
  const line = wide * m * k.channels
  const at = (i: number, j: number): number => 4 * (i * t + j) * k.plane
  return {
    count: k.batch * high,
    code: (context) => {
      const { body } = context
      const d = range(t).map(() => body.local('v128'))
      const [from, to, left, right] = [body.local('i32'), body.local('i32'), body.local('i32'), body.local('i32')]
      const columns = range(t).map((j) => [
        d.map((v, i) => set(v, v128.load(get(from), at(i, j)))),
        output(d.map((v) => get(v))).map((value, i) => v128.store(get(from), value, at(i, j))),
      ])
      const rows = range(m).map((i) => [
        d.map((v, j) => set(v, v128.load(get(from), at(i, j)))),
        output(d.map((v) => get(v))).map((value, j) => v128.store(get(to), value, 4 * (i * line + j * k.channels))),
      ])
      const finish = k.epilogue && epilogueCall(context, k.epilogue, operand)
      return body.repeat(get(0), get(1), 1, (part) => {
        const first = i32.mul(get(part), i32.const(m * wide * m))
        return [
          set(left, i32.add(operand(1), i32.mul(get(part), i32.const(4 * wide * k.channels)))),
          set(right, i32.add(operand(0), i32.mul(get(part), i32.const(4 * m * line)))),
          body.repeat(i32.const(0), i32.const(wide), 1, () => [
            set(from, get(left)),
            set(to, get(right)),
            body.repeat(i32.const(0), i32.const(k.channels), 4, () => [columns, rows, skip(from, 16), skip(to, 16)]),
            skip(left, 4 * k.channels),
            skip(right, 4 * m * k.channels),
          ]),
          finish === undefined ? nothing : finish(first, i32.add(first, i32.const(m * wide * m))),
        ]
      })
    },
  }
}
