/** Our graphs on one of our backends, TensorFlow.js op by op among them. */
import { backend, backendName, compile, dispose, read } from 'diffold'
import type { Work } from '../workloads/work.ts'
import { folding, type Peer } from './peer.ts'

/** The fold, compiled for a backend. */
export const diffoldPeer = async (asked: string, work: Work): Promise<Peer> => {
  const name = backendName(asked)
  const { description } = await backend(name)
  const step = compile(work.step, { backend: name })
  return folding(
    description,
    work.start,
    work.inputs,
    async (state, t) => {
      const next = step(state, t, work.given)
      return { state: next, seen: await read(work.seen(next)) }
    },
    dispose,
  )
}
