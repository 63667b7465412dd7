import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arenaOptions } from '../../src/backend/webgpu/frame.ts'
import { elementBytes, type Dispatch, type MapKernel } from '../../src/codegen/kernel.ts'
import type { Program } from '../../src/codegen/program.ts'
import type { Graph } from '../../src/graph/node.ts'
import { arena, livenessBound, type ArenaOptions } from '../../src/passes/arena.ts'
import { lower } from '../../src/passes/lower.ts'
import { trace } from '../../src/tensor/trace.ts'
import { program } from '../support/arbitrary-graph.ts'
import { guidedStep, quarter, unguidedStep } from '../support/guided-step.ts'
import { targets } from '../support/targets.ts'

const model = (path: string): object =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../../models/${path}`, import.meta.url)), 'utf8')) as object

const empty = { empty: true }
const workloads: readonly (readonly [string, () => Graph])[] = [
  ['the cats', () => unguidedStep(model('ddpm-emoji-cat-64/unet/config.json'), 64)],
  ['a guided step of the emoji', () => guidedStep(model('sd-emoji-64/unet/config.json'), 16, empty).graph],
  ['a guided step at a quarter of Stable Diffusion 1.5', () => guidedStep(quarter, 32, empty).graph],
]

const nothing: MapKernel = {
  _tag: 'Map',
  dims: [],
  value: { _tag: 'Const', type: 'f32', value: 0 },
  out: { operand: 0, element: 'f32', offset: 0, strides: [] },
}

/** When each value is first and last touched. */
const livesOf = ({ every }: Program): ReadonlyMap<number, readonly [number, number]> => {
  const lives = new Map<number, readonly [number, number]>()
  every.forEach(({ operands }, at) => {
    for (const id of operands) lives.set(id, [lives.get(id)?.[0] ?? at, at])
  })
  return lives
}

describe.each(targets)('the arena of a program for $name', ({ target }) => {
  const options: ArenaOptions = target.name === 'webgpu' ? arenaOptions : {}

  it.each(workloads)('is at most 1.3 times what is alive at once: %s', (_, graph) => {
    const lowered = lower(graph(), target)
    const [bytes, bound] = [arena(lowered, options).bytes, livenessBound(lowered, options)]
    expect(bound).toBeGreaterThan(2 ** 18)
    expect(bytes).toBeGreaterThanOrEqual(bound)
    expect(bytes / bound).toBeLessThanOrEqual(1.3)
  })

  it('has no two values in one place at one time, on generated graphs', () => {
    fc.assert(
      fc.property(program, ({ f, x }) => {
        const lowered = lower(trace(f, [x]).graph, target)
        const { offsets, bytes } = arena(lowered, options)
        const lives = livesOf(lowered)
        const values = [...offsets].map(([id, from]) => {
          const { length, element } = lowered.buffers[id]!
          return { id, from, to: from + length * elementBytes(element), life: lives.get(id)! }
        })
        for (const a of values) {
          expect(a.from % (options.alignment ?? 64)).toBe(0)
          expect(a.to).toBeLessThanOrEqual(bytes)
          for (const b of values)
            if (a.id < b.id && a.life[0] <= b.life[1] && b.life[0] <= a.life[1])
              expect(a.to <= b.from || b.to <= a.from).toBe(true)
        }
        expect(bytes).toBeGreaterThanOrEqual(livenessBound(lowered, options))
      }),
    )
  })
})

it('what is alive at once is what is still to be read', () => {
  const buffers = [100, 200, 300].map((length) => ({ element: 'f32', length, purpose: { _tag: 'Scratch' } }) as const)
  const dispatch = (...operands: number[]): Dispatch => ({ kernel: nothing, operands, label: '' })
  const every = [dispatch(0), dispatch(1, 0), dispatch(2, 1)]
  const program: Program = { buffers, once: [], every, inputs: [], outputs: [] }
  expect(livenessBound(program, { alignment: 4, slack: 0 })).toBe(4 * (200 + 300))
  expect(livenessBound(program, { alignment: 512, slack: 0 })).toBe(1024 + 1536)
})
