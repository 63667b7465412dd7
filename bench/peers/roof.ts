/** The roof of the adapter that our backend would use here. */
import { backend } from 'diffold'
import type { WebGpu } from '../../src/backend/webgpu/webgpu.ts'
import { webgpuRoof } from '../roofs/webgpu.ts'

/** Its rates, and its name. */
export const adapterRoof = async () => {
  const on = (await backend('webgpu')) as WebGpu
  return { ...(await webgpuRoof(on.device().gpu)), adapter: on.description }
}
