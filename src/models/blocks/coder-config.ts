/** What configs of autoencoders say of their encoder and decoder. */
import type { Contradiction } from '../../core/config.ts'
import type { Activation } from './activation.ts'
import type { CoderOptions } from './coder-options.ts'

/** The fields that configs of autoencoders have in common. */
export type CoderConfig = {
  readonly in_channels: number
  readonly out_channels: number
  readonly latent_channels: number
  readonly down_block_types: readonly string[]
  readonly up_block_types: readonly string[]
  readonly block_out_channels: readonly number[]
  readonly layers_per_block: number
  readonly norm_num_groups: number
  readonly act_fn: Activation
  readonly mid_block_add_attention: boolean
}

/** The encoder and the decoder that a config calls for. */
export const coderOptions = (c: CoderConfig): { readonly down: CoderOptions; readonly up: CoderOptions } => {
  const common = {
    latent: c.latent_channels,
    channels: c.block_out_channels,
    layers: c.layers_per_block,
    groups: c.norm_num_groups,
    act: c.act_fn,
    midAttention: c.mid_block_add_attention,
  }
  const attends = (types: readonly string[]): boolean[] => types.map((type) => type.startsWith('Attn'))
  return {
    down: { ...common, image: c.in_channels, attends: attends(c.down_block_types) },
    up: { ...common, image: c.out_channels, attends: attends(c.up_block_types) },
  }
}

/** Fields that contradict each other: lists of different lengths, and norms whose groups do not divide the channels. */
export const coderContradictions = (c: CoderConfig): readonly Contradiction[] => {
  const levels = c.block_out_channels.length
  const counts = (['down_block_types', 'up_block_types'] as const)
    .filter((field) => c[field].length !== levels || levels === 0)
    .map((field) => ({ field, why: `names ${c[field].length} blocks for ${levels} block_out_channels` }))
  const uneven = c.block_out_channels.find((channels) => channels % c.norm_num_groups !== 0)
  const groups = `puts ${uneven} channels of a norm into groups that do not divide them`
  return uneven === undefined ? counts : [...counts, { field: 'norm_num_groups', why: groups }]
}
