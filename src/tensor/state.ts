/** States as text: a fold can be stopped, written down, and gone on with elsewhere. */
import { ProgramError } from '../errors.ts'
import type { Node } from '../graph/node.ts'
import { Noise } from './noise.ts'
import { fromStorage, Tensor } from './tensor.ts'
import { leaves, mapTree } from './tree.ts'

/** What is written of a leaf: the bits of a tensor; a number; or how far a stream has been read. */
type Saved =
  { readonly shape: readonly number[]; readonly f32: string } | { readonly number: string } | { readonly read: number }

const bytesOf = (node: Node, path: string): Uint8Array => {
  if (node._tag !== 'Buffer' || node.source._tag !== 'Host' || !(node.source.data instanceof Float32Array))
    throw new ProgramError(`saveState: ${path} is not on the host as f32; bring the state there first`)
  const { buffer, byteOffset, byteLength } = node.source.data
  return new Uint8Array(buffer, byteOffset, byteLength)
}

const toBase64 = (bytes: Uint8Array): string => {
  let text = ''
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000))
  return btoa(text)
}

const fromBase64 = (text: string): Float32Array =>
  new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer)

/** More draws than any run takes: a stream that is not met by then has another origin. */
const furthest = 1_000_000

const readOf = (stream: Noise, origin: Noise, path: string): number => {
  let at = origin
  for (let i = 0; i < furthest; i++) {
    if (at === stream) return i
    at = at.next
  }
  throw new ProgramError(`saveState: ${path} is no part of the stream that the run started with`)
}

/**
 * A state as JSON: its tensors (f32 on the host, as `onHost` gives them) bit for bit, and of each stream of noise how
 * many draws the run has taken, counted from `start`, the state that it began with. Streams are not written down: their
 * seeds make them again. Throws `ProgramError` where a tensor is elsewhere, or a stream does not come from `start`.
 */
export const saveState = <S>(state: S, start: S): string => {
  const origins = new Map(leaves(start))
  return JSON.stringify(
    leaves(state).map(([path, leaf]): readonly [string, Saved] => {
      if (leaf instanceof Tensor) return [path, { shape: leaf.shape, f32: toBase64(bytesOf(leaf.node, path)) }]
      if (typeof leaf === 'number') return [path, { number: Object.is(leaf, -0) ? '-0' : `${leaf}` }]
      const origin = origins.get(path)
      if (!(origin instanceof Noise))
        throw new ProgramError(`saveState: the run did not start with a stream at ${path}`)
      return [path, { read: readOf(leaf, origin, path) }]
    }),
  )
}

/**
 * The state that `saveState` wrote, from `start`, made again as the run began: the same scheduler's `init` or `start`
 * over the same seed. Throws `ProgramError` where the text is of another state.
 */
export const loadState = <S>(text: string, start: S): S => {
  const saved = new Map(JSON.parse(text) as readonly (readonly [string, Saved])[])
  const paths = leaves(start).map(([path]) => path)
  if (paths.length !== saved.size || !paths.every((path) => saved.has(path)))
    throw new ProgramError(`loadState: the text has ${[...saved.keys()].join(', ')}; expected ${paths.join(', ')}`)
  return mapTree((leaf, path) => {
    const from = saved.get(path)!
    if ('f32' in from) return fromStorage(fromBase64(from.f32), from.shape, 'f32')
    if ('number' in from) return Number(from.number)
    if (!(leaf instanceof Noise))
      throw new ProgramError(`loadState: ${path} is a stream in the text and none at the start`)
    return Array.from({ length: from.read }).reduce<Noise>((at) => at.next, leaf)
  }, start)
}
