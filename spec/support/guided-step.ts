/** A guided step of a text-conditioned UNet with UniPC, parameters at random: what kernels are counted on. */
import { either as E } from 'fp-ts'
import { decodeConfig } from '../../src/core/config.ts'
import type { Graph } from '../../src/graph/node.ts'
import { unet2d, UNet2DModel } from '../../src/models/unet2d.ts'
import { unet2dCondition, UNet2DConditionModel } from '../../src/models/unet2d-condition.ts'
import { decodeParams, expectedOf, initialise, type ParamCodec } from '../../src/params/codec.ts'
import { seed } from '../../src/random/generator.ts'
import { ddpmScheduler } from '../../src/schedulers/ddpm.ts'
import type { Step } from '../../src/schedulers/scheduler.ts'
import { unipcScheduler } from '../../src/schedulers/unipc.ts'
import { chunk } from '../../src/tensor/nn.ts'
import { noise, randn } from '../../src/tensor/noise.ts'
import { concat, fromStorage, Tensor, type Scalar } from '../../src/tensor/tensor.ts'
import { bound, trace } from '../../src/tensor/trace.ts'
import { size } from '../../src/core/shape.ts'
import { leaves } from '../../src/tensor/tree.ts'
import { valuesOf } from './host.ts'

/** Stable Diffusion 1.5's UNet with every width divided by 4. */
export const quarter = {
  block_out_channels: [80, 160, 320, 320],
  down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  layers_per_block: 2,
  norm_num_groups: 16,
  attention_head_dim: 8,
  cross_attention_dim: 192,
}

/** Of the same kinds of blocks, and small enough for the evaluator. */
export const tiny = {
  block_out_channels: [8, 16],
  down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
  layers_per_block: 1,
  norm_num_groups: 4,
  attention_head_dim: 2,
  cross_attention_dim: 6,
}

const blank = <P>(codec: ParamCodec<P>): P => {
  const zeros = [...expectedOf(codec)].map(
    ([name, shape]) => [name, fromStorage(new Float32Array(size(shape)), shape, 'f32', name)] as const,
  )
  const params = decodeParams('unet', codec, new Map(zeros))
  if (E.isLeft(params)) throw params.left
  return params.right
}

/** The graph of a step on latents of so many pixels each way, and values for its inputs. `empty`: all parameters are 0. */
export const guidedStep = (
  json: object,
  pixels: number,
  { empty = false }: { readonly empty?: boolean } = {},
): { readonly graph: Graph; readonly inputs: () => readonly ArrayLike<number>[] } => {
  const decoded = decodeConfig(UNet2DConditionModel.config, json)
  if (E.isLeft(decoded)) throw decoded.left
  const { config } = decoded.right
  const codec = UNet2DConditionModel.params(config)
  const denoise = unet2dCondition({ config, params: empty ? blank(codec) : initialise(codec, seed(1)) })
  const scheduler = unipcScheduler({}, 5)
  type State = ReturnType<typeof scheduler.start>
  type Time = (typeof scheduler.timesteps)[number]
  const step = (state: State, t: Time, words: Tensor): State => {
    const x = scheduler.input(state, t)
    const both = denoise({ sample: concat([x, x], 0), timestep: t.t, encoderHiddenStates: words })
    const [without, told] = chunk(both, 2) as [Tensor, Tensor]
    return scheduler.step(state, without.add(told.sub(without).mul(7.5)), t)
  }
  const fresh = noise(seed(2), [1, 4, pixels, pixels])
  const features = (json as { readonly cross_attention_dim: number }).cross_attention_dim
  const words = randn(seed(3), [2, 7, features])
  const args: [State, Time, Tensor] = [scheduler.start(fresh.head, fresh.next), scheduler.timesteps[2]!, words]
  const { graph, bindings } = trace(step, args)
  const given = leaves(args).map(([, leaf]) => leaf)
  return {
    graph,
    inputs: () =>
      bindings.map((b) => {
        const x = bound(b, given)
        return x instanceof Tensor ? valuesOf(x) : [x]
      }),
  }
}

/** The graph of an unconditional step with DDPM, of a UNet without parameters to speak of. */
export const unguidedStep = (json: object, pixels: number): Graph => {
  const decoded = decodeConfig(UNet2DModel.config, json)
  if (E.isLeft(decoded)) throw decoded.left
  const { config } = decoded.right
  const denoise = unet2d({ config, params: blank(UNet2DModel.params(config)) })
  const scheduler = ddpmScheduler({}, 25)
  const state = scheduler.init(noise(seed(2), [1, 3, pixels, pixels]))
  type Time = Step<keyof (typeof scheduler.timesteps)[number], Scalar>
  const step = (now: typeof state, t: Time): typeof state =>
    scheduler.step(now, denoise(scheduler.input(now, t), t.t), t)
  return trace(step, [state, scheduler.timesteps[0]!]).graph
}
