/** The middle of a UNet or an autoencoder: residual blocks with attention between them. */
import { listOf, record, when, type ParamsOf } from '../../params/codec.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Context } from './context.ts'
import { mixer, mixerOf, type MixerSpec } from './mixer.ts'
import { resnet, resnetOf, type ResnetSpec } from './resnet.ts'

/** Residual blocks, and after each but the last an attention, or none anywhere. */
export type MidSpec = { readonly resnets: readonly ResnetSpec[]; readonly attentions: readonly MixerSpec[] }

/** The parameters of the middle. */
export const midBlockOf = (b: MidSpec) =>
  record({
    resnets: listOf(b.resnets.map(resnetOf)),
    attentions: when(b.attentions.length > 0, () => listOf(b.attentions.map(mixerOf))),
  })

/** Residual, attention, residual, …: [N, C, H, W] → [N, C, H, W]. */
export const midBlock =
  (p: ParamsOf<typeof midBlockOf>, b: MidSpec, temb?: Tensor, context?: Context) =>
  (x: Tensor): Tensor =>
    b.resnets.reduce((h, spec, i) => {
      const y = resnet(p.resnets[i]!, spec, temb)(h)
      const attend = p.attentions?.[i]
      return attend === undefined ? y : mixer(attend, b.attentions[i]!, temb, context)(y)
    }, x)
