/** Workgroups: as many as it takes, folded where one dimension does not hold them. */
import type { Capabilities } from './shader.ts'
import type { Block, ShaderWriter } from './writer.ts'

const most = 65535

/** Workgroups that fill a GPU of middling size: fewer leave it idle. */
export const filling = 96

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

/**
 * `for every index below count`, shared out: each workgroup takes a run of them, one after the other by its `invocations`. On software
 * adapters few workgroups with long runs are best, for starting one costs as much as a hundred elements; on GPUs many with short ones.
 */
export const shares = (
  block: Block,
  { params }: ShaderWriter,
  count: number,
  { adapter }: Capabilities,
  each: (index: string, inner: Block) => void,
  invocations = 64,
): readonly [number, number, number] => {
  const [wanted, least, most] = adapter === 'gpu' ? [4096, 1, 4] : [32, invocations === 1 ? 1 : 4, 256]
  const rounds = Math.min(Math.max(Math.ceil(count / (invocations * wanted)), least), most)
  const run = invocations * rounds
  const start = block.let(`${groupIndex} * ${params.int(run)}`, 'i')
  const end = block.let(`min(${start} + ${params.int(run)}, ${params.int(count)})`, 'i')
  const name = block.fresh('i')
  const first = invocations === 1 ? start : `${start} + lid`
  block.nest(`for (var ${name} = ${first}; ${name} < ${end}; ${name} += ${invocations}u)`, (inner) => each(name, inner))
  return fold(Math.ceil(count / run))
}
