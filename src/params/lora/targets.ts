/** The weights that a LoRA can change, under every name that files have for them. */
import { Tensor } from '../../tensor/tensor.ts'
import { leaves } from '../../tensor/tree.ts'

/** The models of a checkpoint that a LoRA can change. */
export const loraComponents = ['unet', 'text_encoder', 'text_encoder_2'] as const

/** One of them. */
export type LoraComponent = (typeof loraComponents)[number]

/** A weight, and its path among the parameters. */
export type Target = { readonly path: string; readonly weight: Tensor }

/** `down_blocks.0.resnets.1` → `down_blocks_0_resnets_1`: names with and without dots come to the same. */
export const flat = (path: string): string => path.replaceAll('.', '_')

/** Inside a residual block, and around the blocks: names of diffusers, and those of the original Stable Diffusion. */
const inBlock: readonly (readonly [RegExp, string])[] = [
  [/\.conv1$/, '.in_layers.2'],
  [/\.conv2$/, '.out_layers.3'],
  [/\.time_emb_proj$/, '.emb_layers.1'],
  [/\.conv_shortcut$/, '.skip_connection'],
]
const around: Readonly<Record<string, string>> = {
  conv_in: 'input_blocks.0.0',
  conv_out: 'out.2',
  'time_embedding.linear_1': 'time_embed.0',
  'time_embedding.linear_2': 'time_embed.2',
  'add_embedding.linear_1': 'label_emb.0.0',
  'add_embedding.linear_2': 'label_emb.0.2',
}

/**
 * The names of a module in the original UNet, by which LoRAs of SDXL go: there blocks are numbered through, `per` to a resolution, and hold
 * in order a residual block, a transformer and a sampler. Rombach et al. 2022, ldm/modules/diffusionmodules/openaimodel.py.
 */
const originalNames = (path: string, per: number): readonly string[] => {
  if (around[path] !== undefined) return [around[path]]
  const [, side, level, kind, index, rest] =
    /^(down|mid|up)_block(?:s\.(\d+))?\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)(\..+)$/.exec(path) ?? []
  if (side === undefined || rest === undefined) return []
  const [i, j] = [Number(level), Number(index)]
  const inner = kind === 'resnets' ? inBlock.reduce((name, [from, to]) => name.replace(from, to), rest) : rest
  if (side === 'mid') return [`middle_block.${kind === 'attentions' ? 1 : 2 * j}${inner}`]
  if (kind === 'downsamplers') return [`input_blocks.${(i + 1) * per}.0.op`]
  // After the residual block, and after the transformer where there is one.
  if (kind === 'upsamplers') return [1, 2].map((place) => `output_blocks.${(i + 1) * per - 1}.${place}${rest}`)
  const at = i * per + j + (side === 'down' ? 1 : 0)
  return [`${side === 'down' ? 'input' : 'output'}_blocks.${at}.${kind === 'attentions' ? 1 : 0}${inner}`]
}

/** Old names of attention's projections, in UNets and in text encoders, whose prefix comes and goes with the version of transformers. */
const namesOf = (path: string, component: LoraComponent, per: number): readonly string[] => {
  if (component === 'unet') return [path, path.replace(/\.to_out\.0$/, '.to_out'), ...originalNames(path, per)]
  const old = path.replace(/\.self_attn\.([qkv])_proj$/, '.self_attn.to_$1').replace(/\.out_proj$/, '.to_out')
  return [path, old].flatMap((name) => [name, name.replace(/^text_model\./, '')])
}

/** Every weight among parameters, by all of its module's names with `_` for `.`. */
export const targetsOf = (params: unknown, component: LoraComponent): ReadonlyMap<string, Target> => {
  const weights = leaves(params).flatMap(([path, weight]) =>
    weight instanceof Tensor && path.endsWith('.weight') ? [{ path, weight }] : [],
  )
  const first = weights.flatMap(({ path }) => /^down_blocks\.0\.resnets\.(\d+)\./.exec(path)?.[1] ?? [])
  const per = 2 + Math.max(0, ...first.map(Number)) // residual blocks, and the sampler
  return new Map(
    weights.flatMap((target) =>
      namesOf(target.path.slice(0, -'.weight'.length), component, per).map((name) => [flat(name), target] as const),
    ),
  )
}
