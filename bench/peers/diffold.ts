/** Our graphs on one of our backends, TensorFlow.js op by op among them. */
import { backend, compile, dispose, read, type BackendName } from 'diffold'
import { onCompiled } from '../../src/backend/progress.ts'
import { factsOf, type Facts } from '../facts.ts'
import type { Work } from '../workloads/work.ts'
import { folding, type Peer } from './peer.ts'

/** The fold, compiled for a backend. */
export const diffoldPeer = async (name: BackendName, work: Work): Promise<Peer> => {
  const { description } = await backend(name)
  let compiled = { count: 0, ms: 0 }
  onCompiled(({ ms }) => (compiled = { count: compiled.count + 1, ms: compiled.ms + ms }))
  const step = compile(work.step, { backend: name })
  const fold = folding(
    description,
    work.start,
    work.inputs,
    async (state, t) => {
      const next = step(state, t, work.given)
      return { state: next, seen: await read(work.seen(next)) }
    },
    dispose,
  )
  // From a state that a step has made: the first may be of expressions.
  const facts = async (): Promise<Facts> => {
    const state = step(work.start, work.inputs[0], work.given)
    await read(work.seen(state))
    const told = await factsOf(name, work, compiled, async () => {
      const next = step(state, work.inputs[1] ?? work.inputs[0], work.given)
      await read(work.seen(next))
      dispose(next)
    })
    dispose(state)
    return told
  }
  return { ...fold, facts }
}
