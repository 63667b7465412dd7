/** Folds: each by one invocation, or by a team. */
import type { ReduceKernel } from '../kernel.ts'
import { size } from '../../core/shape.ts'
import { Chain } from './chain.ts'
import { Expressions, typeOf } from './expression.ts'
import { shares, unflatten } from './grid.ts'
import type { Lanes } from './math.ts'
import { foldText, identityText, typeText, type Scope } from './rows.ts'
import type { Capabilities, Shader, Use } from './shader.ts'
import { leadingLoad, slabOf, type Slab } from './slab.ts'
import { invocationsOf, needs, overShare, teams, together, type Team } from './team.ts'
import { vectorOperands } from './vectors.ts'
import { Block, ShaderWriter } from './writer.ts'

/** Who folds, and whether four neighbours at once: of the results (`across`) or of what is folded (`along`). */
export type ReduceVariant = {
  readonly family: 'Reduce'
  readonly team: Team
  readonly lanes: 1 | 4
  readonly neighbours: 'across' | 'along'
}

const slab = (k: ReduceKernel): Slab => slabOf(k.dims, k.folded, [k.value], k.out)

/** The ways to compute a fold. */
export const reduceVariants = (k: ReduceKernel, caps: Capabilities): readonly ReduceVariant[] => {
  const space = slab(k)
  const { kept, folded, strides } = space
  const leading = leadingLoad(k.value, space)
  const across = leading !== undefined && strides(leading)[kept.length - 1] === 1 && kept.length > 0
  const extent = (across ? kept : folded).at(-1) ?? 1
  const variant = (team: Team, neighbours: 'across' | 'along'): ReduceVariant => ({
    family: 'Reduce',
    team,
    lanes: extent % 4 === 0 ? 4 : 1,
    neighbours,
  })
  const alone: Team = { way: 'alone', size: 1 }
  if (across && size(kept) >= 256) return [variant(alone, 'across')]
  return teams(size(folded), size(kept), caps)
    .map((team) => variant(team, across && team.way === 'alone' ? 'across' : 'along'))
    .map((v) => (v.neighbours === 'along' && (folded.at(-1) ?? 1) % 4 !== 0 ? { ...v, lanes: 1 } : v))
}

/** The code of a fold. */
export const reduceShader = (
  k: ReduceKernel,
  access: readonly Use[],
  { team, lanes, neighbours }: ReduceVariant,
  caps: Capabilities,
): Shader => {
  const writer = new ShaderWriter(access, caps)
  const space = slab(k)
  const { kept, folded, strides } = space
  const type = typeOf(k.value)
  const along = neighbours === 'across' ? kept.length - 1 : kept.length + folded.length - 1
  const own: Lanes = lanes
  const wide = { values: [k.value], stores: neighbours === 'across' ? [k.out] : [], strides, along }
  const vectors = lanes === 4 ? vectorOperands(wide) : new Set<number>()
  const read = new Expressions(writer, { lanes: own, along, strides, vectors })
  const resultLanes: Lanes = neighbours === 'across' ? own : 1
  const write = new Expressions(writer, {
    lanes: resultLanes,
    along: kept.length - 1,
    strides: (a) => strides(a).slice(0, kept.length),
    vectors,
  })
  const scope: Scope = { writer, lanes: own }
  const counts = kept.map((d, i) => (neighbours === 'across' && i === kept.length - 1 ? d / own : d))
  const extents = counts.map((d, i) => (i === 0 ? '' : writer.params.int(d)))
  const body = new Block(writer)
  const fold = (each: Block, index: string): void => {
    const at = unflatten(each, index, extents).map((i, axis) =>
      neighbours === 'across' && axis === kept.length - 1 && own > 1 ? each.let(`${i} * ${own}u`, 'i') : i,
    )
    const floatSum = k.op === 'sum' && type === 'f32'
    const chain = floatSum ? new Chain(each, own, 1, size(folded) / (team.size * own)) : undefined
    const single = floatSum ? '' : each.var(identityText(scope, k.op, type))
    overShare(each, writer, team, folded, neighbours === 'along' ? own : 1, (inner, block) => {
      const value = read.value(block, k.value, [...at, ...inner])
      if (chain !== undefined) chain.add(block, [value])
      else block.add(`${single} = ${foldText(scope, k.op, type, single, value)};`)
    })
    const [total = single] = chain?.sums(each) ?? []
    const result: Scope = { writer, lanes: resultLanes }
    const combine = (x: string, y: string): string => foldText(result, k.op, type, x, y)
    const halves = (v: string): string => {
      const pair: Scope = { writer, lanes: 2 }
      const two = each.let(foldText(pair, k.op, type, `${v}.xy`, `${v}.zw`))
      return each.let(combine(`${two}.x`, `${two}.y`))
    }
    const mine = neighbours === 'along' && own === 4 ? halves(total) : total
    // Bools are shared as words.
    const words = type === 'bool' && team.way !== 'alone'
    const given = words ? each.let(`select(0u, 1u, ${mine})`) : mine
    const all = together(each, writer, team, words ? 'u32' : typeText(type, resultLanes), given, combine)
    const value = words ? `(${all} != 0u)` : all
    if (team.way === 'alone') return write.store(each, k.out, at, value)
    each.nest('if (lid == 0u)', (first) => write.store(first, k.out, at, value))
  }
  const workgroups = shares(
    body,
    writer,
    size(counts),
    caps,
    (index, each) => fold(each, index),
    team.way === 'alone' ? 64 : 1,
  )
  return writer.finish({ size: [invocationsOf(team), 1, 1], body, workgroups, ...needs(team) })
}
