/** What the blocks of a UNet cannot be. */
import type { Contradiction } from '../../core/config.ts'
import type { DownSpec } from './down-block.ts'
import type { MidSpec } from './mid-block.ts'
import type { MixerSpec } from './mixer.ts'
import type { UpSpec } from './up-block.ts'

/** The blocks of a UNet. */
export type Blocks = {
  readonly down: readonly DownSpec[]
  readonly mid: MidSpec | undefined
  readonly up: readonly UpSpec[]
}

/** Every attention of the blocks. */
export const attentionsOf = ({ down, mid, up }: Blocks): readonly MixerSpec[] => [
  ...[...down, ...up].flatMap((b) => b.attentions),
  ...(mid?.attentions ?? []),
]

/** Is there an attention that sees a text? */
export const seesText = (blocks: Blocks): boolean =>
  attentionsOf(blocks).some(
    (a) => 'depth' in a || 'dual' in a || 'added' in a || ('self' in a && a.context !== undefined),
  )

const groupsOf = (a: MixerSpec): number | undefined =>
  'dual' in a ? a.dual.groups : 'groups' in a ? a.groups : undefined

type Norm = readonly [channels: number, groups: number]

/** The first norm whose channels its groups do not divide, among those of the blocks and the others given. */
export const unevenNorm = (blocks: Blocks, ...others: readonly Norm[]): Norm | undefined => {
  const all = [...blocks.down, ...blocks.up]
  const sampling = all.flatMap(({ sampler }) => ('resnet' in sampler ? [sampler.resnet] : []))
  const resnets = [...all.flatMap((b) => b.resnets), ...sampling, ...(blocks.mid?.resnets ?? [])]
  const norms: readonly Norm[] = [
    ...others,
    ...resnets.map((r) => [r.inner, r.groups] as const),
    ...resnets.map((r) => [r.middle ?? r.outer, r.groupsOut ?? r.groups] as const),
    ...attentionsOf(blocks).flatMap((a) => {
      const groups = groupsOf(a)
      return groups === undefined ? [] : [[a.channels, groups] as const]
    }),
  ]
  return norms.find(([channels, groups]) => groups < 1 || channels % groups !== 0)
}

/** The first attention without the channels for one head. */
export const narrowAttention = (blocks: Blocks): MixerSpec | undefined =>
  attentionsOf(blocks).find((a) => a.headDim < 1 || a.headDim > a.channels)

/** Is there a block that joins states of the way down, but has no layer to do it? */
export const hasEmptyBlock = ({ up }: Blocks): boolean => up.some((b) => b.takes === 'first' && b.resnets.length === 0)

type Timed = {
  readonly resnet_time_scale_shift: string
  readonly down_block_types: readonly string[]
  readonly up_block_types: readonly string[]
}

/** Only k-diffusion's blocks have norms that are told the time, and they have them whatever the config says. */
export const timedNorms = (c: Timed, { mid }: Blocks): readonly Contradiction[] => {
  const others = [...c.down_block_types, ...c.up_block_types].some((k) => !k.startsWith('K')) || mid !== undefined
  if (!others || c.resnet_time_scale_shift === 'default' || c.resnet_time_scale_shift === 'scale_shift') return []
  const why = 'is for KDownBlock2D, KUpBlock2D and their kin without a mid block'
  return [{ field: 'resnet_time_scale_shift', why, allowed: ['default', 'scale_shift'] }]
}
