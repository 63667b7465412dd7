import { backendNames } from '../../src/backend/backend.ts'
import { agreementOn } from './agreement.ts'
import { everyRowOn } from './every-row.ts'

// On WebGPU spec/webgpu runs them, where there is an adapter.
for (const backend of backendNames.filter((b) => b !== 'webgpu')) {
  everyRowOn(backend)
  agreementOn(backend)
}
