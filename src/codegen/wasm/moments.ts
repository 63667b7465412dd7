/** Scales and shifts of channels, from the mean and deviation of their group. */
import { size } from '../../core/shape.ts'
import { loadsOf, type Expr, type MomentsKernel } from '../kernel.ts'
import { accessesOf, byStride, mergeAxes } from '../space.ts'
import { Lanes } from './lanes.ts'
import { overElements, type Emitted } from './map.ts'
import type { Body } from './module.ts'
import { f32, f32x4, get, i32, set, v128, type Code } from './op.ts'
import { unflatten } from './space.ts'
import type { Context } from './vector-ops.ts'

/** Vectors of four channels that are summed at once: registers hold two sums and the first value of each. */
const vectorsAtOnce = 4
/** Channels of a part: enough to use whole lines of the cache, few enough to give every thread some. */
const mostChannels = 64

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** Channels of a part, in whole groups and whole vectors, or undefined. */
const blockOf = (groups: number, each: number): number | undefined => {
  const unit = (4 * each) / gcd(4, each)
  const channels = groups * each
  if (channels % unit !== 0) return undefined
  let block = unit
  for (let b = unit; b <= mostChannels; b += unit) if (channels % b === 0) block = b
  return block
}

/** The code of the scale and shift of channels. */
export const emitMoments = (k: MomentsKernel, operand: (i: number) => Code): Emitted => {
  const [groups, each] = [k.dims.at(-1)!, k.folded[0]!]
  const extents = [...k.dims, ...k.folded]
  const channelAxes = [k.dims.length - 1, k.dims.length]
  const accesses = accessesOf(k.value)
  const leading = loadsOf(k.value)[0]
  const merged = mergeAxes(extents, channelAxes, accesses)
  const block = blockOf(groups, each)
  const sideBySide =
    leading !== undefined &&
    block !== undefined &&
    merged.dims.length === 1 &&
    merged.strides.get(leading)?.[0] === 1 &&
    size(k.folded.slice(1)) > 0
  return sideBySide ? channelsLast(k, operand, block) : oneByOne(k, operand)
}

/** Where the scale and the shift of a channel lie, in bytes from the result's beginning. */
const halves = (k: MomentsKernel): number => 4 * size(k.dims) * k.folded[0]!

/** Statements that give the channels of a group their scale and shift, from the mean and the mean square of what is centred. */
const finish = (
  { body, ...context }: Context,
  k: MomentsKernel,
  operand: (i: number) => Code,
  at: readonly number[],
  mean: number,
  square: number,
): Code => {
  const inner: Context = { ...context, body }
  const rank = k.dims.length
  const own = (e: Expr): Lanes => new Lanes(inner, e, operand, (a) => ({ outer: a.strides, along: 0 }))
  const [gain, bias] = [own(k.gain), own(k.bias)]
  const [deviation, scale, to, flat] = [body.local('f32'), body.local('f32'), body.local('i32'), body.local('i32')]
  const each = k.folded[0]!
  return [
    set(deviation, f32.div(f32.const(1), f32.sqrt(f32.add(get(square), f32.const(k.eps))))),
    set(
      flat,
      at
        .slice(0, rank)
        .reduce<Code>(
          (sum, a, i) => (i === 0 ? get(a) : i32.add(i32.mul(sum, i32.const(k.dims[i]!)), get(a))),
          i32.const(0),
        ),
    ),
    set(to, i32.add(operand(k.out.operand), i32.mul(get(flat), i32.const(4 * each)))),
    body.repeat(i32.const(0), i32.const(each), 1, (channel) => {
      const place = [...at.slice(0, rank), channel]
      return [
        gain.prelude(place),
        bias.prelude(place),
        set(scale, f32.mul(get(deviation), f32x4.extract(gain.value(1, { bytes: channel }), 0))),
        f32.store(get(to), get(scale)),
        f32.store(
          get(to),
          f32.sub(f32x4.extract(bias.value(1, { bytes: channel }), 0), f32.mul(get(mean), get(scale))),
          halves(k),
        ),
        set(to, i32.add(get(to), i32.const(4))),
      ]
    }),
  ]
}

/**
 * Channels side by side: a part is a block of channels of one picture. Sums of every channel, of differences from its first value, lie where
 * the results are to be; then those of a group are put together.
 */
