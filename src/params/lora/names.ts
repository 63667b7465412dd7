/** The names of a LoRA's tensors, in the ways that trainers write them. */
import { flat, type LoraComponent } from './targets.ts'

/** What a tensor is to a module. */
export type Role = 'down' | 'up' | 'mid' | 'alpha' | 'magnitude' | 'unused'

/** A tensor of a LoRA: of which module of which model, and what it is there. `module` is the name in the file, `key` the path, flat. */
export type Named = {
  readonly component: LoraComponent
  readonly module: string
  readonly key: string
  readonly role: Role
}

/** kohya: `lora_down`; peft: `lora_A`, and perhaps the adapter's name; diffusers: `lora.down`, `to_q_lora.down`, `lora_linear_layer.down`. */
const factor =
  /^(.+?)(?:\.lora_(?<kohya>down|up|mid)|\.lora_(?<peft>[AB])(?:\.[^.]+)?|(?:[._]lora|\.lora_linear_layer)\.(?<diffusers>down|up))\.weight$/
const beside = /^(.+?)\.(alpha|dora_scale|lora_magnitude_vector)(?:\.[^.]+)*$/
const roles: Readonly<Record<string, Role>> = {
  alpha: 'alpha',
  A: 'down',
  B: 'up',
  lora_magnitude_vector: 'magnitude',
  // diffusers leaves it out, and says so: its axis depends on the trainer.
  dora_scale: 'unused',
}

const roleOf = (name: string): { readonly module: string; readonly role: Role } | undefined => {
  const found = factor.exec(name) ?? beside.exec(name)
  if (found === null) return undefined
  const { kohya, peft, diffusers } = found.groups ?? {}
  const role = kohya ?? diffusers ?? roles[peft ?? found[2]!]
  return { module: found[1]!, role: role as Role }
}

/** The prefixes of models, flat, and what they stand before. The bare names at the end are of files of a single model. */
const prefixes: readonly (readonly [RegExp, LoraComponent])[] = [
  [/^(lora_)?unet_/, 'unet'],
  [/^(lora_te2|text_encoder_2)_/, 'text_encoder_2'],
  [/^(lora_te1?|text_encoder)_/, 'text_encoder'],
  [/^(?=(down_blocks|mid_block|up_blocks|conv_in|conv_out|time_embedding|add_embedding)_)/, 'unet'],
  [/^(?=text_model_)/, 'text_encoder'],
]

/** What a tensor's name says; undefined for one that is none of a LoRA's. */
export const loraName = (name: string): Named | undefined => {
  const found = roleOf(name)
  if (found === undefined) return undefined
  const whole = flat(found.module.replace(/\bbase_model\.model\./, '').replaceAll('.processor.', '.'))
  const prefix = prefixes.find(([pattern]) => pattern.test(whole))
  return prefix && { ...found, component: prefix[1], key: whole.replace(prefix[0], '') }
}
