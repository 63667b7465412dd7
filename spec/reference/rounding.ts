/**
 * Changes to a pipeline that tell what is wrong with it from what float32 leaves undecided. Some folds magnify rounding: a small part of
 * an answer's last bits moves the next answer by more, and so on. Their last samples are a matter of luck, for the original too.
 */
import { guidance, type Combine } from '../../src/pipelines/guide.ts'
import { generatorOf, seed } from '../../src/random/generator.ts'
import type { AnyScheduler } from '../../src/schedulers/by-name.ts'
import { iota, tensor, zeros, type Scalar, type Tensor } from '../../src/tensor/tensor.ts'

/** What may be done to a pipeline: to its scheduler, and to how guidance combines two answers. */
export type Change = { readonly scheduler: (scheduler: AnyScheduler) => AnyScheduler; readonly combine?: Combine }

/** The pipeline as it is. */
export const unchanged: Change = { scheduler: (s) => s }

/**
 * By how much of its largest value an answer is moved. It is what a network computed in float32 errs by: over the recorded models, the
 * geometric mean of the largest error is 6·10⁻⁷ for torch's float32 against its own float64, and 7 to 8·10⁻⁷ for WebGPU and WebAssembly.
 */
const nudge = 2 ** -20

/** Every answer of the model, and what guidance makes of two, moved by normal numbers: other ones for each `run`, and at each time. */
export const nudged = (run: number): Change => {
  const moved = (x: Tensor, t: Scalar, which: number): Tensor => {
    const draws = generatorOf(seed(3 * run + which))
    const [a, b] = [tensor(draws.randn(x.shape), x.shape), tensor(draws.randn(x.shape), x.shape)]
    // Two normal numbers turned by an angle are normal again.
    const angle = zeros([1]).add(t).mul(0.7)
    const field = a.mul(angle.cos()).add(b.mul(angle.sin()))
    return x.add(field.mul(x.abs().amax()).mul(nudge))
  }
  return {
    scheduler: (s) => ({ ...s, step: (state, answer, t) => s.step(state, moved(answer, t['t']!, 0), t) }),
    combine: (positive, negative, scale, t) => guidance(moved(positive, t, 1), moved(negative, t, 2), scale),
  }
}

/** Every step started from the sample that was recorded before it, [steps, …], and the first one from its own. */
export const fromRecorded = (recorded: Tensor): Change => {
  const [steps, ...sample] = recorded.shape as readonly [number, ...number[]]
  type State = Parameters<AnyScheduler['step']>[0]
  type At = Parameters<AnyScheduler['step']>[2]
  const placed = (state: State, t: At): State => {
    const position = zeros([1]).add(t['position']!)
    const chosen = iota(steps).to('f32').add(1).eq(position).reshape(steps, ...sample.map(() => 1))
    const before = chosen.where(recorded, 0).sum(0).reshape(...sample)
    return { ...state, x: position.eq(0).where(state.x, before) }
  }
  return {
    scheduler: (s) => ({
      ...s,
      timesteps: s.timesteps.map((t, position) => ({ ...t, position })),
      input: (state, t) => s.input(placed(state, t), t),
      step: (state, answer, t) => s.step(placed(state, t), answer, t),
    }),
  }
}
