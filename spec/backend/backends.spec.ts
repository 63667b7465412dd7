import { backendNames } from '../../src/backend/backend.ts'
import { agreementOn } from './agreement.ts'
import { everyRowOn } from './every-row.ts'

// On WebGPU spec/webgpu runs them, where there is an adapter; on our own WebAssembly spec/codegen does.
for (const backend of backendNames.filter((b) => !b.endsWith('webgpu') && b !== 'wasm')) {
  everyRowOn(backend)
  agreementOn(backend)
}
