/** What goes wrong on a device, as errors that say where. */
import { DeviceError } from '../../errors.ts'

/** Bytes as people read them. */
export const figure = (bytes: number): string =>
  bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`

/** An error of this backend. */
export const fault = (message: string): DeviceError => new DeviceError('webgpu', message.trim())

/** Whatever was thrown, as an error of this backend. */
export const asFault = (what: string, error: unknown): DeviceError =>
  error instanceof DeviceError ? error : fault(`${what}: ${error instanceof Error ? error.message : String(error)}`)

const scopes = ['out-of-memory', 'internal', 'validation'] as const

const say = (what: string, error: GPUError): DeviceError =>
  fault(`${what}: ${error instanceof GPUOutOfMemoryError ? 'out of memory: ' : ''}${error.message}`)

/**
 * What `f` gives, and a promise that rejects with a `DeviceError` if the device found fault with what it did. `f` returns at once: the
 * device's scopes are a stack that all share.
 */
export const guarded = <A>(
  gpu: GPUDevice,
  what: string,
  f: () => A,
): { readonly made: A; readonly sound: Promise<void> } => {
  for (const scope of scopes) gpu.pushErrorScope(scope)
  // A device that is lost says so itself.
  const told = (): Promise<GPUError | null>[] => scopes.map(() => gpu.popErrorScope().catch(() => null))
  let made: A
  try {
    made = f()
  } catch (error) {
    told()
    throw error
  }
  const sound = Promise.all(told()).then((errors) => {
    const error = errors.find((e) => e !== null)
    if (error !== undefined) throw say(what, error)
  })
  sound.catch(() => undefined)
  return { made, sound }
}
