/**
 * Rows in ascending order by a network of comparisons (Batcher 1968, the bitonic one), of numbers as unsigned keys. Halves of a run that is merged are
 * compared from both ends, so that the smaller number always goes to the lower place: what lies beyond the end of a row never moves, and need
 * not be there. Rows that fit into workgroup memory are sorted there, short ones several at a time. Of a longer row, one workgroup sorts pieces there
 * and merges them in the result, where it goes through all of the row for steps that are longer than a piece: n log² n comparisons by a single
 * workgroup, which is no use of a whole GPU.
 */
import type { SortKernel } from '../kernel.ts'
import { fold, groupIndex } from './grid.ts'
import type { Capabilities, Shader, Use } from './shader.ts'
import { Block, ShaderWriter } from './writer.ts'

/** `invocations` of a workgroup; `held`: keys in its memory, a power of 2. */
export type SortVariant = { readonly family: 'Sort'; readonly invocations: number; readonly held: number }

const powerBelow = (n: number): number => 2 ** Math.floor(Math.log2(n))
const powerAbove = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(n, 2)))

/** Short rows are sorted so many numbers at a time. */
const several = 512

/** The way to sort: 12,288 numbers take lavapipe 10 ms, the definition 240. */
export const sortVariants = (k: SortKernel, caps: Capabilities): readonly SortVariant[] => {
  const room = powerBelow(Math.min(caps.maxWorkgroupStorage, 16384) / 4)
  const padded = powerAbove(k.length)
  const held = Math.min(room, Math.max(padded, Math.min(several, padded * powerAbove(k.rows))))
  // On software adapters invocations take turns, and waiting for one another costs each of them as much as some comparisons.
  const most = caps.adapter === 'gpu' ? 1024 : 16
  return [{ family: 'Sort', invocations: Math.min(most, powerBelow(caps.maxInvocations), held / 2), held }]
}

/** NaN comes last. */
const last = '0xffffffffu'

/** A number as a key that is less where the number is, zeros being equal, and back. */
const keyFunctions = (writer: ShaderWriter, element: SortKernel['element']): void => {
  const top = '0x80000000u'
  const [to, from] = {
    u32: ['return x;', 'return x;'],
    i32: [`return x ^ ${top};`, `return x ^ ${top};`],
    f32: [
      `let size = x & 0x7fffffffu; if (size == 0u) { return ${top}; } if (size > 0x7f800000u) { return ${last}; } return x ^ select(${top}, ${last}, x >= ${top});`,
      `return x ^ select(${last}, ${top}, x >= ${top});`,
    ],
  }[element]
  writer.function('key_of', () => `fn key_of(x: u32) -> u32 { ${to} }`)
  writer.function('number_of', () => `fn number_of(x: u32) -> u32 { ${from} }`)
}

/** Keys somewhere. */
type Keys = { readonly at: (i: string) => string; readonly set: (i: string, value: string) => string }

/** Statements that bring two keys in order. */
const exchange = (block: Block, keys: Keys, lower: string, upper: string): void => {
  const [a, b] = [block.let(keys.at(lower), 'a'), block.let(keys.at(upper), 'b')]
  block.add(`if (${a} > ${b}) { ${keys.set(lower, b)} ${keys.set(upper, a)} }`)
}

/** The pair that is the `pair`-th of those that are compared when runs of `size` are merged from both ends, or of those that are `by` apart. */
const ends = (block: Block, pair: string, size: string): readonly [string, string] => {
  const within = block.let(`${pair} & ((${size} >> 1u) - 1u)`, 'o')
  const from = block.let(`(${pair} - ${within}) << 1u`, 'o')
  return [block.let(`${from} + ${within}`, 'i'), block.let(`${from} + ${size} - 1u - ${within}`, 'j')]
}
const apart = (block: Block, pair: string, by: string): readonly [string, string] => {
  const within = block.let(`${pair} & (${by} - 1u)`, 'o')
  const lower = block.let(`((${pair} - ${within}) << 1u) + ${within}`, 'i')
  return [lower, block.let(`${lower} + ${by}`, 'j')]
}

