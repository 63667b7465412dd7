/** Normalisations: a slab's mean and deviation, and what they make of its elements. */
import { ProgramError } from '../../errors.ts'
import type { MomentsKernel, NormaliseKernel } from '../kernel.ts'
import type { Emitted } from './map.ts'
import type { Code } from './op.ts'

/** The code of a normalisation; a part is a slab. */
export const emitNormalise = (_k: NormaliseKernel, _operand: (i: number) => Code): Emitted => {
  throw new ProgramError('wasm: no normalisation in one kernel yet')
}

/** The code of the scale and shift of channels; a part is a slab. */
export const emitMoments = (_k: MomentsKernel, _operand: (i: number) => Code): Emitted => {
  throw new ProgramError('wasm: no scale and shift of channels yet')
}
