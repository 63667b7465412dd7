/** Results on a device. */
import { elementBytes } from '../../codegen/kernel.ts'
import { computed, type DType, type Storage } from '../../core/dtype.ts'
import { ProgramError } from '../../errors.ts'
import type { DeviceValue } from '../backend.ts'
import type { Device } from './device.ts'
import { asFault } from './faults.ts'
import { valuesOfBytes } from './transfer.ts'

/** Where a value lies, and a way to keep it there: `hold` gives the function that lets go again. */
export type Place = { readonly device: Device; readonly buffer: GPUBuffer; readonly hold: () => () => void }

const places = new WeakMap<DeviceValue, Place>()

/** Where a value lies, if it is on a device of ours and has not been disposed. */
export const placeOf = (value: DeviceValue): Place | undefined => places.get(value)

/** A buffer as a value that belongs to whoever gets it. `done` resolves when it has been computed; `release` is called once, when nobody needs it. */
export const own = (
  { device, buffer }: Pick<Place, 'device' | 'buffer'>,
  dtype: DType,
  length: number,
  done: Promise<void>,
  release: () => void,
): DeviceValue => {
  let holders = 0
  const hold = (): (() => void) => {
    let held = true
    holders++
    return () => {
      if (held && --holders === 0) release()
      held = false
    }
  }
  const letGo = hold()
  const value: DeviceValue = {
    read: async (): Promise<Storage> => {
      if (!places.has(value)) throw new ProgramError('webgpu: the value was disposed')
      // What is disposed while it is read stays until then.
      const read = hold()
      try {
        await done
        return valuesOfBytes(await download(device, buffer, length * elementBytes(computed(dtype))), dtype, length)
      } finally {
        read()
      }
    },
    settled: () => done,
    dispose: () => {
      places.delete(value)
      letGo()
    },
  }
  places.set(value, { device, buffer, hold })
  return value
}

/** The bytes of a buffer. */
const download = async (device: Device, buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> => {
  if (bytes === 0) return new ArrayBuffer(0)
  device.demandHealth()
  const [staging] = await device.buffers.take([bytes], 'reading', 'what is read')
  const encoder = device.gpu.createCommandEncoder()
  encoder.copyBufferToBuffer(buffer, 0, staging!, 0, staging!.size)
  device.submit(encoder.finish())
  try {
    await staging!.mapAsync(GPUMapMode.READ)
    const values = staging!.getMappedRange().slice(0, bytes)
    staging!.unmap()
    device.counts.reads++
    device.counts.bytesRead += bytes
    device.buffers.give(staging!)
    device.demandHealth()
    return values
  } catch (error) {
    device.buffers.destroy(staging!)
    await device.gone()
    throw asFault('reading', error)
  }
}
