/** Workgroups: as many as it takes, folded where one dimension does not hold them. */
import type { Block } from './writer.ts'

const most = 65535

/** So many workgroups in a row. */
export const fold = (groups: number): readonly [number, number, number] => {
  if (groups <= most) return [Math.max(groups, 1), 1, 1]
  // Near to square, so that few are idle.
  const rows = Math.ceil(groups / most)
  return [Math.ceil(groups / rows), rows, 1]
}

/** The number of a folded workgroup. Those from the count on have nothing to do. */
export const groupIndex = '(wg.y * nwg.x + wg.x)'

/** Row-major coordinates of a flat index over extents given as text; the first one is not needed. */
export const unflatten = (block: Block, flat: string, extents: readonly string[]): readonly string[] => {
  const at = new Array<string>(extents.length)
  let rest = flat
  for (let i = extents.length - 1; i > 0; i--) {
    const next = block.let(`${rest} / ${extents[i]!}`, 'q')
    at[i] = block.let(`${rest} - ${next} * ${extents[i]!}`, 'i')
    rest = next
  }
  if (extents.length > 0) at[0] = rest
  return at
}
