/** Constants out of loops: V8 since 13 makes a vector anew, in four instructions, wherever the code says so. */
import { flatten } from './bytes.ts'
import { get, isLoop, isVectorConstant, set, type Code } from './op.ts'

/** Is it cheaper to make than to keep? */
const isCheap = (constant: Uint8Array): boolean => {
  const first = constant[2]!
  return (first === 0 || first === 255) && constant.every((b, i) => i < 2 || b === first)
}

/** The same code, with vectors that loops would make put in fresh locals before everything else. */
export const hoisted = (local: () => number, code: Code): Code => {
  const locals = new Map<string, Uint8Array>()
  const known = new Map<Uint8Array, Uint8Array>()
  const before: Code[] = []
  const kept = (constant: Uint8Array): Uint8Array => {
    const key = constant.join()
    const there = locals.get(key)
    if (there !== undefined) return there
    const fresh = local()
    const read = flatten(get(fresh))
    locals.set(key, read)
    before.push(set(fresh, constant))
    return read
  }
  const by = (bytes: Uint8Array): Uint8Array => {
    // Most constants are the same object wherever they are used.
    const there = known.get(bytes)
    if (there !== undefined) return there
    const read = isVectorConstant(bytes) && !isCheap(bytes) ? kept(bytes) : bytes
    known.set(bytes, read)
    return read
  }
  return [before, flatten(code, { below: isLoop, by })]
}