const channelsLast = (k: MomentsKernel, operand: (i: number) => Code, block: number): Emitted => {
  const [groups, each] = [k.dims.at(-1)!, k.folded[0]!]
  const channels = groups * each
  const extents = [...k.dims, ...k.folded]
  const accesses = accessesOf(k.value)
  const [leading] = loadsOf(k.value)
  const rank = k.dims.length
  const axes = extents.map((_, i) => i)
  const pictures = mergeAxes(extents, axes.slice(0, rank - 1), accesses)
  const places = mergeAxes(extents, byStride(leading!.strides, axes.slice(rank + 1)), accesses)
  const lines = mergeAxes(extents, [rank - 1, rank], accesses)
  const blocks = channels / block
  const count = size(k.dims.slice(0, -1)) * blocks
  const positions = size(places.dims)
  const code = (context: Context): Code => {
    const { body } = context
    const lanes = new Lanes(context, k.value, operand, (a) => ({
      outer: [...pictures.strides.get(a)!, ...places.strides.get(a)!],
      along: lines.strides.get(a)![0]!,
    }))
    return body.repeat(get(0), get(1), 1, (part) => {
      const where = unflatten(body, [size(k.dims.slice(0, -1)), blocks], part)
      const [picture, nth] = where.at as [number, number]
      const inPicture = unflatten(body, pictures.dims, picture)
      const means = body.local('i32')
      return [
        where.code,
        inPicture.code,
        // The part of the result that is this block's, of scales; that of shifts is `halves` further on.
        set(
          means,
          i32.add(
            operand(k.out.operand),
            i32.add(i32.mul(get(picture), i32.const(4 * channels)), i32.mul(get(nth), i32.const(4 * block))),
          ),
        ),
        sumsOfChannels(context, lanes, inPicture.at, places.dims, block, nth, means, halves(k)),
        groupsOfBlock(context, k, operand, { picture, nth, means }, block, positions),
      ]
    })
  }
  return { count, code }
}

/** Stores, for every channel of a block, its mean, and the sum of squared differences from it, `apart` bytes after. */
const sumsOfChannels = (
  { body }: Context,
  lanes: Lanes,
  picture: readonly number[],
  places: readonly number[],
  block: number,
  nth: number,
  means: number,
  apart: number,
): Code => {
  const vectors = block / 4
  const positions = size(places)
  const zero = body.local('i32')
  const some = (first: number, n: number): Code => {
    const at = Array.from({ length: n }, () => body.local('i32'))
    const start = Array.from({ length: n }, () => body.local('v128'))
    const sum = start.map(() => body.local('v128'))
    const squares = start.map(() => body.local('v128'))
    const difference = body.local('v128')
    const origin = places.map(() => zero)
    const share = f32x4.const(1 / positions)
    return [
      at.map((a, v) => set(a, i32.add(i32.mul(get(nth), i32.const(4 * block)), i32.const(16 * (first + v))))),
      lanes.prelude([...picture, ...origin]),
      start.map((s, v) => set(s, lanes.value(4, { bytes: at[v]! }))),
      [...sum, ...squares].map((s) => set(s, f32x4.const(0))),
      body.repeat(i32.const(0), i32.const(positions), 1, (row) => {
        const inside = unflatten(body, places, row)
        return [
          inside.code,
          lanes.prelude([...picture, ...inside.at]),
          start.map((s, v) => [
            set(difference, f32x4.sub(lanes.value(4, { bytes: at[v]! }), get(s))),
            set(sum[v]!, f32x4.add(get(sum[v]!), get(difference))),
            set(squares[v]!, f32x4.add(get(squares[v]!), f32x4.mul(get(difference), get(difference)))),
          ]),
        ]
      }),
      start.map((s, v) => [
        set(difference, f32x4.mul(get(sum[v]!), share)),
        v128.store(get(means), f32x4.add(get(s), get(difference)), 16 * (first + v)),
        v128.store(
          get(means),
          f32x4.sub(get(squares[v]!), f32x4.mul(get(sum[v]!), get(difference))),
          16 * (first + v) + apart,
        ),
      ]),
    ]
  }
  const code: Code[] = [set(zero, i32.const(0))]
  for (let v = 0; v < vectors; v += vectorsAtOnce) code.push(some(v, Math.min(vectorsAtOnce, vectors - v)))
  return code
}

