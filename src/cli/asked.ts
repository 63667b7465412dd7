/** What is asked of a checkpoint, and whether it can be meant. */
import type { Checkpoint } from './checkpoint.ts'
import type { TextOptions } from './text-options.ts'

const flags: Readonly<Record<keyof TextOptions, string>> = {
  negative: '--negative',
  guidance: '--guidance',
  image: '--image',
  mask: '--mask',
  strength: '--strength',
  size: '--size',
  clipSkip: '--clip-skip',
  lora: '--lora',
}

/** What of a prompt and options contradicts the checkpoint or itself, in one line; undefined when all is well. */
export const contradiction = (
  { kind, className }: Pick<Checkpoint, 'kind' | 'className'>,
  prompt: string | undefined,
  options: TextOptions,
): string | undefined => {
  const given = (Object.keys(flags) as (keyof TextOptions)[]).filter((key) => options[key] !== undefined)
  if (kind === 'unconditional') {
    if (prompt !== undefined) return `prompt '${prompt}': this checkpoint, a ${className}, draws without one`
    if (given.length > 0)
      return `${given.map((key) => flags[key]).join(', ')}: is for checkpoints that draw from a prompt; this is a ${className}`
    return undefined
  }
  if (prompt === undefined)
    return `prompt: is missing; this checkpoint, a ${className}, draws from one: draw CHECKPOINT "a tiger face"`
  if (options.image === undefined)
    for (const key of ['mask', 'strength'] as const)
      if (options[key] !== undefined) return `${flags[key]}: is for a picture to start from, --image`
  return undefined
}
