/** Relaxed SIMD in Node 20. */
import { hasRelaxedSimd } from '../../codegen/wasm/engine.ts'

/**
 * Switches on what V8 has behind a flag until 11.4, products and sums in one instruction: steps take a seventh less time. For programs that own
 * their process, as a library does not; before the first program is compiled. `setFlags` is `setFlagsFromString` of `node:v8`.
 */
export const relaxedSimd = (setFlags: (flags: string) => void): void => {
  if (!hasRelaxedSimd()) setFlags('--experimental-wasm-relaxed-simd')
}
