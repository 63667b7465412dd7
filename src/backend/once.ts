/** What a program computes once: which of its steps are needed, and when each value is for the last time. */
import { resultsOf, type Dispatch } from '../codegen/kernel.ts'
import type { Program } from '../codegen/program.ts'

/** A step of `once`, its number there, and the values that none after it reads and nobody keeps. */
export type OnceStep = { readonly index: number; readonly dispatch: Dispatch; readonly frees: readonly number[] }

/** Values that are the same at every run, as the runs read them. */
export const fixedReads = ({ every, buffers }: Program): ReadonlySet<number> =>
  new Set(
    every
      .flatMap((d) => d.operands)
      .filter((id) => buffers[id]!.purpose._tag === 'Leaf' || buffers[id]!.purpose._tag === 'Kept'),
  )

/** The steps that lead to what is missing of `needed`, in order. */
export const onceSteps = (
  { once }: Program,
  needed: ReadonlySet<number>,
  isThere: (id: number) => boolean,
): readonly OnceStep[] => {
  const wanted = new Set([...needed].filter((id) => !isThere(id)))
  const steps: { readonly index: number; readonly dispatch: Dispatch }[] = []
  for (let index = once.length - 1; index >= 0; index--) {
    const dispatch = once[index]!
    if (!dispatch.operands.slice(0, resultsOf(dispatch.kernel)).some((id) => wanted.has(id))) continue
    steps.unshift({ index, dispatch })
    for (const id of dispatch.operands) if (!isThere(id)) wanted.add(id)
  }
  const last = new Map(steps.flatMap(({ index, dispatch }) => dispatch.operands.map((id) => [id, index] as const)))
  return steps.map(({ index, dispatch }) => {
    const frees = [...new Set(dispatch.operands)].filter((id) => last.get(id) === index && !needed.has(id))
    return { index, dispatch, frees }
  })
}
