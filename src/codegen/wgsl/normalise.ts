/** Whole normalisations: the statistics of a slab, and then every element of it. */
import { size } from '../../core/shape.ts'
import type { Load, NormaliseKernel } from '../kernel.ts'
import { Chain } from './chain.ts'
import { Expressions } from './expression.ts'
import { shares, unflatten } from './grid.ts'
import type { Capabilities, Shader, Use } from './shader.ts'
import { slabOf, type Slab } from './slab.ts'
import { invocationsOf, needs, overShare, teams, together, type Team } from './team.ts'
import { vectorOperands } from './vectors.ts'
import { Block, ShaderWriter } from './writer.ts'

/** Who works on a slab, and on how many neighbours at once. */
export type NormaliseVariant = { readonly family: 'Normalise'; readonly team: Team; readonly lanes: 1 | 4 }

const given = (l: Load): boolean => l.operand === 0

const slab = (k: NormaliseKernel): Slab => slabOf(k.dims, k.folded, [k.value, k.then], k.out, given)

/** The ways to normalise. */
export const normaliseVariants = (k: NormaliseKernel, caps: Capabilities): readonly NormaliseVariant[] => {
  const lanes = (slab(k).folded.at(-1) ?? 1) % 4 === 0 ? 4 : 1
  return teams(size(k.folded), size(k.dims), caps).map((team) => ({ family: 'Normalise', team, lanes }))
}

/**
 * The code of a normalisation. Moments are of x − x₀, with x₀ the mean of a few elements: what is left of a large mean is a few deviations, and
 * the variance a difference of numbers not much larger than itself.
 */
export const normaliseShader = (
  k: NormaliseKernel,
  access: readonly Use[],
  { team, lanes }: NormaliseVariant,
  caps: Capabilities,
): Shader => {
  const writer = new ShaderWriter(access, caps)
  const { params } = writer
  const { kept, folded, strides } = slab(k)
  const along = kept.length + folded.length - 1
  const vectors =
    lanes === 4
      ? vectorOperands({ values: [k.value, k.then], stores: [k.out], strides, along, given })
      : new Set<number>()
  const read = new Expressions(writer, { lanes, along, strides, vectors })
  const whole = (v: string): string => (lanes === 4 ? `dot(${v}, vec4f(1))` : v)
  const extents = kept.map((d, i) => (i === 0 ? '' : params.int(d)))
  const inverse = params.float(1 / size(folded))
  const eps = params.float(k.eps)
  const body = new Block(writer)

  /** The mean of the first elements that the members of a team come to. */
  const origin = (each: Block, at: readonly string[]): string => {
    const longest = folded.indexOf(Math.max(...folded))
    const own = folded.map((d, axis) => {
      if (axis !== longest || team.way === 'alone') return '0u'
      const place = `min(lid, ${params.int(axis === folded.length - 1 ? d / lanes - 1 : d - 1)})`
      return each.let(lanes === 4 && axis === folded.length - 1 ? `${place} * 4u` : place, 'i')
    })
    const mine = each.let(`${whole(read.value(each, k.value, [...at, ...own]))} * ${1 / lanes}f`)
    const sum = together(each, writer, team, 'f32', mine, (x, y) => `${x} + ${y}`)
    return team.size === 1 ? sum : each.let(`${sum} * ${1 / team.size}f`)
  }

  const normalise = (each: Block, index: string): void => {
    const at = unflatten(each, index, extents)
    const from = k.centred ? origin(each, at) : undefined
    const chain = new Chain(each, lanes, k.centred ? 2 : 1, size(folded) / (team.size * lanes))
    overShare(each, writer, team, folded, lanes, (inner, block) => {
      const x = read.value(block, k.value, [...at, ...inner])
      const d = from === undefined ? x : block.let(`${x} - ${from}`)
      chain.add(block, from === undefined ? [`${d} * ${d}`] : [d, `${d} * ${d}`])
    })
    const sums = chain.sums(each).map(whole)
    const mine = each.let(from === undefined ? sums[0]! : `vec2f(${sums.join(', ')})`)
    const all = together(each, writer, team, from === undefined ? 'f32' : 'vec2f', mine, (x, y) => `${x} + ${y}`)
    const means = each.let(`${all} * ${inverse}`)
    const variance = from === undefined ? means : `max(${means}.y - ${means}.x * ${means}.x, 0.0f)`
    const mean = from === undefined ? undefined : each.let(`${from} + ${means}.x`)
    const rstd = each.let(`1 / sqrt(${variance} + ${eps})`)
    overShare(each, writer, team, folded, lanes, (inner, block) => {
      const place = [...at, ...inner]
      const x = read.value(block, k.value, place)
      const y = block.let(mean === undefined ? `${x} * ${rstd}` : `(${x} - ${mean}) * ${rstd}`)
      const value = read.value(block, k.then, place, (l) => (given(l) ? y : undefined))
      read.store(block, k.out, place, value)
    })
  }
  const workgroups = shares(
    body,
    writer,
    size(kept),
    caps,
    (index, each) => normalise(each, index),
    team.way === 'alone' ? 64 : 1,
  )
  return writer.finish({ size: [invocationsOf(team), 1, 1], body, workgroups, ...needs(team) })
}
