/** Folds shared by the invocations of a workgroup: each takes some elements, and then they put together what they have. */
import { filling } from './grid.ts'
import type { Capabilities } from './shader.ts'
import type { Block, Entry, ShaderWriter } from './writer.ts'

/**
 * How many invocations work together, and how: `alone` not at all, by `shuffle`s as the one subgroup of a workgroup, or by a `tree` in workgroup
 * memory, which is slow where it is not real.
 */
export type Team = { readonly way: 'alone' | 'shuffle' | 'tree'; readonly size: number }

/** The teams for so many `folds` of so many `elements` each, best guess first. */
export const teams = (
  elements: number,
  folds: number,
  { adapter, subgroups, subgroupSize, maxInvocations }: Capabilities,
): readonly Team[] => {
  const alone: Team = { way: 'alone', size: 1 }
  const most = 2 ** Math.floor(Math.log2(maxInvocations))
  const tree = (size: number): Team => ({ way: 'tree', size: Math.min(size, most) })
  const middling = tree(elements >= 4096 ? 256 : 64)
  if (adapter === 'gpu') {
    // Fewer than fill a GPU may as well be large. What one compute unit asks for at a time is what hides how long memory takes: 16 numbers an invocation are enough to have something to add up.
    const large = elements >= 16384 && folds < filling && most > middling.size ? [tree(1024)] : []
    return elements >= 64 ? [...large, middling, alone] : [alone, middling]
  }
  const shuffle: readonly Team[] = subgroups && subgroupSize > 1 ? [{ way: 'shuffle', size: subgroupSize }] : []
  return elements >= 4 * subgroupSize ? [...shuffle, alone, middling] : [alone, ...shuffle, middling]
}

/** Invocations of a workgroup of such a team. Those that work alone are many. */
export const invocationsOf = (team: Team): number => (team.way === 'alone' ? 64 : team.size)

/** What `main` needs for a team. */
export const needs = (team: Team): Pick<Entry, 'enables'> => (team.way === 'shuffle' ? { enables: ['subgroups'] } : {})

/** Everybody's values folded, for everybody. `combine` is of two names. To be reached by all invocations. */
export const together = (
  block: Block,
  writer: ShaderWriter,
  { way, size }: Team,
  type: string,
  value: string,
  combine: (x: string, y: string) => string,
): string => {
  switch (way) {
    case 'alone':
      return value
    case 'shuffle': {
      let total = value
      for (let step = 1; step < size; step *= 2)
        total = block.let(combine(total, block.let(`subgroupShuffleXor(${total}, ${step}u)`)))
      return total
    }
    case 'tree': {
      const shared = `shared_${type.replaceAll(/\W/g, '')}`
      writer.global(`var<workgroup> ${shared}: array<${type}, ${size}>;`)
      block.add(`${shared}[lid] = ${value};`, 'workgroupBarrier();')
      block.nest(`for (var step = ${size / 2}u; step > 0u; step /= 2u)`, (inner) => {
        inner.nest('if (lid < step)', (own) => {
          const [x, y] = [own.let(`${shared}[lid]`), own.let(`${shared}[lid + step]`)]
          own.add(`${shared}[lid] = ${combine(x, y)};`)
        })
        inner.add('workgroupBarrier();')
      })
      const total = block.let(`${shared}[0]`)
      block.add('workgroupBarrier();')
      return total
    }
  }
}

/**
 * Loops over an invocation's share of the indices of `dims`, whose last axis is counted in steps of `lanes`. Members of a team take turns along one
 * axis, the last if it is long enough, or else along all of them as if they were one. On software adapters starting a loop costs as much as some
 * rounds of it: the longest axis is the innermost. A `tree` is for GPUs, where neighbours in memory that follow one another are in the cache.
 */
export const overShare = (
  block: Block,
  writer: ShaderWriter,
  team: Team,
  given: readonly number[],
  lanes: number,
  each: (at: readonly string[], inner: Block) => void,
): void => {
  const { params } = writer
  const dims = given.length === 0 ? [1] : given // a single element is for one of them alone
  const last = dims.length - 1
  const counts = dims.map((d, i) => (i === last ? d / lanes : d))
  const extent = (axis: number): string =>
    params.once(given, `extent ${axis} ${lanes}`, () => params.int(counts[axis]!))
  const scaled = (inner: Block, at: readonly string[]): readonly string[] =>
    at.map((i, axis) => (axis === last && lanes > 1 ? inner.let(`${i} * ${lanes}u`, 'i') : i))
  const longest = counts.indexOf(Math.max(...counts))
  const axis = (counts[last] ?? 1) >= 2 * team.size ? last : longest
  if (team.way !== 'alone' && dims.length > 1 && counts[axis]! < 2 * team.size) {
    const total = params.once(given, `count ${lanes}`, () => params.int(counts.reduce((a, b) => a * b, 1)))
    const flat = block.fresh('f')
    block.nest(`for (var ${flat} = lid; ${flat} < ${total}; ${flat} += ${team.size}u)`, (inner) => {
      const at: string[] = new Array<string>(dims.length)
      let rest = flat
      for (let i = last; i > 0; i--) {
        const next = inner.let(`${rest} / ${extent(i)}`, 'q')
        at[i] = inner.let(`${rest} - ${next} * ${extent(i)}`, 'i')
        rest = next
      }
      at[0] = rest
      each(scaled(inner, at), inner)
    })
    return
  }
  const axes = dims.map((_, i) => i)
  const order = team.way === 'tree' ? axes : [...axes.filter((i) => i !== longest), longest]
  const nest = (outer: Block, depth: number, at: ReadonlyMap<number, string>): void => {
    const own = order[depth]
    if (own === undefined) {
      return each(
        scaled(
          outer,
          axes.map((i) => at.get(i)!),
        ),
        outer,
      )
    }
    const shared = team.way !== 'alone' && own === axis
    const name = outer.fresh('f')
    const step = shared ? `${name} += ${team.size}u` : `${name}++`
    outer.nest(`for (var ${name} = ${shared ? 'lid' : '0u'}; ${name} < ${extent(own)}; ${step})`, (inner) =>
      nest(inner, depth + 1, new Map(at).set(own, name)),
    )
  }
  nest(block, 0, new Map())
}
