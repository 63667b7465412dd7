/** A peer in a Node process of its own: told what to be by its argument, and what to do by messages. */
import { writeFile } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { backendName } from 'diffold'
import { relaxedSimd } from '../../src/backend/wasm/relaxed-simd.ts'
import { softwareAdapter } from '../../spec/support/software-adapter.ts'
import { workloads } from '../workloads/catalogue.ts'
import { files } from '../files.ts'
import { diffoldPeer } from './diffold.ts'
import { jaxPeer, type Jax } from './jax.ts'
import { adapterRoof } from './roof.ts'
import { onnxPeer, type Onnxruntime } from './onnx.ts'
import type { Peer } from './peer.ts'
import type { Asked, Question } from './protocol.ts'

// As the command line does, and for every peer.
relaxedSimd(setFlagsFromString)

const asked = JSON.parse(process.argv[2]!) as Asked
const workload = workloads.find((w) => w.id === asked.workload)!
const store = files(asked.cache)

const work = () => workload.make(store, asked)

// Named by a variable: bench's packages are there only where it has been run.
const loaded = (name: string): Promise<unknown> => import(name)

const make = async (): Promise<Peer> => {
  const { backend, threads, version } = asked
  switch (asked.runtime) {
    case 'diffold': {
      if (/webgpu/.test(backend)) softwareAdapter()
      return diffoldPeer(backendName(backend), await work())
    }
    case 'onnxruntime': {
      const ort = (await loaded(backend)) as Onnxruntime & {
        readonly env: { readonly wasm: { numThreads?: number }; logLevel?: string }
      }
      ort.env.logLevel = 'error'
      const node = backend === 'onnxruntime-node'
      if (!node) ort.env.wasm.numThreads = threads
      const options = node
        ? { executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1 }
        : { executionProviders: ['wasm'] }
      return onnxPeer(ort, `${backend} ${version}, ${threads} thread(s)`, options, await work())
    }
    case 'jax': {
      const jax = (await loaded('@jax-js/jax')) as Jax
      return jaxPeer(jax, 'wasm', version, workload.kernel!, store, asked)
    }
  }
}

let peer: Peer | undefined
const answer = async (question: Question): Promise<unknown> => {
  switch (question.do) {
    case 'prepare':
      peer = await make()
      return peer.description
    case 'repeat':
      return peer!.repeat()
    case 'result':
      await writeFile(question.path, new Uint8Array(peer!.result().slice().buffer))
      return undefined
    case 'roof': {
      softwareAdapter()
      return adapterRoof()
    }
    case 'facts':
      return peer!.facts?.()
  }
}

process.on('message', (question: Question) => {
  answer(question).then(
    (value) => process.send!({ value }),
    (error: unknown) => process.send!({ error: error instanceof Error ? error.message : String(error) }),
  )
})
