/** Normalisations: a slab's mean and deviation, and what they make of its elements. */
import { size } from '../../core/shape.ts'
import { loadsOf, type NormaliseKernel } from '../kernel.ts'
import { accessesOf, byStride, mergeAxes, type Access } from '../space.ts'
import { Lanes, storeLanes } from './lanes.ts'
import { overElements, type Emitted } from './map.ts'
import { sumOver } from './moments.ts'
import { f32, f32x4, get, i32, nothing, set, type Code } from './op.ts'
import { addressOf, unflatten } from './space.ts'
import type { Context } from './vector-ops.ts'

/** The code of a normalisation; a part is a slab, which is gone through three times while it is near. */
export const emitNormalise = (k: NormaliseKernel, operand: (i: number) => Code): Emitted => {
  const extents = [...k.dims, ...k.folded]
  const all: readonly Access[] = [...accessesOf(k.value), ...accessesOf(k.then), k.out]
  const folded = k.folded.map((_, i) => k.dims.length + i)
  const [leading] = loadsOf(k.value)
  const outer = mergeAxes(
    extents,
    k.dims.map((_, i) => i),
    all,
  )
  const inner = mergeAxes(extents, byStride((leading ?? k.out).strides, folded), all)
  const motion = (a: Access) => ({
    outer: [...outer.strides.get(a)!, ...inner.strides.get(a)!.slice(0, -1)],
    along: inner.strides.get(a)!.at(-1) ?? 0,
  })
  const code = (context: Context): Code => {
    const { body } = context
    const [mean, scale, total] = [body.local('v128'), body.local('v128'), body.local('f32')]
    const [centred, base] = [body.local('v128'), body.local('i32')]
    const lanes = new Lanes(context, k.value, operand, motion)
    const normal = (n: number, position: { readonly bytes: number }): Code =>
      f32x4.mul(k.centred ? f32x4.sub(lanes.value(n, position), get(mean)) : lanes.value(n, position), get(scale))
    const then = new Lanes(context, k.then, operand, motion, (l) => (l.operand === 0 ? normal : undefined))
    const share = f32.const(1 / size(k.folded))
    const square = (x: Code): Code => [
      set(centred, k.centred ? f32x4.sub(x, get(mean)) : x),
      f32x4.mul(get(centred), get(centred)),
    ]
    const rows = inner.dims.slice(0, -1)
    const out = motion(k.out)
    return body.repeat(get(0), get(1), 1, (slab) => {
      const { code: place, at } = unflatten(body, outer.dims, slab)
      return [
        place,
        k.centred
          ? [
              sumOver(context, body, lanes, at, inner.dims, (x) => x, total),
              set(mean, f32x4.splat(f32.mul(get(total), share))),
            ]
          : nothing,
        sumOver(context, body, lanes, at, inner.dims, square, total),
        set(scale, f32x4.splat(f32.div(f32.const(1), f32.sqrt(f32.add(f32.mul(get(total), share), f32.const(k.eps)))))),
        body.repeat(i32.const(0), i32.const(size(rows)), 1, (row) => {
          const inside = unflatten(body, rows, row)
          const where = [...at, ...inside.at]
          return [
            inside.code,
            lanes.prelude(where),
            then.prelude(where),
            set(base, addressOf(operand(0), 4, k.out.offset, out.outer, where)),
            overElements(context, inner.dims.at(-1) ?? 1, (n, bytes) =>
              storeLanes(context, k.out, base, out.along === 0 ? 1 : out.along, n, { bytes }, then.value(n, { bytes })),
            ),
          ]
        }),
      ]
    })
  }
  return { count: size(k.folded) === 0 ? 0 : size(k.dims), code }
}
