/** Our graphs on one of our backends, TensorFlow.js op by op among them. */
import { backend, backendNames, compile, dispose, read, type BackendName } from 'diffold'
import type { Work } from '../workloads/work.ts'
import { folding, type Peer } from './peer.ts'

// Until the backends have their names.
const older: Readonly<Record<string, string>> = { wasm: 'simd', 'tfjs-wasm': 'wasm' }
export const named = (name: string): BackendName =>
  ((backendNames as readonly string[]).includes('simd') ? (older[name] ?? name) : name) as BackendName

/** The fold, compiled for a backend. */
export const diffoldPeer = async (asked: string, work: Work): Promise<Peer> => {
  const name = named(asked)
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
