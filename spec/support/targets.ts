/** The targets that passes are held to: what adapters differ in among them. */
import { wasmTarget, webgpuTarget, winogradSize, type Target } from '../../src/passes/target.ts'

const limits = { maxStorageBuffers: 8, maxBinding: 2 ** 27 }

/** A GPU with the least that WebGPU grants, of which no convolution is done by Winograd's algorithm. */
export const gpuTarget: Target = webgpuTarget(limits)

/** By name: WebAssembly, a GPU, and a software adapter, with Winograd's algorithm wherever it can be. */
export const targets: readonly { readonly name: string; readonly target: Target }[] = [
  { name: 'WebAssembly', target: wasmTarget },
  { name: 'a GPU', target: gpuTarget },
  { name: 'a software adapter', target: webgpuTarget({ ...limits, adapter: 'lavapipe', winograd: winogradSize }) },
]
