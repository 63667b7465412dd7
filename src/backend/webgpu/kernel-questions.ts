/** Which way to compute a kernel is the fastest? */
import { elementBytes, type Dispatch } from '../../codegen/kernel.ts'
import type { Program } from '../../codegen/program.ts'
import { variantsOf } from '../../codegen/wgsl/emit.ts'
import { kernelDigest, variantText } from './choices.ts'
import type { Means, Question } from './question.ts'

/** Those of a program's kernels that have no answer yet: the kernels that are the most work, in all their uses, first. */
export const kernelQuestions = (program: Program, { capabilities, known, meter }: Means): readonly Question[] => {
  const found = new Map<string, { readonly dispatch: Dispatch; work: number }>()
  for (const dispatch of program.every) {
    const key = kernelDigest(dispatch.kernel)
    const there = found.get(key) ?? { dispatch, work: 0 }
    there.work += workOf(program, dispatch)
    found.set(key, there)
  }
  return [...found]
    .toSorted(([, a], [, b]) => b.work - a.work)
    .flatMap(([key, { dispatch }]) => {
      const variants = variantsOf(dispatch.kernel, capabilities)
      if (variants.length < 2) return []
      const open = variants.filter((v) => known.times.get(key)?.has(variantText(v)) !== true)
      return open.map((variant) => ({
        key,
        way: variantText(variant),
        label: dispatch.label,
        answer: (time) => meter.measure({ program, dispatch, variant }, time, known.fastest(key)),
      }))
    })
}

/** How much there is to do, roughly: multiplications, or elements that are read and written. */
const workOf = ({ buffers }: Program, { kernel: k, operands }: Dispatch): number => {
  const touched = operands.reduce((n, id) => n + (buffers[id]!.length * elementBytes(buffers[id]!.element)) / 4, 0)
  if (k._tag === 'Gemm')
    return [...k.batch, ...k.rows].reduce((a, b) => a * b, k.n) * Math.max(1, buffers[operands[1]!]!.length / k.n / 8)
  if (k._tag === 'PlainAttention') return k.batch.reduce((a, b) => a * b, k.rows * k.keys * (k.depth + k.features)) / 8
  return touched
}
