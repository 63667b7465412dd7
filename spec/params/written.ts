/** Safetensors files written by hand, for specs: right ones and wrong ones. */
import { either as E } from 'fp-ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { expect } from 'vitest'
import { FileError } from '../../src/errors.ts'

/** A file of a header, given as text or as what JSON makes of it, and data. */
export const written = (header: unknown, data: Uint8Array = new Uint8Array(0)): Uint8Array => {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  return framed(BigInt(text.length), text, data)
}

/** A length, and whatever follows it. */
export const framed = (length: bigint, ...parts: readonly Uint8Array[]): Uint8Array => {
  const prefix = new Uint8Array(8)
  new DataView(prefix.buffer).setBigUint64(0, length, true)
  return new Uint8Array(Buffer.concat([prefix, ...parts]))
}

/** The bytes of typed arrays, one after another. */
export const bytesOf = (...arrays: readonly ArrayBufferView[]): Uint8Array =>
  new Uint8Array(Buffer.concat(arrays.map((a) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength))))

/** The one file of a model: F32 tensors of these names, two numbers each. */
export const small = (...names: readonly string[]): Uint8Array =>
  written(
    Object.fromEntries(
      names.map((name, i) => [name, { dtype: 'F32', shape: [2], data_offsets: [8 * i, 8 * i + 8] }] as const),
    ),
    bytesOf(Float32Array.from({ length: 2 * names.length }, (_, i) => i)),
  )

/** The value of a task that must succeed. */
export const right = async <A>(task: TaskEither<Error, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw result.left
  return result.right
}

/** The error of a task that must fail with a `FileError`. */
export const left = async (task: TaskEither<Error, unknown>): Promise<FileError> => {
  const result = await task()
  if (E.isRight(result)) throw new Error('was expected to fail')
  expect(result.left).toBeInstanceOf(FileError)
  return result.left as FileError
}
