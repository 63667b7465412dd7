/** What a ControlNet adds to a UNet. */
import { ProgramError } from '../../errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** A summand for every state that the way up will join, and one for the middle. Zhang et al. 2023, section 3.2. */
export type Control = { readonly down: readonly Tensor[]; readonly mid: Tensor }

type States = readonly (Tensor | undefined)[]

/** States and their summands added up. A `ProgramError` when there are not as many of either, or the states are not kept. */
export const controlled = (states: States, { down }: Control): States => {
  if (states.length !== down.length)
    throw new ProgramError(`unet: control has ${down.length} tensors for ${states.length} states`)
  return states.map((s, i) => {
    if (s === undefined) throw new ProgramError('unet: this model has blocks that take no control')
    return s.add(down[i]!)
  })
}
