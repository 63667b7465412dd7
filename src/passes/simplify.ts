/** Identities that hold for every float, NaN, ±0 and ∞ included: one a line. */
import { expand, reshape, permute } from '../graph/build.ts'
import { rewrite, type Rule } from '../graph/rewrite.ts'
import type { Node } from '../graph/node.ts'
import { sameShape, size } from '../core/shape.ts'
import type { Pass } from './pass.ts'

const isConst = (n: Node | undefined, value: number): boolean => n?._tag === 'Const' && Object.is(n.value, value)
const sameType = (n: Node, x: Node): boolean => sameShape(n.shape, x.shape) && n.dtype === x.dtype

const rules: Readonly<Record<string, Rule>> = {
  'x · 1 = x': (n) =>
    n._tag === 'Map' && n.op === 'mul' && isConst(n.xs[1], 1) && sameType(n, n.xs[0]!) ? n.xs[0]! : n,
  'x / 1 = x': (n) =>
    n._tag === 'Map' && n.op === 'div' && isConst(n.xs[1], 1) && sameType(n, n.xs[0]!) ? n.xs[0]! : n,
  'x − 0 = x': (n) =>
    n._tag === 'Map' && n.op === 'sub' && isConst(n.xs[1], 0) && sameType(n, n.xs[0]!) ? n.xs[0]! : n,
  '−(−x) = x': (n) =>
    n._tag === 'Map' && n.op === 'neg' && n.xs[0]!._tag === 'Map' && n.xs[0]!.op === 'neg' ? n.xs[0]!.xs[0]! : n,
  'where(c, x, x) = x': (n) =>
    n._tag === 'Map' && n.op === 'where' && n.xs[1] === n.xs[2] && sameType(n, n.xs[1]!) ? n.xs[1]! : n,
  'reshape ∘ reshape = reshape': (n) =>
    n._tag === 'View' && n.view._tag === 'Reshape' && n.x._tag === 'View' && n.x.view._tag === 'Reshape'
      ? reshape(n.shape, n.x.x)
      : n,
  'permute ∘ permute = permute': (n) => {
    if (n._tag !== 'View' || n.view._tag !== 'Permute' || n.x._tag !== 'View' || n.x.view._tag !== 'Permute') return n
    const inner = n.x.view.axes
    return permute(
      n.view.axes.map((a) => inner[a]!),
      n.x.x,
    )
  },
  'permute of a line = reshape': (n) =>
    n._tag === 'View' && n.view._tag === 'Permute' && n.shape.filter((d) => d !== 1).length <= 1
      ? reshape(n.shape, n.x)
      : n,
  'a thing after itself along an axis of 1 = the thing repeated': (n) =>
    n._tag === 'Concat' && n.xs[0]!.shape[n.axis] === 1 && n.xs.every((x) => x === n.xs[0])
      ? expand(n.shape, n.xs[0]!)
      : n,
  'a fold of one element = the element, but for Σ: 0 + −0 is 0': (n) =>
    n._tag === 'Reduce' &&
    n.op !== 'sum' &&
    size(n.x.shape) === size(n.shape) &&
    n.axes.every((a) => n.x.shape[a] === 1)
      ? n.x
      : n,
}

/** The names of the identities that `simplify` applies. */
export const identities: readonly string[] = Object.keys(rules)

const all: Rule = (n, was) => Object.values(rules).reduce((x, rule) => rule(x, was), n)

/** Applies every identity, once, from the leaves up. */
export const simplify: Pass = { name: 'simplify', run: (graph) => rewrite(graph, all) }
