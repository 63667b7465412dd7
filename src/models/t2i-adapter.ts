/** diffusers' T2IAdapter: a small network that makes features of a picture, for the blocks of a UNet to add. Mou et al. 2023. */
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { consistent, defaulted, integer, oneOf, type Contradiction } from '../core/config.ts'
import { ShapeError } from '../errors.ts'
import type { Architecture, Model } from '../params/architecture.ts'
import { convOf, listOf, record, when, type ParamsOf } from '../params/codec.ts'
import { avgPool2d, conv2d, relu } from '../tensor/nn.ts'
import { concat, type Tensor } from '../tensor/tensor.ts'

const fields = t.type({
  in_channels: defaulted(integer(1), 3),
  channels: defaulted(t.readonlyArray(integer(1)), [320, 640, 1280, 1280]),
  num_res_blocks: defaulted(integer(0), 2),
  downscale_factor: defaulted(integer(1), 8),
  adapter_type: defaulted(oneOf('full_adapter', 'full_adapter_xl', 'light_adapter'), 'full_adapter'),
})

/** The config of a T2IAdapter, under the original's names and with its defaults. */
export type T2IAdapterConfig = Readonly<t.TypeOf<typeof fields>>

/** One stage: half the size or not, then residual layers of `middle` channels, between 1 × 1 convolutions where there are any. */
type Stage = {
  readonly inner: number
  readonly middle: number
  readonly outer: number
  readonly half: boolean
  readonly light: boolean
}

/** What the picture has after every square of pixels has become channels. */
const unshuffled = (c: T2IAdapterConfig): number => c.in_channels * c.downscale_factor ** 2

const stagesOf = (c: T2IAdapterConfig): readonly Stage[] => {
  const full = (inner: number, outer: number, half: boolean): Stage => ({
    inner,
    middle: outer,
    outer,
    half,
    light: false,
  })
  const light = (inner: number, outer: number, half: boolean): Stage => ({
    inner,
    middle: Math.floor(outer / 4),
    outer,
    half,
    light: true,
  })
  switch (c.adapter_type) {
    case 'full_adapter':
      return c.channels.map((outer, i) => full(c.channels[i - 1] ?? outer, outer, i > 0))
    case 'full_adapter_xl':
      // SDXL halves once, before its third block.
      return c.channels.map((outer, i) => full(i === 1 || i === 2 ? c.channels[i - 1]! : outer, outer, i === 2))
    case 'light_adapter': {
      const last = c.channels.at(-1)!
      const stages = c.channels.map((outer, i) => light(c.channels[i - 1] ?? unshuffled(c), outer, i > 0))
      return [...stages, light(last, last, true)]
    }
  }
}

const contradictions = (c: T2IAdapterConfig): readonly Contradiction[] => {
  const field = 'channels'
  if (c.channels.length === 0) return [{ field, why: 'names no stage' }]
  if (c.adapter_type === 'light_adapter')
    return c.channels.some((n) => n < 4) ? [{ field, why: 'has a stage without the channels for a light adapter' }] : []
  const stages = stagesOf(c)
  const torn = stages.find((s, i) => i > 0 && s.inner !== stages[i - 1]!.outer)
  return torn === undefined ? [] : [{ field, why: 'changes after the third stage of a full_adapter_xl' }]
}

const stageOf = (s: Stage, layers: number) =>
  record({
    in_conv: when(s.light || s.inner !== s.outer, () => convOf(s.inner, s.middle, 1)),
    resnets: listOf(
      Array.from({ length: layers }, () =>
        record({ block1: convOf(s.middle, s.middle, 3), block2: convOf(s.middle, s.middle, s.light ? 3 : 1) }),
      ),
    ),
    out_conv: when(s.light, () => convOf(s.middle, s.outer, 1)),
  })

const params = (c: T2IAdapterConfig) =>
  record({
    adapter: record({
      conv_in: when(c.adapter_type !== 'light_adapter', () => convOf(unshuffled(c), c.channels[0]!, 3)),
      body: listOf(stagesOf(c).map((s) => stageOf(s, c.num_res_blocks))),
    }),
  })

/** The parameters of a T2IAdapter, under the checkpoint's names. */
export type T2IAdapterParams = ParamsOf<typeof params>

/** What a loader needs to know of T2IAdapter: its config and the parameters that a config calls for. */
export const T2IAdapter: Architecture<T2IAdapterConfig, T2IAdapterParams> = {
  className: 'T2IAdapter',
  config: consistent(fields, contradictions),
  params,
  rename: (name) => name,
}

/** Every square of r × r pixels as channels: [N, C, H, W] → [N, C r², H / r, W / r]. Shi et al. 2016, backwards. */
const unshuffle =
  (r: number) =>
  (x: Tensor): Tensor => {
    const [n, c, h, w] = x.shape as [number, number, number, number]
    if (h % r !== 0 || w % r !== 0)
      throw new ShapeError('t2iAdapter', [x.shape], `has a height or width that is no multiple of ${r}`)
    return x
      .reshape(n, c, h / r, r, w / r, r)
      .permute(0, 1, 3, 5, 2, 4)
      .reshape(n, c * r * r, h / r, w / r)
  }

/** Half the size, rounded up: a last row or column without a partner is its own. */
const halve = (x: Tensor): Tensor =>
  avgPool2d(2)([2, 3].reduce((y, axis) => (y.shape[axis]! % 2 === 0 ? y : concat([y, y.slice(axis, -1)], axis)), x))

const stage =
  (p: ParamsOf<typeof stageOf>, s: Stage) =>
  (x: Tensor): Tensor => {
    const enter = p.in_conv === undefined ? (y: Tensor) => y : conv2d(p.in_conv)
    const leave = p.out_conv === undefined ? (y: Tensor) => y : conv2d(p.out_conv)
    const layer = (y: Tensor, { block1, block2 }: (typeof p.resnets)[number]): Tensor =>
      pipe(y, conv2d(block1, { padding: 1 }), relu, conv2d(block2, { padding: s.light ? 1 : 0 })).add(y)
    return pipe(s.half ? halve(x) : x, enter, (y) => p.resnets.reduce(layer, y), leave)
  }

/**
 * A T2IAdapter as a function: a picture [N, in, H, W] gives the features that the `adapter` of a UNet adds to its blocks, from the largest
 * down. Height and width are multiples of the config's downscale_factor, or `ShapeError`. Mou et al. 2023, section 3.2.
 */
export const t2iAdapter = ({ config: c, params: { adapter: p } }: Model<T2IAdapterConfig, T2IAdapterParams>) => {
  const stages = stagesOf(c)
  return (picture: Tensor): readonly Tensor[] => {
    const pixels = unshuffle(c.downscale_factor)(picture)
    const start = p.conv_in === undefined ? pixels : conv2d(p.conv_in, { padding: 1 })(pixels)
    return stages.reduce<readonly Tensor[]>((made, s, i) => [...made, stage(p.body[i]!, s)(made.at(-1) ?? start)], [])
  }
}
