/** transformers' T5EncoderModel: the encoder of T5, of T5 v1.1 and of Flan-T5. */
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { consistent, defaulted, integer, nullable, oneOf, type Contradiction } from '../core/config.ts'
import { ShapeError } from '../errors.ts'
import type { Architecture, Model } from '../params/architecture.ts'
import { linearOf, listOf, record, tensorOf, when, type ParamsOf } from '../params/codec.ts'
import { attention, embedding, linear, rmsNorm } from '../tensor/nn.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { hiddenActivation, type HiddenActivation } from './blocks/hidden-activation.ts'
import { withInertKeys } from './blocks/inert-keys.ts'
import { relativeBuckets } from './blocks/relative-position.ts'
import { paddingMask } from './blocks/token-mask.ts'

/** The activations of the feed-forward layers; a gated gelu is the one by tanh, a plain one is exact. */
const activations = {
  relu: 'relu',
  gelu: 'gelu',
  gelu_new: 'gelu_new',
  silu: 'silu',
  'gated-relu': 'relu',
  'gated-gelu': 'gelu_new',
  'gated-gelu_new': 'gelu_new',
  'gated-silu': 'silu',
} as const satisfies Record<string, HiddenActivation>

const fields = t.type({
  vocab_size: defaulted(integer(1), 32128),
  d_model: defaulted(integer(1), 512),
  d_kv: defaulted(integer(1), 64),
  d_ff: defaulted(integer(1), 2048),
  num_layers: defaulted(integer(1), 6),
  num_heads: defaulted(integer(1), 8),
  relative_attention_num_buckets: defaulted(integer(4), 32),
  relative_attention_max_distance: defaulted(integer(2), 128),
  layer_norm_epsilon: defaulted(t.number, 1e-6),
  feed_forward_proj: defaulted(
    oneOf('relu', 'gelu', 'gelu_new', 'silu', 'gated-relu', 'gated-gelu', 'gated-gelu_new', 'gated-silu'),
    'relu',
  ),
  dense_act_fn: defaulted(nullable(t.string), null),
  is_gated_act: defaulted(nullable(t.boolean), null),
})

/** The config of a T5 encoder, under the original's names and with its defaults. */
export type T5Config = Readonly<t.TypeOf<typeof fields>>

const plainOf = (inner: number, out: number) => linearOf(inner, out, { bias: false })
const normOf = (channels: number) => record({ weight: tensorOf(channels) })

const blockOf = (c: T5Config, first: boolean) => {
  const [width, inner] = [c.d_model, c.num_heads * c.d_kv]
  const gated = c.feed_forward_proj.startsWith('gated-')
  const projections = { q: plainOf(width, inner), k: plainOf(width, inner), v: plainOf(width, inner) }
  return record({
    layer: record({
      0: record({
        SelfAttention: record({
          ...projections,
          o: plainOf(inner, width),
          relative_attention_bias: when(first, () =>
            record({ weight: tensorOf(c.relative_attention_num_buckets, c.num_heads) }),
          ),
        }),
        layer_norm: normOf(width),
      }),
      1: record({
        DenseReluDense: record({
          wi: when(!gated, () => plainOf(width, c.d_ff)),
          wi_0: when(gated, () => plainOf(width, c.d_ff)),
          wi_1: when(gated, () => plainOf(width, c.d_ff)),
          wo: plainOf(c.d_ff, width),
        }),
        layer_norm: normOf(width),
      }),
    }),
  })
}

const params = (c: T5Config) =>
  record({
    shared: record({ weight: tensorOf(c.vocab_size, c.d_model) }),
    encoder: record({
      block: listOf(Array.from({ length: c.num_layers }, (_, i) => blockOf(c, i === 0))),
      final_layer_norm: normOf(c.d_model),
    }),
  })

/** The parameters of a T5 encoder, under the checkpoint's names. */
export type T5Params = ParamsOf<typeof params>

/** Half of the buckets are for either direction, half of those for single distances, which must leave some for the far ones. */
const buckets = (c: T5Config): readonly Contradiction[] => {
  const near = Math.floor(Math.floor(c.relative_attention_num_buckets / 2) / 2)
  if (c.relative_attention_max_distance > near) return []
  return [
    { field: 'relative_attention_max_distance', why: `is not beyond the ${near} distances with their own bucket` },
  ]
}

