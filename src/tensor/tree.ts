/** Trees of tensors: what functions on tensors take and give. */
import { Noise } from './noise.ts'
import { Tensor } from './tensor.ts'

/** What a tree holds at its ends: a tensor, a number (which becomes a uniform) or a stream of noise. Anything else is static. */
export type Leaf = Tensor | number | Noise

/** Is this the end of a branch? */
export const isLeaf = (x: unknown): x is Leaf => x instanceof Tensor || typeof x === 'number' || x instanceof Noise

const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === 'object' && x !== null && [Object.prototype, null].includes(Object.getPrototypeOf(x) as null)

const join = (path: string, key: string | number): string => (path === '' ? `${key}` : `${path}.${key}`)

/** The tree with every leaf replaced by `f(leaf, path)`; arrays and plain records are kept, other values are kept as they are. */
export const mapTree = <T>(f: (leaf: Leaf, path: string) => unknown, tree: T, path = ''): T => {
  const go = (x: unknown, at: string): unknown =>
    isLeaf(x)
      ? f(x, at)
      : Array.isArray(x)
        ? x.map((y, i) => go(y, join(at, i)))
        : isRecord(x)
          ? Object.fromEntries(Object.entries(x).map(([k, y]) => [k, go(y, join(at, k))]))
          : x
  return go(tree, path) as T
}

/** Every leaf with its path, in the order of the keys. */
export const leaves = (tree: unknown): (readonly [path: string, leaf: Leaf])[] => {
  const out: (readonly [string, Leaf])[] = []
  mapTree((leaf, path) => {
    out.push([path, leaf])
    return leaf
  }, tree)
  return out
}

/** What of a tree is not a leaf, as text: two trees with the same skeleton differ in nothing but their leaves. */
export const skeleton = (tree: unknown): string =>
  JSON.stringify(
    mapTree(
      (leaf) =>
        typeof leaf === 'number' ? '#' : leaf instanceof Noise ? `~${leaf.shape}` : `${leaf.dtype}[${leaf.shape}]`,
      tree,
    ),
    (_, x: unknown) =>
      typeof x === 'function' || typeof x === 'symbol'
        ? identity(x)
        : typeof x === 'bigint'
          ? `${x}n`
          : x === undefined
            ? '∅'
            : x,
  )

const identities = new Map<unknown, string>()
const identity = (x: unknown): string => {
  const known = identities.get(x) ?? `ƒ${identities.size}`
  identities.set(x, known)
  return known
}
