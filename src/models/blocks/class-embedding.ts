/** What a UNet knows of classes: a row of a table, or layers on a vector, on a number, or on nothing. */
import { linearOf, NoneCodec, record, tensorOf, type ParamsOf } from '../../params/codec.ts'
import { embedding, linear, type Embedding, type Linear } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Activation } from './activation.ts'
import { timestepEmbedding, timestepEmbeddingOf, type TimestepEmbedding } from './time-embedding.ts'

/** How labels become an embedding. */
export type ClassSpec =
  | { readonly _tag: 'None' }
  /** Labels are integers [N], rows of a table. */
  | { readonly _tag: 'Table'; readonly rows: number }
  /** Labels are numbers [N], embedded as timesteps are, of which there are so many waves. */
  | { readonly _tag: 'Timestep'; readonly waves: number; readonly act: Activation }
  /** Labels are embeddings [N, features] already. */
  | { readonly _tag: 'Identity' }
  /** Labels are vectors [N, inner], and go through two layers. */
  | { readonly _tag: 'Projection'; readonly inner: number }
  /** Labels are vectors [N, inner], and go through one layer. */
  | { readonly _tag: 'Linear'; readonly inner: number }

/** The parameters of an embedding of so many features, if it has any. */
export const classEmbeddingOf = (b: ClassSpec, features: number) => {
  switch (b._tag) {
    case 'None':
    case 'Identity':
      return new NoneCodec()
    case 'Table':
      return record({ weight: tensorOf(b.rows, features) })
    case 'Timestep':
      return timestepEmbeddingOf(b.waves, features)
    case 'Projection':
      return timestepEmbeddingOf(b.inner, features)
    case 'Linear':
      return linearOf(b.inner, features)
  }
}

/** Parameters of the embedding, under the checkpoint's names. */
export type ClassEmbedding = ParamsOf<typeof classEmbeddingOf>

/** Labels as an embedding: [N] or [N, inner] → [N, features]. `waves` are those of the model's timesteps. */
export const classEmbedding =
  (p: ClassEmbedding, b: ClassSpec, waves: (t: Tensor) => Tensor) =>
  (labels: Tensor): Tensor => {
    switch (b._tag) {
      case 'None':
      case 'Identity':
        return labels
      case 'Table':
        return embedding(p as Embedding)(labels.reshape(-1).to('i32'))
      case 'Timestep':
        return timestepEmbedding(p as TimestepEmbedding, b)(waves(labels.reshape(-1).to('f32')))
      case 'Projection':
        return timestepEmbedding(p as TimestepEmbedding)(labels)
      case 'Linear':
        return linear(p as Linear)(labels)
    }
  }
