/** WebGPU of our own: programs fused into few kernels, sent to the device in one piece. */
import type { Backend } from '../backend.ts'
import { webgpuCompilation } from './compilation.ts'
import { startDevice, type Device, type Limits } from './device.ts'
import { Prepared, type PrepareOptions } from './prepared.ts'

/** The backend, and the device that it is on at the moment. */
export type WebGpu = Backend & {
  /** The device; a lost one until the next run has replaced it. */
  readonly device: () => Device
  /** The device, a new one where it was lost. */
  readonly alive: () => Promise<Device>
}

/** How the backend is made. */
export type WebGpuOptions = PrepareOptions & { readonly limits?: Limits }

/** Starts the backend on this machine's adapter. Rejects with `DeviceError` where there is none. */
export const webgpu = async ({ limits, ...options }: WebGpuOptions = {}): Promise<WebGpu> => {
  let current = await startDevice(limits)
  let starting: Promise<Device> | undefined
  const alive = async (): Promise<Device> => {
    if (!current.lost) return current
    starting ??= startDevice(limits).finally(() => (starting = undefined))
    current = await starting
    return current
  }
  const devices = { current: () => current, alive }
  return {
    name: 'webgpu',
    get description() {
      return `WebGPU: ${current.description}`
    },
    prepare: (graph, { exact, tune } = {}) =>
      new Prepared(devices, graph, {
        ...options,
        ...(exact === undefined ? {} : { exact }),
        ...(tune === undefined ? {} : { tune }),
      }),
    compilation: (graph, { exact } = {}) =>
      webgpuCompilation(
        graph,
        current.capabilities,
        { ...options, ...(exact === undefined ? {} : { exact }) },
        current.cut.segment,
      ),
    memory: () => current.buffers.held,
    device: () => current,
    alive,
  }
}
