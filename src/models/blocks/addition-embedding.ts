/** What is added to the time embedding: a pooled text, a picture's embedding, the sizes of SDXL. */
import { pipe } from 'fp-ts/lib/function.js'
import { convOf, linearOf, normOf, record, tensorOf, type ParamsOf } from '../../params/codec.ts'
import { attention, conv2d, layerNorm, linear, silu, type Conv2d } from '../../tensor/nn.ts'
import { concat, type Tensor } from '../../tensor/tensor.ts'
import { fromHeads, intoHeads } from './attention.ts'
import { timestepEmbedding, timestepEmbeddingOf } from './time-embedding.ts'
import { wanted } from './wanted.ts'

/** Which of the five: `text`, `image` are the features of a text's states and of a picture's embedding. */
export type AdditionSpec =
  | { readonly type: 'text'; readonly text: number }
  | { readonly type: 'text_image'; readonly text: number; readonly image: number }
  | { readonly type: 'text_time'; readonly inner: number }
  | { readonly type: 'image' | 'image_hint'; readonly image: number }

const pictureOf = (image: number, features: number) => ({
  image_proj: linearOf(image, features),
  image_norm: normOf(features),
})

/** The parameters of an embedding of so many features. */
export const additionEmbeddingOf = (b: AdditionSpec, features: number) => {
  switch (b.type) {
    case 'text': {
      const own = linearOf(b.text, b.text)
      return record({
        norm1: normOf(b.text),
        pool: record({ positional_embedding: tensorOf(1, b.text), k_proj: own, q_proj: own, v_proj: own }),
        proj: linearOf(b.text, features),
        norm2: normOf(features),
      })
    }
    case 'text_image':
      return record({
        text_proj: linearOf(b.text, features),
        text_norm: normOf(features),
        image_proj: linearOf(b.image, features),
      })
    case 'text_time':
      return timestepEmbeddingOf(b.inner, features)
    case 'image':
      return record(pictureOf(b.image, features))
    case 'image_hint':
      return record({ ...pictureOf(b.image, features), input_hint_block: hintOf() })
  }
}

/** Parameters of an embedding, under the checkpoint's names. */
export type AdditionEmbedding = ParamsOf<typeof additionEmbeddingOf>

/** Conditions besides the text's states; which of them a model takes, its `addition_embed_type` and `encoder_hid_dim_type` say. */
export type Added = {
  /** The pooled embedding of the text, [N, features]. */
  readonly textEmbeds?: Tensor | undefined
  /** Sizes of the original, the crop and the target, [N, 6]. Podell et al. 2023, section 2.2. */
  readonly timeIds?: Tensor | undefined
  /** The embedding of a picture, [N, features]. */
  readonly imageEmbeds?: Tensor | undefined
  /** A picture to follow, [N, 3, 8 H, 8 W]. */
  readonly hint?: Tensor | undefined
}

/** What is added to the time embedding, [N, features]. `waves` are of the `timeIds`. A `ProgramError` names what is not there. */
export const additionEmbedding = (
  p: AdditionEmbedding,
  heads: number,
  waves: (t: Tensor) => Tensor,
  states: Tensor | undefined,
  { textEmbeds, timeIds, imageEmbeds }: Added = {},
): Tensor => {
  if ('pool' in p) {
    const text = layerNorm(p.norm1)(wanted('encoderHiddenStates', states))
    return pipe(pooled(p.pool, heads)(text), linear(p.proj), layerNorm(p.norm2))
  }
  if ('linear_1' in p) {
    const text = wanted('added.textEmbeds', textEmbeds)
    const times = waves(wanted('added.timeIds', timeIds).reshape(-1).to('f32')).reshape(text.shape[0]!, -1)
    return timestepEmbedding(p)(concat([text, times], 1))
  }
  const picture = linear(p.image_proj)(wanted('added.imageEmbeds', imageEmbeds))
  if ('image_norm' in p) return layerNorm(p.image_norm)(picture)
  const text = wanted('added.textEmbeds', textEmbeds ?? states)
  return picture.add(pipe(text, linear(p.text_proj), layerNorm(p.text_norm)))
}

type Pool = Extract<AdditionEmbedding, { readonly pool: unknown }>['pool']

/** Attention of the mean token, moved a little, to itself and all tokens: [N, S, E] → [N, E]. Radford et al. 2021, section 2.4. */
const pooled =
  (p: Pool, heads: number) =>
  (x: Tensor): Tensor => {
    const [n, , e] = x.shape as [number, number, number]
    const middle = x.mean(1).add(p.positional_embedding.reshape(1, 1, e)) // [N, 1, E]
    const all = concat([middle, x], 1)
    const split = intoHeads(e / heads)
    return pipe(
      attention(
        pipe(middle, linear(p.q_proj), split),
        pipe(all, linear(p.k_proj), split),
        pipe(all, linear(p.v_proj), split),
      ),
      fromHeads,
    ).reshape(n, e)
  }

const hintOf = () =>
  record({
    0: convOf(3, 16, 3),
    2: convOf(16, 16, 3),
    4: convOf(16, 32, 3),
    6: convOf(32, 32, 3),
    8: convOf(32, 96, 3),
    10: convOf(96, 96, 3),
    12: convOf(96, 256, 3),
    14: convOf(256, 4, 3),
  })

/** A picture at the size of the latents, to go in beside them: [N, 3, 8 H, 8 W] → [N, 4, H, W]. */
export const hintEmbedding =
  (p: ParamsOf<typeof hintOf>) =>
  (x: Tensor): Tensor => {
    const keep = (q: Conv2d) => (h: Tensor) => silu(conv2d(q, { padding: 1 })(h))
    const halve = (q: Conv2d) => (h: Tensor) => silu(conv2d(q, { padding: 1, stride: 2 })(h))
    const half = pipe(x, keep(p[0]), keep(p[2]), halve(p[4])) // [N, 32, 4 H, 4 W]
    return pipe(half, keep(p[6]), halve(p[8]), keep(p[10]), halve(p[12]), conv2d(p[14], { padding: 1 }))
  }
