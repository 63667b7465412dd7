import { describe, expect, it } from 'vitest'
import { evaluate } from '../../src/graph/evaluate/evaluate.ts'
import { lower } from '../../src/passes/lower.ts'
import { wasmTarget, webgpuTarget } from '../../src/passes/target.ts'
import { seed } from '../../src/random/generator.ts'
import { randn } from '../../src/tensor/noise.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'
import { valuesOf } from '../support/host.ts'
import { runProgram } from '../support/run-program.ts'

const target = webgpuTarget({ maxStorageBuffers: 8, maxBinding: 2 ** 27 })
const folds = (f: (x: Tensor) => Tensor, x: Tensor, to = target): number =>
  lower(trace(f, [x]).graph, to).every.filter((d) => d.kernel._tag === 'Reduce').length

describe('folds in stages', () => {
  const x = randn(seed(1), [2, 3, 96, 100])
  it.each<[string, (x: Tensor) => Tensor]>([
    ['all of it', (y) => y.square().sum()],
    ['of every picture', (y) => y.permute(0, 2, 3, 1).mul(2).amax(-3, -2, -1)],
    ['of every picture, elsewhere read backwards', (y) => y.flip(-1).reshape(2, -1).mean(1)],
  ])('give what they mean: %s', (_, f) => {
    expect(folds(f, x)).toBe(2)
    const { graph } = trace(f, [x])
    const input = valuesOf(x)
    const [want, got] = [evaluate(graph, [input])[0]!, runProgram(lower(graph, target), [input])[0]!]
    got.forEach((g, i) => expect(Math.abs(g - want[i]!)).toBeLessThanOrEqual(1e-5 * Math.abs(want[i]!)))
  })
  it('are for long folds of few results, on devices that ask for them', () => {
    expect(folds((y) => y.sum(-1), x)).toBe(1)
    expect(folds((y) => y.sum(), randn(seed(2), [40, 40]))).toBe(1)
    expect(folds((y) => y.sum(), randn(seed(2), [16411]))).toBe(1) // a prime
    expect(folds((y) => y.sum(), x, wasmTarget)).toBe(1)
  })
})
