/** What a target's code generator takes, and what of a kernel it would not. */
import { subexpressions, expressionsOf, resultsOf, type Kernel } from '../codegen/kernel.ts'
import type { Target } from './target.ts'

/** What of a kernel the target does not take, in words; empty where it takes all of it. */
export const refusals = (k: Kernel, target: Target): readonly string[] => {
  const out: string[] = []
  const refuse = (when: boolean, what: string): void => {
    if (when) out.push(what)
  }
  const parts = expressionsOf(k)
    .flatMap(subexpressions)
    .some((e) => e._tag === 'Parts')
  refuse(parts && !target.parts, 'parts')
  refuse(resultsOf(k) > 1 && !target.several, 'several results')
  refuse(k._tag === 'Moments' && target.groupNorm === 'whole', 'moments')
  refuse(k._tag === 'PlainAttention' && k.project !== undefined && !target.projects(k), 'queries made by attention')
  if (k._tag !== 'Gemm') return out
  const plain = target.products === 'plain'
  refuse(plain && k.terms.length > 1, 'a product of several terms')
  refuse(plain && k.terms.some((t) => t.norm !== undefined), 'rows normalised on the way')
  refuse(target.borders === 'copied' && k.terms.some((t) => t.window !== undefined), 'borders that are not in memory')
  refuse(!target.keeps16 && k.b.element !== 'f32', 'panels of 16 bits')
  return out
}
