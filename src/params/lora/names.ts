/** The names of a LoRA's tensors, in the ways that trainers write them. */
import { flat, type LoraComponent } from './targets.ts'

/** What a tensor is to a module. */
export type Role = 'down' | 'up' | 'mid' | 'alpha' | 'magnitude'

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
const beside = /^(.+?)(?:\.(?<alpha>alpha)|\.dora_scale|\.lora_magnitude_vector(?:\.[^.]+)*)$/

const roleOf = (name: string): { readonly module: string; readonly role: Role } | undefined => {
  const found = factor.exec(name)
  if (found !== null) {
    const { kohya, peft, diffusers } = found.groups ?? {}
    return { module: found[1]!, role: (kohya ?? diffusers ?? (peft === 'A' ? 'down' : 'up')) as Role }
  }
  const other = beside.exec(name)
  return other === null
    ? undefined
    : { module: other[1]!, role: other.groups?.['alpha'] === undefined ? 'magnitude' : 'alpha' }
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
