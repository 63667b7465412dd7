/** Our WebGPU on a software adapter: what every spec of it starts with. */
import { describe } from 'vitest'
import { backend } from '../../src/backend/select.ts'
import type { WebGpu } from '../../src/backend/webgpu/webgpu.ts'
import { softwareAdapter } from '../support/software-adapter.ts'

const missing = softwareAdapter()

/** For `compile`: run it there. */
export const on = { backend: 'webgpu' } as const

/** The backend. */
export const started = async (): Promise<WebGpu> => (await backend('webgpu')) as WebGpu

/** Declares specs that need an adapter. */
export const describeWebgpu = (name: string, specs: () => void): void => {
  describe.skipIf(missing !== undefined)(`${name}${missing === undefined ? '' : ` (${missing})`}`, specs)
}

/** Waits until what was disposed is gone: it waits its turn. */
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((done) => setImmediate(done))
}
