/** Constants out of loops: V8 since 13 makes a vector anew, in four instructions, wherever the code says so. */
import { get, isLoop, isVectorConstant, set, type Code } from './op.ts'

/** Is it cheaper to make than to keep? */
const isCheap = (constant: Uint8Array): boolean => {
  const [first, ...others] = constant.subarray(2)
  return (first === 0 || first === 255) && others.every((b) => b === first)
}

/** The same code, with vectors that loops would make put in fresh locals before everything else. */
export const hoisted = (local: () => number, code: Code): Code => {
  const locals = new Map<string, number>()
  const before: Code[] = []
  const made = new Map<Code, Code>()
  const kept = (constant: Uint8Array): Code => {
    const key = constant.join()
    const there = locals.get(key)
    if (there !== undefined) return get(there)
    const fresh = local()
    locals.set(key, fresh)
    before.push(set(fresh, constant))
    return get(fresh)
  }
  const inLoop = (node: Code): Code => {
    if (typeof node === 'number') return node
    const there = made.get(node)
    if (there !== undefined) return there
    const fresh =
      node instanceof Uint8Array
        ? isVectorConstant(node) && !isCheap(node)
          ? kept(node)
          : node
        : changed(node, inLoop)
    made.set(node, fresh)
    return fresh
  }
  const outside = (node: Code): Code => {
    if (typeof node === 'number' || node instanceof Uint8Array) return node
    return isLoop(node) ? inLoop(node) : changed(node, outside)
  }
  const rest = outside(code)
  return before.length === 0 ? code : [before, rest]
}

const changed = (parts: readonly Code[], f: (part: Code) => Code): Code => {
  const fresh = parts.map(f)
  return fresh.every((p, i) => p === parts[i]) ? parts : fresh
}
