import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Draft } from '../../src/codegen/program.ts'
import { PassError } from '../../src/errors.ts'
import type { Graph } from '../../src/graph/node.ts'
import { checkStage, rules, violationsOf } from '../../src/passes/check-program.ts'
import { lower, type Stage } from '../../src/passes/lower.ts'
import { wasmTarget } from '../../src/passes/target.ts'
import { trace } from '../../src/tensor/trace.ts'
import { checkModels, type Run } from '../reference/models.ts'
import { program } from '../support/arbitrary-graph.ts'
import { guidedStep, quarter, tiny } from '../support/guided-step.ts'
import { gpuTarget, targets } from '../support/targets.ts'
import { mutants, type Mutant } from './check-program.mutants.ts'

const recordings = fileURLToPath(new URL('../reference/data/models', import.meta.url))

describe.each(targets)('after every pass for $name, there is a graph or a program', ({ target }) => {
  const lowered = (graph: Graph): number => {
    let stages = 0
    const program = lower(graph, target, {}, (stage) => {
      checkStage(stage, target)
      stages++
    })
    expect(stages).toBeGreaterThan(10)
    return program.every.length
  }

  it('on generated graphs', () => {
    fc.assert(
      fc.property(program, ({ f, x }) => {
        lowered(trace(f, [x]).graph)
        // Without inputs nothing is kept.
        lowered(trace(() => f(x), []).graph)
      }),
      { numRuns: 600 },
    )
  })

  it('on a guided step, and where weights are packed at every run', () => {
    expect(lowered(guidedStep(quarter, 32, { empty: true }).graph)).toBeGreaterThan(200)
    lower(guidedStep(tiny, 8).graph, target, { keep: 0 }, (stage) => checkStage(stage, target))
  })

  it('on every recorded model', async () => {
    const run: Run = async (f, given) => {
      lowered(trace(f, [given]).graph)
      return {}
    }
    const checks = await checkModels(recordings, { run })
    expect(checks.length).toBeGreaterThan(20)
    expect(checks.filter((c) => c.skipped === undefined && c.why !== 'is not computed')).toEqual([])
  })
})

describe('a program that is broken', () => {
  const { graph } = guidedStep({ ...tiny, block_out_channels: [16, 32] }, 16, { empty: true })
  const on = { wasm: wasmTarget, webgpu: gpuTarget }
  const stages = { wasm: [] as Stage[], webgpu: [] as Stage[] }
  for (const name of ['wasm', 'webgpu'] as const) lower(graph, on[name], {}, (stage) => stages[name].push(stage))
  const programOf = (name: 'wasm' | 'webgpu', of: Mutant['of']): Draft => {
    const [stage] = stages[name]
      .flatMap((s) => (s._tag === 'Program' && (of === 'done' || s.pass === 'fuse') ? [s] : []))
      .slice(of === 'done' ? -1 : 0)
    return stage!.program
  }

  it.each(mutants)('is found out: $name ($rule)', ({ rule, of, on: name, broken }) => {
    const program = programOf(name, of)
    expect(violationsOf(program, on[name], of === 'done')).toEqual([])
    const found = violationsOf(broken(program), on[name], of === 'done')
    expect(found.map((v) => v.rule)).toContain(rule)
  })

  it('by every rule', () => {
    expect(Object.keys(rules).filter((r) => !mutants.some((m) => m.rule === r))).toEqual([])
  })

  it('is told of by pass, kernel and operand', () => {
    const { broken } = mutants.find((m) => m.name === 'rows of a product that begin too late')!
    const program = broken(programOf('wasm', 'done'))
    const check = (): void => checkStage({ _tag: 'Program', pass: 'epilogues', program }, wasmTarget)
    expect(check).toThrow(PassError)
    expect(check).toThrowErrorMatchingInlineSnapshot(
      `[PassError: epilogues: kernel 5 Gemm 'conv + add · conv_in' operand 2 (%24) has 2592 elements, of which 145 … 2592 are read: elements that are touched are those of the operand]`,
    )
    const [found] = violationsOf(program, wasmTarget)
    expect(found).toMatchObject({ rule: 'within', at: { when: 'every', label: expect.any(String) }, operand: 2 })
  })
})
