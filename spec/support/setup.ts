/** Every run of the specs generates the same cases, unless DIFFOLD_SEED names others. */
import fc from 'fast-check'

fc.configureGlobal({ seed: Number(process.env['DIFFOLD_SEED'] ?? 20_261_123) })
