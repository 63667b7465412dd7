/** What the attentions of a block may see besides the pixels: a text, objects with places, and what to leave out. */
import type { Tensor } from '../../tensor/tensor.ts'

/** A biased attention is one whose scores get something added; all parts are optional. */
export type Context = {
  /** What cross-attention attends to, usually hidden states of a text encoder: [N, S, E]. */
  readonly states?: Tensor | undefined
  /** Added to the scores of the states, [N, 1, 1, S]. */
  readonly statesBias?: Tensor | undefined
  /** Added to the scores of the pixels among themselves, [N, 1, 1, H W]; where both are one attention, it goes before `statesBias`. */
  readonly bias?: Tensor | undefined
  /** Grounded objects, [N, K, E]. Li et al. 2023 (GLIGEN). */
  readonly objects?: Tensor | undefined
}

/** A mask (1 or true keeps, 0 discards) as what is added to attention scores, 0 or −10000: [N, S] → [N, 1, 1, S]. */
export const biasOf = (mask: Tensor): Tensor =>
  mask.to('f32').neg().add(1).mul(-10000).reshape(mask.shape[0]!, 1, 1, -1)
