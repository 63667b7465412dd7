/** Multistep predictors whose next answer corrects the sample once more, without another call of the model: UniPC and SA-Solver. */
import { zeros, type Scalar, type Tensor } from '../tensor/tensor.ts'
import { exponentialStep, type ExponentialOptions } from './exponential-adams.ts'
import type { Level } from './lambda-grid.ts'
import type { Form } from './lambda-space.ts'
import { addWeighted, namedWeights, type AnswerWeight } from './multistep.ts'

/**
 * `x` as predicted; `partial`, all of the corrected sample that is known before the model has answered at `x`; and earlier answers, the
 * latest first.
 */
export type PredictedState = { readonly x: Tensor; readonly partial: Tensor; readonly past: readonly Tensor[] }

/**
 * The corrected sample is `predicted` x + `corrected` partial + `met` · answer, (1, 0, 0) where nothing is corrected. Of it `carry` goes on,
 * with `fresh` of new noise; to that the predictor adds the answers by `now`, `ago1` …, and the corrector by `nextNow`, `nextAgo1` ….
 */
export type CorrectorCoefficient =
  'predicted' | 'corrected' | 'met' | 'carry' | 'fresh' | AnswerWeight | `next${Capitalize<AnswerWeight>}`

/** How one step is taken: how many answers the predictor uses, how many the corrector beside the one to come; whether it corrects at all. */
export type CorrectorPlan = ExponentialOptions & {
  readonly predictor: number
  readonly corrector: number
  readonly corrects: boolean
}

/** The coefficients of every step of a grid. */
export const correctorCoefficients = (
  form: Form,
  levels: readonly Level[],
  plans: readonly CorrectorPlan[],
): readonly { readonly [K in CorrectorCoefficient]: number }[] => {
  const steps = plans.map((plan, i) => {
    const [s, t] = [levels[i]!, levels[i + 1]!]
    const latest = (count: number): Level[] => Array.from({ length: count }, (_, j) => levels[i - j]!)
    const predictor = exponentialStep(form, s, t, latest(plan.predictor), plan)
    const [met, ...next] = exponentialStep(form, s, t, [t, ...latest(plan.corrector)], plan).weights
    return { ...predictor, met: met!, next }
  })
  return steps.map(({ carry, fresh, weights, next }, i) => {
    const before = plans[i]!.corrects ? steps[i - 1] : undefined
    const again = namedWeights(next)
    return {
      predicted: before === undefined ? 1 : 0,
      corrected: before === undefined ? 0 : 1,
      met: before?.met ?? 0,
      carry,
      fresh,
      ...namedWeights(weights),
      nextNow: again.now,
      nextAgo1: again.ago1,
      nextAgo2: again.ago2,
      nextAgo3: again.ago3,
    }
  })
}

/** The state before the first answer, for methods that combine up to `window` answers. */
export const unanswered = (x: Tensor, window: number): PredictedState => ({
  x,
  partial: zeros(x.shape),
  past: Array.from({ length: window - 1 }, () => zeros(x.shape)),
})

/** The sample corrected by the answer at it, then predicted onward. `noise` is drawn between and is the same for both. */
export const correctAndPredict = (
  { x, partial, past }: PredictedState,
  answer: Tensor,
  c: { readonly [K in CorrectorCoefficient]: Scalar },
  noise?: Tensor,
): PredictedState => {
  const corrected = x.mul(c.predicted).add(partial.mul(c.corrected)).add(answer.mul(c.met))
  const carried = corrected.mul(c.carry)
  const moved = noise === undefined ? carried : carried.add(noise.mul(c.fresh))
  const answers = [answer, ...past]
  return {
    x: addWeighted(moved, answers, c),
    partial: addWeighted(moved, answers, { now: c.nextNow, ago1: c.nextAgo1, ago2: c.nextAgo2, ago3: c.nextAgo3 }),
    past: answers.slice(0, past.length),
  }
}
