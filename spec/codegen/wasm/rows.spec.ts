import { agreementOn } from '../../backend/agreement.ts'
import { everyRowOn } from '../../backend/every-row.ts'

everyRowOn('wasm')
agreementOn('wasm')
