/** The residual block, told the time by a shift, by scale and shift, or through its norms. */
import { pipe } from 'fp-ts/lib/function.js'
import { convOf, linearOf, normOf, record, when, type ParamsOf } from '../../params/codec.ts'
import { avgPool2d, chunk, conv2d, groupNorm, linear } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { activation, type Activation } from './activation.ts'
import { adaGroupNorm, adaGroupNormOf } from './ada-norm.ts'
import { firDown, firUp } from './fir.ts'
import { double } from './sampling.ts'

/** How the block changes size after its first norm; `fir` filters, the others take the mean of four or the nearest. */
const resamplers = { up: double, down: avgPool2d(2), firUp, firDown } as const

/** Everything about one block that is not a parameter. */
export type ResnetSpec = {
  readonly inner: number
  readonly middle?: number
  readonly outer: number
  /** Features of the time embedding; none for autoencoders. */
  readonly temb?: number | undefined
  readonly groups: number
  readonly groupsOut?: number
  readonly eps: number
  readonly act: Activation
  readonly timeNorm: 'default' | 'scale_shift' | 'ada_group'
  /** Does the time embedding come in without an activation? */
  readonly skipTimeAct?: boolean
  /** The sum of both branches is divided by this. */
  readonly scale?: number
  readonly resample?: keyof typeof resamplers
  /** Is there a 1 × 1 convolution on the shortcut? If not said, where the channels change. */
  readonly shortcut?: boolean
  readonly shortcutBias?: boolean
}

/** The parameters of a block. */
export const resnetOf = (b: ResnetSpec) => {
  const middle = b.middle ?? b.outer
  const shortcut = b.shortcut ?? b.inner !== b.outer
  const norm = (channels: number) => (b.timeNorm === 'ada_group' ? adaGroupNormOf(b.temb!, channels) : normOf(channels))
  return record({
    norm1: norm(b.inner),
    conv1: convOf(b.inner, middle, 3),
    time_emb_proj: when(b.temb !== undefined && b.timeNorm !== 'ada_group', () =>
      linearOf(b.temb!, b.timeNorm === 'scale_shift' ? 2 * middle : middle),
    ),
    norm2: norm(middle),
    conv2: convOf(middle, b.outer, 3),
    conv_shortcut: when(shortcut, () => convOf(b.inner, b.outer, 1, { bias: b.shortcutBias ?? true })),
  })
}

/** Parameters of a residual block, under the checkpoint's names. */
export type Resnet = ParamsOf<typeof resnetOf>

const timedNorm = (p: Resnet['norm1'], groups: number, eps: number, temb: Tensor | undefined) =>
  'linear' in p ? adaGroupNorm(p, { groups, eps }, temb!) : groupNorm(p, { groups, eps })

/**
 * x + conv(act(norm(conv(act(norm x)) ⊕ time))), [N, inner, H, W] → [N, outer, H′, W′], where ⊕ is + (Ho et al. 2020) or scale and shift
 * after the norm (Dhariwal & Nichol 2021, section 3). `temb` is [N, temb] or [1, temb].
 */
export const resnet =
  (p: Resnet, b: ResnetSpec, temb?: Tensor) =>
  (x: Tensor): Tensor => {
    const act = activation(b.act)
    const resample = b.resample === undefined ? (y: Tensor) => y : resamplers[b.resample]
    const norm2 = timedNorm(p.norm2, b.groupsOut ?? b.groups, b.eps, temb)
    const h = pipe(x, timedNorm(p.norm1, b.groups, b.eps, temb), act, resample, conv2d(p.conv1, { padding: 1 })) // [N, middle, H′, W′]
    const timed = pipe(h, timing(p, b, temb, norm2), act, conv2d(p.conv2, { padding: 1 })) // [N, outer, H′, W′]
    const shortcut = pipe(x, resample, p.conv_shortcut === undefined ? (y) => y : conv2d(p.conv_shortcut))
    const sum = shortcut.add(timed)
    return b.scale === undefined || b.scale === 1 ? sum : sum.div(b.scale)
  }

const timing =
  (p: Resnet, b: ResnetSpec, temb: Tensor | undefined, norm: (x: Tensor) => Tensor) =>
  (h: Tensor): Tensor => {
    if (p.time_emb_proj === undefined || temb === undefined) return norm(h)
    const told = b.skipTimeAct === true ? temb : activation(b.act)(temb)
    const time = linear(p.time_emb_proj)(told) // [N, middle] or [N, 2 middle]
    const perChannel = time.reshape(...time.shape, 1, 1)
    if (b.timeNorm === 'default') return norm(h.add(perChannel))
    const [scale, shift] = chunk(perChannel, 2, 1) as [Tensor, Tensor] // [N, middle, 1, 1] each
    return norm(h).mul(scale.add(1)).add(shift)
  }
