/** Inputs that only some models take. */
import { ProgramError } from '../../errors.ts'

/** An input that this model cannot do without: a `ProgramError` names it when it is not there. */
export const wanted = <A>(name: string, input: A | undefined): A => {
  if (input === undefined) throw new ProgramError(`unet: this model wants ${name}`)
  return input
}
