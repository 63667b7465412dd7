/** Folds can be stopped and gone on with. */
import fc from 'fast-check'
import { evaluate } from '../graph/evaluate/evaluate.ts'
import { seed as seedOf } from '../random/generator.ts'
import { noise } from '../tensor/noise.ts'
import { loadState, saveState } from '../tensor/state.ts'
import { fromStorage, tensor, Tensor } from '../tensor/tensor.ts'
import { leaves, mapTree, skeleton } from '../tensor/tree.ts'
import { scrambled, seeds, stepCounts } from './generate.ts'
import { demandSame, LawError, type Rule, type Subject } from './law.ts'

const shape = [1, 1, 2, 2]

/** A state with its tensors computed, in float32, as they lie on a device. */
const settled = <S>(state: S): S => {
  const tensors = leaves(state).flatMap(([, leaf]) => (leaf instanceof Tensor ? [leaf] : []))
  const values = evaluate({ inputs: [], outputs: tensors.map((x) => x.node) }, [], 'f32')
  let at = 0
  return mapTree((leaf) => {
    if (!(leaf instanceof Tensor)) return leaf
    return fromStorage(Float32Array.from(values[at++]!), leaf.shape, 'f32')
  }, state)
}

const tensorsOf = (state: unknown): readonly number[] =>
  leaves(state).flatMap(([, leaf]) =>
    leaf instanceof Tensor && leaf.node._tag === 'Buffer' && leaf.node.source._tag === 'Host'
      ? [...(leaf.node.source.data as Float32Array)]
      : [],
  )

/** The state from which a seed starts. */
const begin = (scheduler: Subject, seed: number): unknown => scheduler.init(noise(seedOf(seed), shape))

/** The states after every step, first the one from which the seed starts. */
const states = (scheduler: Subject, seed: number, from: unknown, at = 0): readonly unknown[] => {
  const draw = scrambled(seed)
  return scheduler.timesteps.slice(at).reduce<unknown[]>(
    (all, t, i) => {
      const answer = tensor(
        [0, 1, 2, 3].map((j) => draw(at + i, j)),
        shape,
      )
      return [...all, settled(scheduler.step(all.at(-1), answer, t))]
    },
    [from],
  )
}

/**
 * Law 18: a step taken twice from one state gives one state; for every k, going on from the text of state k
 * (`saveState`, `loadState` over the same seed, made anew) gives the later states bit for bit; all states have one
 * shape; and none holds more tensors than the method's order. A state is all there is: no scheduler keeps anything
 * else.
 */
export const resume: Rule = {
  number: 18,
  name: 'steps are pure, and a run goes on from a written state bit for bit',
  source: 'a fold has no state but its accumulator',
  check: ({ make, traits }, runs) =>
    fc.assert(
      fc.property(stepCounts(traits), seeds, fc.nat(), (n, seed, where) => {
        const scheduler = make(n)
        const start = settled(begin(scheduler, seed))
        const all = states(scheduler, seed, start)
        const k = where % all.length
        const again = states(scheduler, seed, all[Math.max(k - 1, 0)], Math.max(k - 1, 0))
        if (k > 0) demandSame(`state ${k}, again`, tensorsOf(again[1]), tensorsOf(all[k]))
        const most = traits.tensors ?? traits.order ?? 1
        all.forEach((state, i) => {
          const held = leaves(state).filter(([, leaf]) => leaf instanceof Tensor).length
          if (held > most) throw new LawError(`tensors in state ${i}`, held, most)
          if (skeleton(state) !== skeleton(start)) throw new LawError(`leaves of state ${i}`, i, 0)
        })
        const loaded = loadState(saveState(all[k], start), begin(make(n), seed))
        const rest = states(make(n), seed, loaded, k)
        rest.forEach((state, i) =>
          demandSame(`state ${k + i} from state ${k}`, tensorsOf(state), tensorsOf(all[k + i])),
        )
      }),
      { numRuns: runs },
    ),
}
