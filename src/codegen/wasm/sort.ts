/** Rows in order: numbers as unsigned keys, sorted by one byte after the other (radix sort; Knuth, vol. 3, 5.2.5). */
import type { SortKernel } from '../kernel.ts'
import type { Emitted } from './map.ts'
import type { Body } from './module.ts'
import { call, get, i32, nothing, set, v128, when, type Code } from './op.ts'

const bins = 256
const table = 4 * bins
/** NaN comes last. */
const last = -1
const top = i32.const(0x80000000)

/** A number as a key that is less where the number is. Zeros are equal. */
const keyOf = (element: SortKernel['element'], x: number): Code => {
  if (element === 'u32') return get(x)
  if (element === 'i32') return i32.xor(get(x), top)
  const magnitude = i32.and(get(x), i32.const(0x7fffffff))
  return [
    when(i32.eqz(magnitude), set(x, i32.const(0))),
    when(
      i32.gtU(magnitude, i32.const(0x7f800000)),
      set(x, i32.const(last)),
      set(x, i32.xor(get(x), i32.or(i32.shrS(get(x), i32.const(31)), top))),
    ),
    get(x),
  ]
}

/** The number of a key. */
const numberOf = (element: SortKernel['element'], x: number): Code => {
  if (element === 'u32') return get(x)
  if (element === 'i32') return i32.xor(get(x), top)
  return i32.xor(get(x), i32.or(i32.sub(i32.shrU(get(x), i32.const(31)), i32.const(1)), top))
}

/** Statements for every word from an address on, given as a local. */
const overWords = (body: Body, from: Code, count: number, each: (at: number) => Code): Code => {
  const at = body.local('i32')
  return [
    set(at, from),
    body.repeat(i32.const(0), i32.const(count), 1, () => [each(at), set(at, i32.add(get(at), i32.const(4)))]),
  ]
}

/** The code of a sort; a part is a row. */
export const emitSort = (k: SortKernel, operand: (i: number) => Code): Emitted => {
  const n = k.length
  const code: Emitted['code'] = ({ body, module }) => {
    /** The function (from, to, counts, shift) that puts a row in order of one byte, equal ones in theirs. */
    const pass = module.function(
      `sort by a byte ${n}`,
      { params: ['i32', 'i32', 'i32', 'i32'], results: [] },
      (own) => {
        const [bin, sum, x] = [own.local('i32'), own.local('i32'), own.local('i32')]
        const binOf = (value: Code): Code =>
          set(bin, i32.add(get(2), i32.shl(i32.and(i32.shrU(value, get(3)), i32.const(255)), i32.const(2))))
        return [
          Array.from({ length: bins / 4 }, (_, i) => v128.store(get(2), v128.const([0, 0, 0, 0]), 16 * i)),
          overWords(own, get(0), n, (at) => [
            binOf(i32.load(get(at))),
            i32.store(get(bin), i32.add(i32.load(get(bin)), i32.const(4))),
          ]),
          set(sum, get(1)),
          overWords(own, get(2), bins, (at) => [
            set(x, i32.load(get(at))),
            i32.store(get(at), get(sum)),
            set(sum, i32.add(get(sum), get(x))),
          ]),
          overWords(own, get(0), n, (at) => [
            set(x, i32.load(get(at))),
            binOf(get(x)),
            set(sum, i32.load(get(bin))),
            i32.store(get(sum), get(x)),
            i32.store(get(bin), i32.add(get(sum), i32.const(4))),
          ]),
        ]
      },
    )
    const [from, row, x, missing] = [body.local('i32'), body.local('i32'), body.local('i32'), body.local('i32')]
    const other = i32.add(get(2), i32.const(table))
    return body.repeat(get(0), get(1), 1, (part) => [
      set(from, i32.add(operand(1), i32.mul(get(part), i32.const(4 * n)))),
      set(row, i32.add(operand(0), i32.mul(get(part), i32.const(4 * n)))),
      overWords(body, get(row), n, (at) => [
        set(x, i32.load(get(from))),
        i32.store(get(at), keyOf(k.element, x)),
        set(from, i32.add(get(from), i32.const(4))),
      ]),
      [0, 8, 16, 24].map((shift) =>
        call(pass, [...(shift % 16 === 0 ? [get(row), other] : [other, get(row)]), get(2), i32.const(shift)]),
      ),
      set(missing, i32.const(0)),
      overWords(body, get(row), n, (at) => [
        set(x, i32.load(get(at))),
        k.element === 'f32'
          ? when(
              i32.eq(get(x), i32.const(last)),
              // By definition nothing is of the last ranks, and NaN of the first.
              [set(missing, i32.const(1)), i32.store(get(at), i32.const(0))],
              i32.store(get(at), numberOf(k.element, x)),
            )
          : i32.store(get(at), numberOf(k.element, x)),
      ]),
      k.element === 'f32' ? when(get(missing), i32.store(get(row), i32.const(0x7fc00000))) : nothing,
    ])
  }
  return { count: n === 0 ? 0 : k.rows, code, work: table + 4 * n }
}