/** The code of a sort. */
export const sortShader = (
  k: SortKernel,
  access: readonly Use[],
  { invocations, held }: SortVariant,
  caps: Capabilities,
): Shader => {
  const writer = new ShaderWriter(access, caps)
  const { params } = writer
  const body = new Block(writer)
  const [out, x] = [writer.operand(0, 'u32'), writer.operand(1, 'u32')]
  keyFunctions(writer, k.element)
  writer.global(`var<workgroup> keys: array<u32, ${held}>;`)
  const here: Keys = { at: (i) => `keys[${i}]`, set: (i, v) => `keys[${i}] = ${v};` }
  const share = (block: Block, count: string, each: (inner: Block, i: string) => void): void => {
    const i = writer.fresh('e')
    block.nest(`for (var ${i} = lid; ${i} < ${count}; ${i} += ${invocations}u)`, (inner) => each(inner, i))
  }
  const half = `${held / 2}u`
  const step = (block: Block, pairOf: (inner: Block, pair: string) => readonly [string, string]): void => {
    share(block, half, (inner, pair) => exchange(inner, here, ...pairOf(inner, pair)))
    block.add('workgroupBarrier();')
  }
  /** The steps of a merge that are so far apart, and all nearer ones. */
  const nearer = (block: Block, from: string): void =>
    block.nest(`for (var by = ${from}; by > 0u; by >>= 1u)`, (inner) => step(inner, (b, pair) => apart(b, pair, 'by')))
  /** Sorts runs of so many of the keys in workgroup memory. */
  const network = (block: Block, most: string): void =>
    block.nest(`for (var size = 2u; size <= ${most}; size <<= 1u)`, (inner) => {
      step(inner, (b, pair) => ends(b, pair, 'size'))
      nearer(inner, 'size >> 2u')
    })
  const length = body.let(params.int(k.length), 'n')
  const rows = body.let(params.int(k.rows), 'n')
  /** A number of the result: by definition nothing is of the last ranks where there is NaN, and NaN of the first. */
  const numberOf = (block: Block, key: string, place: string, missing: string): string => {
    if (k.element !== 'f32') return `number_of(${key})`
    const number = block.let(`select(number_of(${key}), 0u, ${key} == ${last})`, 'x')
    return `select(${number}, 0x7fc00000u, ${place} == 0u && ${missing})`
  }
  const padded = powerAbove(k.length)

  const short = (): number => {
    const together = held / padded
    const first = body.let(`${groupIndex} * ${together}u`, 'r')
    const runs = body.let(params.int(padded), 'n')
    /** Every place in workgroup memory: the index in its row, the address, and whether there is such an element. */
    const each = (f: (inner: Block, e: string, place: string, address: string, isThere: string) => void): void =>
      share(body, `${held}u`, (inner, e) => {
        const place = inner.let(`${e} & (${runs} - 1u)`, 'i')
        const row = inner.let(`${first} + ${e} / ${runs}`, 'r')
        f(inner, e, place, `${row} * ${length} + ${place}`, `${place} < ${length} && ${row} < ${rows}`)
      })
    each((inner, e, _, address, isThere) => {
      const key = inner.var(last, 'k')
      inner.add(`if (${isThere}) { ${key} = key_of(${x.at(address)}); }`, here.set(e, key))
    })
    body.add('workgroupBarrier();')
    network(body, runs)
    each((inner, e, place, address, isThere) =>
      inner.nest(`if (${isThere})`, (own) => {
        const missing = `keys[${e} - ${place} + ${length} - 1u] == ${last}`
        own.add(out.set(address, numberOf(own, own.let(here.at(e), 'k'), place, missing)))
      }),
    )
    return Math.ceil(k.rows / together)
  }

  const long = (): number => {
    body.add(`if (${groupIndex} >= ${rows}) { return; }`)
    const from = body.let(`${groupIndex} * ${length}`, 'r')
    const there: Keys = { at: (i) => out.at(`${from} + ${i}`), set: (i, v) => out.set(`${from} + ${i}`, v) }
    /** Every piece of the row, brought to workgroup memory and back. */
    const pieces = (block: Block, key: (address: string) => string, each: (inner: Block) => void): void =>
      block.nest(`for (var piece = 0u; piece < ${length}; piece += ${held}u)`, (inner) => {
        share(inner, `${held}u`, (one, e) => {
          const own = one.var(last, 'k')
          one.add(`if (piece + ${e} < ${length}) { ${own} = ${key(`piece + ${e}`)}; }`, here.set(e, own))
        })
        inner.add('workgroupBarrier();')
        each(inner)
        share(inner, `${held}u`, (one, e) =>
          one.add(`if (piece + ${e} < ${length}) { ${there.set(`piece + ${e}`, here.at(e))} }`),
        )
      })
    const pairs = body.let(params.int(padded / 2), 'n')
    const wide = (block: Block, pairOf: (inner: Block, pair: string) => readonly [string, string]): void => {
      share(block, pairs, (inner, pair) => {
        const [lower, upper] = pairOf(inner, pair)
        inner.nest(`if (${upper} < ${length})`, (own) => exchange(own, there, lower, upper))
      })
      block.add('storageBarrier();')
    }
    pieces(
      body,
      (i) => `key_of(${x.at(`${from} + ${i}`)})`,
      (inner) => network(inner, `${held}u`),
    )
    body.add('storageBarrier();')
    body.nest(`for (var size = ${2 * held}u; size <= ${pairs} * 2u; size <<= 1u)`, (merge) => {
      wide(merge, (b, pair) => ends(b, pair, 'size'))
      merge.nest(`for (var by = size >> 2u; by >= ${held}u; by >>= 1u)`, (inner) =>
        wide(inner, (b, pair) => apart(b, pair, 'by')),
      )
      pieces(merge, there.at, (inner) => nearer(inner, half))
      merge.add('storageBarrier();')
    })
    const missing = body.let(`${there.at(`${length} - 1u`)} == ${last}`, 'b')
    body.add('storageBarrier();')
    share(body, length, (inner, i) => {
      const key = inner.let(there.at(i), 'k')
      inner.add(there.set(i, numberOf(inner, key, i, missing)))
    })
    return k.rows
  }

  const workgroups = fold(padded <= held ? short() : long())
  return writer.finish({ size: [invocations, 1, 1], body, workgroups })
}
