/** What programs have in common: a memory, a block for what lives during a run, compiled modules. */
import type { DType, Storage } from '../../core/dtype.ts'
import { ProgramError } from '../../errors.ts'
import type { DeviceValue } from '../backend.ts'
import { Residents } from '../residents.ts'
import { Heap } from './heap.ts'
import { compiled } from './modules.ts'
import { Team, type Exports, type Loaded } from './team.ts'
import { readValues } from './transfer.ts'
import type { Leader } from './workers.ts'

/** A memory and what is in it. */
export class Device {
  readonly heap: Heap
  readonly residents: Residents<number>
  readonly team: Team
  /** When a profiled program began, and finished each of its kernels: milliseconds. */
  readonly ticks: number[] = []
  readonly #addresses = new WeakMap<DeviceValue, number>()
  #scratch = { at: 0, bytes: 0 }

  constructor(threads: number, shared: boolean, leader?: Leader) {
    this.heap = new Heap(shared)
    this.team = new Team(threads, this.heap.memory, leader)
    this.residents = new Residents((at) => this.heap.free(at))
  }

  /** A block for what lives during a run. Programs run one after the other, and use the same. */
  scratch(bytes: number): number {
    if (bytes > this.#scratch.bytes) {
      this.heap.free(this.#scratch.at)
      this.#scratch = { at: 0, bytes: 0 }
      this.#scratch = { at: this.heap.allocate(bytes), bytes }
    }
    return this.#scratch.at
  }

  /** A module on this memory, compiled unless it has been. */
  async instance(bytes: Uint8Array<ArrayBuffer>): Promise<Loaded> {
    const { id, module } = await compiled(bytes)
    const instance = await WebAssembly.instantiate(module, {
      env: { memory: this.heap.memory },
      clock: { tick: () => void this.ticks.push(performance.now()) },
    })
    return { id, module, exports: instance.exports as Exports }
  }

  /** A block as a value that belongs to whoever gets it. */
  own(at: number, dtype: DType, length: number): DeviceValue {
    const value: DeviceValue = {
      read: (): Promise<Storage> =>
        this.#addresses.has(value)
          ? Promise.resolve(readValues(this.heap.memory, at, dtype, length))
          : Promise.reject(new ProgramError('wasm: the value was disposed')),
      dispose: () => {
        if (this.#addresses.delete(value)) this.heap.free(at)
      },
    }
    this.#addresses.set(value, at)
    return value
  }

  /** Where a value of this device lies. */
  addressOf(value: DeviceValue): number | undefined {
    return this.#addresses.get(value)
  }
}
