/** What the config of a UNet2DConditionModel cannot say at once. */
import type { Contradiction } from '../core/config.ts'
import { attentionsOf, hasEmptyBlock, narrowAttention, timedNorms, unevenNorm } from './blocks/block-rules.ts'
import type { BlockConfig, Plan } from './unet2d-condition-config.ts'

type Rule = (c: BlockConfig, plan: Plan) => readonly Contradiction[]
type Field = keyof BlockConfig & string

const lists: readonly Field[] = [
  'down_block_types',
  'up_block_types',
  'only_cross_attention',
  'layers_per_block',
  'cross_attention_dim',
  'transformer_layers_per_block',
  'reverse_transformer_layers_per_block',
  'attention_head_dim',
  'num_attention_heads',
]

const oneEach = (c: BlockConfig): readonly Contradiction[] => {
  const levels = c.block_out_channels.length
  return lists.flatMap((field) => {
    const value = c[field]
    if (!Array.isArray(value) || (value.length === levels && levels > 0)) return []
    return [{ field, why: `names ${value.length} blocks for ${levels} block_out_channels` }]
  })
}

/** Transformers of either direction have a depth after every residual block. */
const depths = (c: BlockConfig): readonly Contradiction[] => {
  const field = 'transformer_layers_per_block'
  const all = c[field]
  const nested = Array.isArray(all) && all.some((n) => Array.isArray(n))
  if (nested && c.reverse_transformer_layers_per_block === null)
    return [
      { field, why: 'differs within a block, so reverse_transformer_layers_per_block must say what the way up has' },
    ]
  return []
}

const needs = (field: Field, other: Field, wanted: boolean, c: BlockConfig): readonly Contradiction[] =>
  wanted && c[other] === null ? [{ field, why: `wants ${other}` }] : []

const widths: Rule = (c) => {
  const projects = c.class_embed_type === 'projection' || c.class_embed_type === 'simple_projection'
  const sizes = c.addition_embed_type === 'text_time'
  const pictures = c.addition_embed_type === 'image' || c.addition_embed_type === 'image_hint'
  return [
    ...needs('class_embed_type', 'projection_class_embeddings_input_dim', projects, c),
    ...needs('addition_embed_type', 'projection_class_embeddings_input_dim', sizes, c),
    ...needs('addition_embed_type', 'addition_time_embed_dim', sizes, c),
    ...needs('addition_embed_type', 'encoder_hid_dim', pictures, c),
    ...needs('encoder_hid_dim_type', 'encoder_hid_dim', c.encoder_hid_dim_type !== null, c),
  ]
}

const oneText: Rule = (c, { projection, addition }) => {
  const { cross_attention_dim: all } = c
  const several = Array.isArray(all) && new Set(all).size > 1
  const one =
    projection !== undefined || (addition !== undefined && 'text' in addition) || c.attention_type !== 'default'
  const why = 'differs from block to block, but there is one text for all of them'
  return several && one ? [{ field: 'cross_attention_dim', why }] : []
}

const concatenation: Rule = (c, { classes, addition }) => {
  const field = 'class_embeddings_concat'
  if (!c[field]) return []
  if (classes._tag === 'None') return [{ field, why: 'wants a class_embed_type or num_class_embeds' }]
  return addition === undefined ? [] : [{ field, why: 'cannot be with an addition_embed_type' }]
}

const evenWaves: Rule = (c, { waves }) =>
  c.time_embedding_type === 'fourier' && waves % 2 !== 0
    ? [{ field: 'time_embedding_dim', why: 'is odd, but of a sine and a cosine each' }]
    : []

const evenNorms: Rule = (c, plan) => {
  const out = c.norm_num_groups === null ? [] : [[plan.first, c.norm_num_groups] as const]
  const uneven = unevenNorm(plan, ...out)
  if (uneven === undefined) return []
  const [channels, groups] = uneven
  const field = groups === (c.norm_num_groups ?? 0) ? 'norm_num_groups' : 'block_out_channels'
  return [{ field, why: `puts ${channels} channels of a norm into ${groups} groups, which do not divide them` }]
}

const heads: Rule = (c, plan) => {
  const field = 'attention_head_dim'
  const narrow = narrowAttention(plan)
  if (narrow !== undefined) return [{ field, why: `is more than the ${narrow.channels} channels of a block` }]
  const added = attentionsOf(plan).flatMap((a) => ('added' in a ? [a] : []))
  const ragged = added.find((a) => a.channels % a.headDim !== 0)
  if (ragged !== undefined)
    return [{ field, why: `does not divide the ${ragged.channels} channels of a SimpleCrossAttn block` }]
  const norm = c.cross_attention_norm
  const unfit = added.find((a) =>
    norm === 'layer_norm' ? a.added !== a.channels : norm !== null && a.added % 32 !== 0,
  )
  if (unfit === undefined) return []
  const why = norm === 'layer_norm' ? `is not that of a block's ${unfit.channels} channels` : 'is no multiple of 32'
  return [{ field: 'cross_attention_norm', why: `cannot be: cross_attention_dim ${unfit.added} ${why}` }]
}

const pooling: Rule = (c, { addition }) =>
  addition?.type === 'text' && addition.text % c.addition_embed_type_num_heads !== 0
    ? [{ field: 'addition_embed_type_num_heads', why: `does not divide the ${addition.text} features of the text` }]
    : []

const enoughDepths: Rule = (_, plan) =>
  attentionsOf(plan).some((a) => 'depth' in a && Number.isNaN(a.depth))
    ? [{ field: 'transformer_layers_per_block', why: 'has a list that is shorter than the layers of its block' }]
    : []

const emptyBlocks: Rule = (_, plan) =>
  hasEmptyBlock(plan)
    ? [{ field: 'layers_per_block', why: 'leaves KUpBlock2D or KCrossAttnUpBlock2D without a layer' }]
    : []

const rules: readonly Rule[] = [
  widths,
  oneText,
  concatenation,
  evenWaves,
  timedNorms,
  emptyBlocks,
  enoughDepths,
  evenNorms,
  heads,
  pooling,
]

/** Every disagreement between the fields of a config, whose blocks `planOf` makes. */
export const contradictions = (c: BlockConfig, planOf: (c: BlockConfig) => Plan): readonly Contradiction[] => {
  const counts = [...oneEach(c), ...depths(c)]
  if (counts.length > 0) return counts
  const plan = planOf(c)
  return rules.flatMap((rule) => rule(c, plan))
}
