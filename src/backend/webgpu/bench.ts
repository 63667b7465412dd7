/** Kernels on a device by themselves, on memory of their own, to be measured. */
import { shaderOf } from '../../codegen/wgsl/emit.ts'
import { size } from '../../core/shape.ts'
import { padded } from './buffers.ts'
import { timed } from './clock.ts'
import { demandBindable, partsOf, windowOf } from './cut.ts'
import type { Device } from './device.ts'
import { bufferBytes } from './frame.ts'
import type { Bench, Way } from './meter.ts'
import type { Pipeline } from './pipelines.ts'
import { bind, numbersOf, usesEvery, type Ready } from './steps.ts'

/** About a sixteenth of the workgroups. */
const someOf = (all: Ready['workgroups']): Ready['workgroups'] => {
  const longest = all.indexOf(Math.max(...all))
  const [x, y, z] = all.map((n, i) => (i === longest ? Math.ceil(n / 16) : n))
  return [x!, y!, z!]
}

/** Compiles a way and binds it to memory, which is added to `taken`. */
const prepare = async (
  device: Device,
  { program, dispatch, variant }: Way,
  taken: GPUBuffer[],
): Promise<{ readonly ready: Ready; readonly pipeline: Pipeline }> => {
  const { kernel, operands, label } = dispatch
  demandBindable(dispatch, (id) => bufferBytes(program, id), device.capabilities)
  const shader = shaderOf(kernel, usesEvery(program, dispatch, device.capabilities), variant, device.capabilities)
  const [pipeline] = await device.pipelines.all([{ shader, label }])
  const { words } = numbersOf([{ shader }])
  const sizes = operands.map((id) => padded(bufferBytes(program, id)))
  const parts = sizes.map((bytes) => partsOf(bytes, device.cut))
  taken.push(...(await device.buffers.take(parts.flat(), 'values', 'tuning')))
  const own = parts.map((p, i) => {
    const before = parts.slice(0, i).reduce((n, q) => n + q.length, 0)
    return taken.slice(before, before + p.length)
  })
  if (words.length > 0) {
    const [numbers] = await device.buffers.take([words.byteLength], 'numbers', 'tuning')
    taken.push(numbers!)
    device.gpu.queue.writeBuffer(numbers!, 0, words)
  }
  const numbers = { buffer: taken.at(-1)!, offset: 0 }
  const { ready, sound } = bind(device, { dispatch, shader, label }, pipeline!, numbers, (i, window) =>
    windowOf(own[i]!, 0, sizes[i]!, window, device.cut),
  )
  await sound
  return { ready, pipeline: pipeline! }
}

/** A device as a bench. */
export const benchOn =
  (device: Device): Bench =>
  async (way, use) => {
    const taken: GPUBuffer[] = []
    try {
      const { ready, pipeline } = await prepare(device, way, taken)
      return await use({
        fresh: !pipeline.used,
        warm: async () => {
          const some = someOf(ready.workgroups)
          // The first workgroup may compile, and finds memory that nobody has touched.
          const few = [[1, 1, 1] as const, some].map((workgroups) => ({ ...ready, workgroups }))
          const [, ms] = await timed(device, few, () => undefined)
          pipeline.used = true
          return { ms: ms!, share: size(some) / Math.max(1, size(ready.workgroups)) || 1 }
        },
        run: async () => (await timed(device, [ready], () => undefined))[0]!,
      })
    } catch (error) {
      await device.gone()
      if (device.lost) throw error
      return Infinity
    } finally {
      for (const buffer of taken) device.buffers.destroy(buffer)
    }
  }
