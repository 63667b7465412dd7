/** Exits with 0 where this machine has a WebGPU adapter, and with 1 where it has none. */
import { adapter } from '../../src/backend/webgpu/adapter.ts'

process.exit((await adapter()).found ? 0 : 1)
