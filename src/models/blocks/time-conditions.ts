/** What the residual blocks of a UNet with a text are told: the time, a class, and what is added to them. */
import { ProgramError, ShapeError } from '../../errors.ts'
import { concat, type Scalar, type Tensor } from '../../tensor/tensor.ts'
import type { Activation } from './activation.ts'
import { additionEmbedding, type Added, type AdditionEmbedding } from './addition-embedding.ts'
import { classEmbedding, type ClassEmbedding, type ClassSpec } from './class-embedding.ts'
import * as time from './time-embedding.ts'
import { wanted } from './wanted.ts'

/** Parameters of all that, under the checkpoint's names. */
export type TimeConditions = {
  readonly time_proj?: { readonly weight: Tensor } | undefined
  readonly time_embedding: time.TimestepEmbedding
  readonly class_embedding?: ClassEmbedding
  readonly add_embedding?: AdditionEmbedding | undefined
}

/** What it takes from a config: `first` are the channels of the first block. */
export type TimeConditionsSpec = {
  readonly first: number
  readonly classes: ClassSpec
  readonly act: Activation
  readonly postAct?: Activation | null
  readonly cosFirst: boolean
  readonly shift: number
  /** Waves of the sizes that SDXL is told. */
  readonly sizes: number | null
  readonly poolHeads: number
  /** Is the class set beside the time, and not added to it? */
  readonly beside?: boolean
}

/** What a model is told besides the sample. */
export type TimeInputs = {
  readonly sample: Tensor
  /** The timestep of all samples, or one for each, [N]. */
  readonly timestep: Scalar
  readonly encoderHiddenStates?: Tensor | undefined
  /** A class for each sample, [N], or what the model's `class_embed_type` takes instead, [N, features]. */
  readonly classLabels?: Tensor | undefined
  /** A condition of the timestep, such as the embedded guidance of a latent consistency model, [N, time_cond_proj_dim]. */
  readonly timestepCond?: Tensor | undefined
  readonly added?: Added | undefined
}

/** The embedding of the time and of all that goes with it, [N or 1, temb]. A `ProgramError` names what is missing or too much. */
export const timeConditions = (p: TimeConditions, b: TimeConditionsSpec) => {
  const layout = { cosFirst: b.cosFirst, shift: b.shift }
  const waves =
    p.time_proj === undefined
      ? time.sinusoids(b.first, layout)
      : time.gaussianFourier(p.time_proj, { log: false, cosFirst: b.cosFirst })
  const sizes = time.sinusoids(b.sizes ?? 0, layout)
  const withClass = (temb: Tensor, labels: Tensor | undefined): Tensor => {
    if (b.classes._tag === 'None') {
      if (labels === undefined) return temb
      throw new ProgramError('unet: this model knows no classes, so it takes no classLabels')
    }
    const label = classEmbedding(p.class_embedding, b.classes, waves)(wanted('classLabels', labels))
    return b.beside === true ? concat([temb.expand(label.shape[0]!, temb.shape[1]!), label], 1) : temb.add(label)
  }
  return ({ sample, timestep, encoderHiddenStates, classLabels, timestepCond, added }: TimeInputs): Tensor => {
    const steps = time.timestepsOf(timestep) // [1] or [N]
    if (steps.shape[0] !== 1 && steps.shape[0] !== sample.shape[0])
      throw new ShapeError('unet', [sample.shape, steps.shape], 'are not one timestep a sample')
    const layers = { act: b.act, postAct: b.postAct ?? null, condition: timestepCond }
    const told = withClass(time.timestepEmbedding(p.time_embedding, layers)(waves(steps)), classLabels)
    if (p.add_embedding === undefined) return told
    return told.add(additionEmbedding(p.add_embedding, b.poolHeads, sizes, encoderHiddenStates, added))
  }
}
