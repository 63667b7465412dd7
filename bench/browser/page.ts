/** A peer in a page: told what to be by the page's address, and what to do by calls of `answer`. */
import { backendName, http } from 'diffold'
import { diffoldPeer } from '../peers/diffold.ts'
import { jaxPeer, type Jax } from '../peers/jax.ts'
import { onnxPeer, type Onnxruntime } from '../peers/onnx.ts'
import type { Peer } from '../peers/peer.ts'
import { adapterRoof } from '../peers/roof.ts'
import type { Answer, Asked, Question } from '../peers/protocol.ts'
import { workloads } from '../workloads/catalogue.ts'
import type { Store } from '../workloads/work.ts'

const asked = JSON.parse(new URLSearchParams(location.search).get('asked')!) as Asked
const workload = workloads.find((w) => w.id === asked.workload)!
const at = (path: string): string => new URL(path, location.origin).href

const store: Store = {
  floats: async (name) => new Float32Array(await (await fetch(at(`/cache/${name}.f32`))).arrayBuffer()),
  checkpoint: (name) => http(at(`/checkpoints/${name}`)),
}

const make = async (): Promise<Peer> => {
  const work = () => workload.make(store, asked)
  switch (asked.runtime) {
    case 'diffold':
      return diffoldPeer(backendName(asked.backend), await work())
    case 'onnxruntime': {
      // @ts-ignore: bench's packages are there only where it has been run
      const ort = (await import('onnxruntime-web/webgpu')) as Onnxruntime & {
        readonly env: { logLevel?: string; readonly wasm: { wasmPaths?: string; numThreads?: number } }
      }
      ort.env.logLevel = 'error'
      ort.env.wasm.wasmPaths = at('/ort/')
      ort.env.wasm.numThreads = 1
      return onnxPeer(ort, `onnxruntime-web ${asked.version}, webgpu`, { executionProviders: ['webgpu'] }, await work())
    }
    case 'jax': {
      // @ts-ignore: as above
      const jax = (await import('@jax-js/jax')) as unknown as Jax
      return jaxPeer(jax, 'webgpu', asked.version, workload.kernel!, store, asked)
    }
  }
}

const toBase64 = (values: Float32Array): string => {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  let text = ''
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000))
  return btoa(text)
}

let peer: Peer | undefined
const value = async (question: Question): Promise<unknown> => {
  switch (question.do) {
    case 'prepare':
      peer = await make()
      return peer.description
    case 'repeat':
      return peer!.repeat()
    case 'result':
      return toBase64(peer!.result())
    case 'roof':
      return adapterRoof()
    case 'facts':
      return peer!.facts?.()
  }
}

const answer = (question: Question): Promise<Answer> =>
  value(question).then(
    (v) => ({ value: v }),
    (error: unknown) => ({ error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }),
  )
Object.assign(window, { answer })
