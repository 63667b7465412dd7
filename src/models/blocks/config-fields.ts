/** Codecs of config fields that several UNets have in common. */
import { either as E } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { oneOf, respelled } from '../../core/config.ts'

const isPair = (u: unknown): u is readonly [number, number] =>
  Array.isArray(u) && u.length === 2 && u.every((d) => Number.isInteger(d))

/** Height and width of a sample: one number for both, two, or null where they are free. */
export const sampleSize = new t.Type<number | readonly [number, number] | null, unknown, unknown>(
  'a whole number, [height, width] or null',
  (u): u is number | readonly [number, number] | null => u === null || Number.isInteger(u) || isPair(u),
  (u, c) => (u === null || Number.isInteger(u) || isPair(u) ? t.success(u as number) : t.failure(u, c)),
  t.identity,
)

/** Names of blocks. Configs of 2022 call DownBlock2D UNetResDownBlock2D. */
export const blockTypes = <A extends string>(names: readonly A[]) =>
  t.readonlyArray(respelled(oneOf(...names), (u) => (typeof u === 'string' ? u.replace(/^UNetRes/, '') : u)))

/** One value for all blocks, or a list with one for each. */
export const perBlock = <A>(codec: t.Type<A, unknown, unknown>): t.Type<A | readonly A[], unknown, unknown> => {
  const list = t.readonlyArray(codec)
  return new t.Type<A | readonly A[], unknown, unknown>(
    `${codec.name}, or a list of them`,
    (u): u is A | readonly A[] => codec.is(u) || list.is(u),
    (u, c) =>
      Array.isArray(u)
        ? pipe(
            list.validate(u, c),
            E.map((all): A | readonly A[] => all),
          )
        : codec.validate(u, c),
    t.identity,
  )
}

/** The value of every block. */
export const spread = <A>(value: A | readonly A[], blocks: number): readonly A[] =>
  Array.isArray(value) ? (value as readonly A[]) : Array.from({ length: blocks }, () => value as A)
