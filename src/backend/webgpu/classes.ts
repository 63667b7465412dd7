/** Adapters that need not be there: what the kinds of them can be counted on for, so that code is written for them anywhere. */
import type { Capabilities } from '../../codegen/wgsl/shader.ts'
import type { AdapterClass } from './adapter.ts'

const least: Capabilities = {
  subgroups: false,
  subgroupSize: 0,
  f16: false,
  maxInvocations: 256,
  maxWorkgroupStorage: 16384,
  maxStorageBuffers: 8,
  maxBinding: 2 ** 27,
  adapter: 'gpu',
}

/** A GPU with the least that WebGPU grants, and the two software adapters as they are in Dawn. */
export const capabilitiesOfClass: Readonly<Record<AdapterClass, Capabilities>> = {
  gpu: least,
  lavapipe: {
    ...least,
    subgroups: true,
    subgroupSize: 8,
    f16: true,
    maxInvocations: 1024,
    maxWorkgroupStorage: 32768,
    maxStorageBuffers: 16,
    adapter: 'lavapipe',
  },
  swiftshader: {
    ...least,
    subgroups: true,
    subgroupSize: 4,
    maxWorkgroupStorage: 32768,
    maxStorageBuffers: 12,
    maxBinding: 2 ** 30,
    adapter: 'swiftshader',
  },
}