/** The groups of a block, from the sums of its channels. */
const groupsOfBlock = (
  context: Context,
  k: MomentsKernel,
  operand: (i: number) => Code,
  { picture, nth, means }: { readonly picture: number; readonly nth: number; readonly means: number },
  block: number,
  positions: number,
): Code => {
  const { body } = context
  const each = k.folded[0]!
  const outer = unflatten(body, k.dims.slice(0, -1), picture)
  const group = body.local('i32')
  const [mean, square, difference, from] = [body.local('f32'), body.local('f32'), body.local('f32'), body.local('i32')]
  const overChannels = (each1: (channel: number) => Code): Code =>
    body.repeat(i32.const(0), i32.const(4 * each), 4, each1)
  const at = (channel: number): Code => i32.add(get(from), get(channel))
  return [
    outer.code,
    body.repeat(i32.const(0), i32.const(block / each), 1, (g) => [
      set(group, i32.add(i32.mul(get(nth), i32.const(block / each)), get(g))),
      set(from, i32.add(get(means), i32.mul(get(g), i32.const(4 * each)))),
      set(mean, f32.const(0)),
      overChannels((c) => set(mean, f32.add(get(mean), f32.load(at(c))))),
      set(mean, f32.mul(get(mean), f32.const(1 / each))),
      set(square, f32.const(0)),
      overChannels((c) => [
        set(difference, f32.sub(f32.load(at(c)), get(mean))),
        set(
          square,
          f32.add(
            get(square),
            f32.add(
              f32.load(at(c), halves(k)),
              f32.mul(f32.const(positions), f32.mul(get(difference), get(difference))),
            ),
          ),
        ),
      ]),
      set(square, f32.mul(get(square), f32.const(1 / (each * positions)))),
      finish(context, k, operand, [...outer.at, group], mean, square),
    ]),
  ]
}

const horizontal = (v: number): Code =>
  f32.add(
    f32.add(f32x4.extract(get(v), 0), f32x4.extract(get(v), 1)),
    f32.add(f32x4.extract(get(v), 2), f32x4.extract(get(v), 3)),
  )

const kept = (value: Code, lanes: number): Code =>
  lanes === 4 ? value : v128.and(value, v128.const([0, 1, 2, 3].map((i) => (i < lanes ? -1 : 0))))

/** Σ f(x) over a slab, in a local. `value` is that of the expression at a position. */
export const sumOver = (
  context: Context,
  body: Body,
  lanes: Lanes,
  outer: readonly number[],
  dims: readonly number[],
  f: (x: Code) => Code,
  into: number,
): Code => {
  const inner = dims.slice(0, -1)
  const length = dims.at(-1) ?? 1
  const sum = body.local('v128')
  return [
    set(sum, f32x4.const(0)),
    body.repeat(i32.const(0), i32.const(size(inner)), 1, (step) => {
      const inside = unflatten(body, inner, step)
      return [
        inside.code,
        lanes.prelude([...outer, ...inside.at]),
        overElements(context, length, (n, bytes) =>
          set(sum, f32x4.add(get(sum), kept(f(lanes.value(n, { bytes })), n))),
        ),
      ]
    }),
    set(into, horizontal(sum)),
  ]
}

/** In any other layout: a part is a slab, gone through twice. */
const oneByOne = (k: MomentsKernel, operand: (i: number) => Code): Emitted => {
  const extents = [...k.dims, ...k.folded]
  const accesses = accessesOf(k.value)
  const [leading] = loadsOf(k.value)
  const folded = k.folded.map((_, i) => k.dims.length + i)
  const outer = mergeAxes(
    extents,
    k.dims.map((_, i) => i),
    accesses,
  )
  const inner = mergeAxes(extents, leading === undefined ? folded : byStride(leading.strides, folded), accesses)
  const code = (context: Context): Code => {
    const { body } = context
    const lanes = new Lanes(context, k.value, operand, (a) => ({
      outer: [...outer.strides.get(a)!, ...inner.strides.get(a)!.slice(0, -1)],
      along: inner.strides.get(a)!.at(-1) ?? 0,
    }))
    const [mean, square, wide, centred] = [body.local('f32'), body.local('f32'), body.local('v128'), body.local('v128')]
    const share = f32.const(1 / size(k.folded))
    return body.repeat(get(0), get(1), 1, (slab) => {
      const where = unflatten(body, k.dims, slab)
      const merged = unflatten(body, outer.dims, slab)
      return [
        where.code,
        merged.code,
        sumOver(context, body, lanes, merged.at, inner.dims, (x) => x, mean),
        set(mean, f32.mul(get(mean), share)),
        set(wide, f32x4.splat(get(mean))),
        sumOver(
          context,
          body,
          lanes,
          merged.at,
          inner.dims,
          (x) => [set(centred, f32x4.sub(x, get(wide))), f32x4.mul(get(centred), get(centred))],
          square,
        ),
        set(square, f32.mul(get(square), share)),
        finish(context, k, operand, where.at, mean, square),
      ]
    })
  }
  return { count: size(k.folded) === 0 ? 0 : size(k.dims), code }
}
