/** Objects with places: how a box and its phrase become a token, and how pixels attend to such tokens. Li et al. 2023 (GLIGEN). */
import { pipe } from 'fp-ts/lib/function.js'
import { ProgramError } from '../../errors.ts'
import { linearOf, normOf, record, tensorOf, when, type ParamsOf } from '../../params/codec.ts'
import { layerNorm, linear, silu } from '../../tensor/nn.ts'
import { concat, stack, tensor, type Tensor } from '../../tensor/tensor.ts'
import { multiHead, projectionsOf } from './attention.ts'
import { feedForward, feedForwardOf } from './feed-forward.ts'

/** Parameters of the gated attention: `features` of the pixels, `context` of the objects, `inner` inside the heads. */
export const gatedAttentionOf = (features: number, context: number, inner: number) =>
  record({
    linear: linearOf(context, features),
    attn: record(projectionsOf(features, inner, { bias: false })),
    ff: feedForwardOf(features),
    norm1: normOf(features),
    norm2: normOf(features),
    alpha_attn: tensorOf(),
    alpha_dense: tensorOf(),
  })

/** x + tanh(α) attention(norm [x, objects]), then + tanh(β) feedForward(norm x): [N, T, C] → [N, T, C]. Li et al. 2023, eq. 8. */
export const gatedAttention =
  (p: ParamsOf<typeof gatedAttentionOf>, headDim: number, objects: Tensor) =>
  (x: Tensor): Tensor => {
    const all = concat([x, linear(p.linear)(objects)], 1) // [N, T + K, C]
    const seen = pipe(all, layerNorm(p.norm1), multiHead(p.attn, { headDim })).slice(1, 0, x.shape[1]!)
    const y = x.add(p.alpha_attn.tanh().mul(seen))
    return y.add(p.alpha_dense.tanh().mul(pipe(y, layerNorm(p.norm2), feedForward(p.ff))))
  }

const bands = 8
const places = bands * 2 * 4 // a sine and a cosine of four coordinates

const layersOf = (inner: number, outer: number) =>
  record({ 0: linearOf(inner, 512), 2: linearOf(512, 512), 4: linearOf(512, outer) })

/** Parameters of the tokens: `features` of a phrase or a picture, `outer` of a token; `pictures` if those are told apart. */
export const groundingOf = (features: number, outer: number, pictures: boolean) => {
  const layers = () => layersOf(features + places, outer)
  const empty = () => tensorOf(features)
  return record({
    linears: when(!pictures, layers),
    null_positive_feature: when(!pictures, empty),
    linears_text: when(pictures, layers),
    linears_image: when(pictures, layers),
    null_text_feature: when(pictures, empty),
    null_image_feature: when(pictures, empty),
    null_position_feature: tensorOf(places),
  })
}

/** Objects of a picture: boxes [N, K, 4] in [0, 1], masks [N, K] (1 where there is an object), and what they are, [N, K, features]. */
export type Grounding = {
  readonly boxes: Tensor
  readonly masks: Tensor
  /** What the objects are, for models of attention type `gated`. */
  readonly phrases?: Tensor | undefined
  /** What they are and what they look like, each with its mask [N, K], for models of attention type `gated-text-image`. */
  readonly described?: {
    readonly phrases: Tensor
    readonly phrasesMasks: Tensor
    readonly images: Tensor
    readonly imagesMasks: Tensor
  }
}

/** sin and cos of 100^(i / 8) times every coordinate, [N, K, 4] → [N, K, 64]: band, then sine and cosine, then coordinate. */
const fourier = (boxes: Tensor): Tensor => {
  const [n, k] = boxes.shape as [number, number]
  const rates = tensor(Array.from({ length: bands }, (_, i) => 100 ** (i / bands))).reshape(1, 1, bands, 1)
  const angles = boxes.reshape(n, k, 1, 4).mul(rates) // [N, K, 8, 4]
  return stack([angles.sin(), angles.cos()], 3).reshape(n, k, places)
}

/** The tokens of objects: [N, K, outer], twice as many where phrases and pictures are told apart. Li et al. 2023, eq. 5. */
export const grounding =
  (p: ParamsOf<typeof groundingOf>) =>
  ({ boxes, masks, phrases, described }: Grounding): Tensor => {
    const orEmpty = (x: Tensor, mask: Tensor, empty: Tensor): Tensor => {
      const there = mask.to('f32').reshape(...mask.shape, 1)
      return x.mul(there).add(
        there
          .neg()
          .add(1)
          .mul(empty.reshape(1, 1, -1)),
      )
    }
    const place = orEmpty(fourier(boxes), masks, p.null_position_feature) // [N, K, 64]
    const token = (q: ParamsOf<typeof layersOf>, x: Tensor): Tensor =>
      pipe(concat([x, place], -1), linear(q[0]), silu, linear(q[2]), silu, linear(q[4]))
    if (p.linears !== undefined && phrases !== undefined)
      return token(p.linears, orEmpty(phrases, masks, p.null_positive_feature!))
    if (p.linears_text === undefined || described === undefined)
      throw new ProgramError('gligen: models of type gated take phrases, those of type gated-text-image take described')
    return concat(
      [
        token(p.linears_text, orEmpty(described.phrases, described.phrasesMasks, p.null_text_feature!)),
        token(p.linears_image!, orEmpty(described.images, described.imagesMasks, p.null_image_feature!)),
      ],
      1,
    )
  }
