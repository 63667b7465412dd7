/** Images magnified by the nearest pixel need not be in memory: a convolution finds its pixels in the small one. */
import type { Node } from '../graph/node.ts'

/** ⌊i · from / to⌋ as `resizeNearest` rounds it, for all i: is it ⌊i / factor⌋? */
const isWhole = (from: number, to: number): boolean => {
  const factor = to / from
  if (!Number.isInteger(factor)) return false
  const scale = Math.fround(from / to)
  return Array.from({ length: to }, (_, i) => Math.floor(Math.fround(i * scale)) === Math.floor(i / factor)).every(
    Boolean,
  )
}

/** The image that a node magnifies by whole numbers, or undefined. */
export const magnifiedImage = (
  n: Node,
): { readonly node: Node; readonly magnify: readonly [number, number] } | undefined => {
  if (n._tag !== 'Call' || n.name !== 'resizeNearest') return undefined
  const [, , height, width] = n.shape as [number, number, number, number]
  const [node] = n.args as [Node]
  const [, , h, w] = node.shape as [number, number, number, number]
  return isWhole(h, height) && isWhole(w, width) ? { node, magnify: [height / h, width / w] } : undefined
}
