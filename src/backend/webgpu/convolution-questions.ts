/** Which algorithm for a convolution is the fastest? */
import { variantsOf } from '../../codegen/wgsl/emit.ts'
import { size } from '../../core/shape.ts'
import type { Conv } from '../../graph/node.ts'
import type { Allowance } from './allowance.ts'
import { bestOf } from './choices.ts'
import { alone, algorithmText, convolutionKey, convolutionLabel, type Algorithm } from './convolution.ts'
import { lower, winogradWays } from './passes.ts'
import type { Means, Question } from './question.ts'

const workOf = (n: Conv): number => size(n.shape) * size(n.w.shape.slice(1))

/** Those of some convolutions that have no answer yet: the convolutions of the most multiplications first. */
export const convolutionQuestions = (convolutions: readonly Conv[], means: Means): readonly Question[] =>
  convolutions
    .toSorted((a, b) => workOf(b) - workOf(a))
    .flatMap((n) => {
      const key = convolutionKey(n)
      const ways = winogradWays(means.capabilities)(n)
      const open = ways.length < 2 ? [] : ways.filter((w) => means.known.times.get(key)?.has(algorithmText(w)) !== true)
      return open.map((way) => ({
        key,
        way: algorithmText(way),
        label: convolutionLabel(n),
        answer: (time) => answer(n, way, time, means),
      }))
    })

/** Milliseconds of all its kernels, each in the way that is thought best. */
const answer = async (
  n: Conv,
  algorithm: Algorithm,
  time: Allowance,
  { capabilities, known, meter }: Means,
): Promise<number | undefined> => {
  const program = lower(alone(n), capabilities, {}, undefined, () => algorithm)
  const fastest = known.fastest(convolutionKey(n))
  let sum = 0
  for (const dispatch of program.every) {
    const variant = bestOf(known.times, dispatch.kernel, variantsOf(dispatch.kernel, capabilities))
    const ms = await meter.measure({ program, dispatch, variant }, time, fastest)
    if (ms === undefined) return undefined
    sum += ms
  }
  return sum
}