/** transformers writes what it derives from feed_forward_proj beside it. */
const derived = (c: T5Config): readonly Contradiction[] => {
  const [act, gated] = [activations[c.feed_forward_proj], c.feed_forward_proj.startsWith('gated-')]
  const why = `contradicts the ${c.feed_forward_proj} of feed_forward_proj`
  return [
    ...(c.dense_act_fn === null || c.dense_act_fn === act ? [] : [{ field: 'dense_act_fn', why, allowed: [act] }]),
    ...(c.is_gated_act === null || c.is_gated_act === gated
      ? []
      : [{ field: 'is_gated_act', why, allowed: [`${gated}`] }]),
  ]
}

const contradictions = (c: T5Config): readonly Contradiction[] => [...buckets(c), ...derived(c)]

/** What a loader needs to know of T5EncoderModel: its config, the parameters that a config calls for, and their other names. */
export const T5EncoderModel: Architecture<T5Config, T5Params> = {
  className: 'T5EncoderModel',
  config: withInertKeys(consistent(fields, contradictions)),
  params,
  rename: (name) => (name === 'encoder.embed_tokens.weight' ? 'shared.weight' : name),
}

type Block = T5Params['encoder']['block'][number]

const attend =
  (p: Block['layer'][0]['SelfAttention'], c: T5Config, bias: Tensor) =>
  (x: Tensor): Tensor => {
    const [count, length] = x.shape as [number, number]
    const heads = (y: Tensor): Tensor => y.reshape(count, length, c.num_heads, c.d_kv).permute(0, 2, 1, 3) // [N, heads, T, D]
    const [q, k, v] = [p.q, p.k, p.v].map((w) => pipe(x, linear(w), heads)) as [Tensor, Tensor, Tensor]
    const y = attention(q, k, v, { mask: bias, scale: 1 })
    return pipe(y.permute(0, 2, 1, 3).reshape(count, length, c.num_heads * c.d_kv), linear(p.o)) // [N, T, C]
  }

const feedForward =
  (p: Block['layer'][1]['DenseReluDense'], c: T5Config) =>
  (x: Tensor): Tensor => {
    const act = hiddenActivation(activations[c.feed_forward_proj])
    const wide = p.wi !== undefined ? pipe(x, linear(p.wi), act) : pipe(x, linear(p.wi_0!), act).mul(linear(p.wi_1!)(x))
    return linear(p.wo)(wide)
  }

/** What the encoder makes of N texts of T tokens. */
export type EncodedT5 = {
  /** After the last block and the final norm: [N, T, C]. */
  readonly lastHiddenState: Tensor
  /** The embeddings, the output of every block but the last, and the last hidden state: [N, T, C] each. */
  readonly hiddenStates: readonly Tensor[]
}

/**
 * T5's encoder: token ids [N, T] (i32) and a mask [N, T], zero for padding, → hidden states. Scores are not scaled, and get a bias by head and
 * distance, which every block shares. Raffel et al. 2020, section 2.1; the gated feed-forward layers are Shazeer 2020, eq. 6.
 */
export const t5Encoder = ({ config: c, params: p }: Model<T5Config, T5Params>) => {
  const [eps, blocks] = [c.layer_norm_epsilon, p.encoder.block]
  return (ids: Tensor, { mask }: { readonly mask?: Tensor | undefined } = {}): EncodedT5 => {
    if (ids.shape.length !== 2) throw new ShapeError('t5Encoder', [ids.shape], 'is not [texts, tokens]')
    const near = relativeBuckets(ids.shape[1]!, {
      buckets: c.relative_attention_num_buckets,
      maxDistance: c.relative_attention_max_distance,
    }) // [T, T]
    const byHead = embedding(blocks[0]!.layer[0].SelfAttention.relative_attention_bias!)(near) // [T, T, heads]
    const distance = byHead.permute(2, 0, 1).reshape(1, c.num_heads, ...near.shape)
    const padding = paddingMask(ids, mask)
    const bias = padding === undefined ? distance : distance.add(padding) // [1 or N, heads, T, T]
    const states = blocks.reduce<readonly Tensor[]>(
      (before, { layer }) => {
        const x = before.at(-1)!
        const attended = pipe(x, rmsNorm(layer[0].layer_norm, { eps }), attend(layer[0].SelfAttention, c, bias)).add(x)
        const fed = pipe(attended, rmsNorm(layer[1].layer_norm, { eps }), feedForward(layer[1].DenseReluDense, c))
        return [...before, attended.add(fed)]
      },
      [embedding(p.shared)(ids)],
    )
    const lastHiddenState = rmsNorm(p.encoder.final_layer_norm, { eps })(states.at(-1)!)
    return { lastHiddenState, hiddenStates: [...states.slice(0, -1), lastHiddenState] }
  }
}
