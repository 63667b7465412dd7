import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/graph/evaluate/evaluate.ts'
import { lower } from '../../src/passes/lower.ts'
import { webgpuTarget } from '../../src/passes/target.ts'
import { trace } from '../../src/tensor/trace.ts'
import { program } from '../support/arbitrary-graph.ts'
import { valuesOf } from '../support/host.ts'
import { runProgram } from '../support/run-program.ts'

const target = webgpuTarget({ maxStorageBuffers: 8, maxBinding: 2 ** 27 })

describe('programs for WebGPU', () => {
  it('mean what the graph means, on generated graphs, with at most 8 operands a kernel', () => {
    fc.assert(
      fc.property(program, ({ f, x }) => {
        const { graph } = trace(f, [x])
        const lowered = lower(graph, target)
        const input = valuesOf(x)
        const [want, got] = [evaluate(graph, [input])[0]!, runProgram(lowered, [input])[0]!]
        const scale = Math.max(1, ...Array.from(want, Math.abs))
        expect(got.length).toBe(want.length)
        got.forEach((g, i) => {
          if (Number.isNaN(want[i]!)) expect(g).toBeNaN()
          else expect(Math.abs(g - want[i]!)).toBeLessThanOrEqual(1e-6 * scale)
        })
        for (const { operands } of [...lowered.once, ...lowered.every]) {
          expect(operands.length).toBeLessThanOrEqual(8)
          expect(new Set(operands).size).toBe(operands.length)
        }
      }),
      { numRuns: 300 },
    )
  })
})
