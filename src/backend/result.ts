/** What a program gives: values that may still be being computed. */
import type { Storage } from '../core/dtype.ts'
import type { Resident } from '../graph/node.ts'
import type { DeviceValue } from './backend.ts'
import { enqueue } from './queue.ts'

/** A result, from the moment the program is called. */
export interface Result extends Resident {
  /** The value on its device, when it has been computed. */
  readonly value: Promise<DeviceValue>
}

// A result nobody holds any more is freed with the next turns of the queue.
const forgotten = new FinalizationRegistry<Promise<DeviceValue>>((value) => free(value))
const free = (value: Promise<DeviceValue>): void =>
  void enqueue(async () => (await value).dispose()).catch(() => undefined)

/** A result on the named backend. Its failure is told to whoever reads it, and to nobody else. */
export const resultOf = (backend: string, value: Promise<DeviceValue>): Result => {
  let disposed = false
  value.catch(() => undefined)
  const result: Result = {
    backend,
    value,
    get disposed() {
      return disposed
    },
    read: async (): Promise<Storage> => (await value).read(),
    settled: async () => (await value).settled?.(),
    dispose: () => {
      if (disposed) return
      disposed = true
      forgotten.unregister(result)
      free(value)
    },
  }
  forgotten.register(result, value, result)
  return result
}

/** Is this resident one of ours? */
export const isResult = (resident: Resident): resident is Result => 'value' in resident
