/** The buffers of a device: what is given back is used again, so that a program that runs a thousand times allocates nothing after the first. */
import type { Memory } from '../backend.ts'
import type { Counts } from './counts.ts'
import { fault, guarded, figure } from './faults.ts'

/** Bytes of a binding: whole vectors of four words. */
export const padded = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16)

/** Bytes of a buffer: whole words, and some. */
const whole = (bytes: number): number => Math.max(4, Math.ceil(bytes / 4) * 4)

/** Freed buffers beyond so many bytes go back to the device. */
const mostSpare = 256 * 2 ** 20

/** What buffers are for: values, which kernels read and write; numbers of kernels; what the host reads. */
export type Use = 'values' | 'numbers' | 'reading' | 'queries'

const usageOf = (use: Use): GPUBufferUsageFlags => {
  const { STORAGE, COPY_SRC, COPY_DST, UNIFORM, MAP_READ, QUERY_RESOLVE } = GPUBufferUsage
  switch (use) {
    case 'values':
      return STORAGE | COPY_SRC | COPY_DST
    case 'numbers':
      return UNIFORM | COPY_DST
    case 'reading':
      return MAP_READ | COPY_DST
    case 'queries':
      return QUERY_RESOLVE | COPY_SRC
  }
}

/** A device's buffers. */
export class Buffers {
  readonly #gpu: GPUDevice
  readonly #counts: Counts
  readonly #spare = new Map<string, GPUBuffer[]>()
  readonly #uses = new Map<GPUBuffer, string>()
  #spareBytes = 0
  #bytes = 0

  readonly #most: number

  /** `most`: bytes of the largest there can be. */
  constructor(gpu: GPUDevice, counts: Counts, most = gpu.limits.maxBufferSize) {
    this.#most = most
    this.#gpu = gpu
    this.#counts = counts
  }

  /** All there are, those not in use among them. */
  get held(): Memory {
    return { values: this.#uses.size, bytes: this.#bytes }
  }

  /** Bytes of buffers that are in use. */
  get used(): number {
    return this.#bytes - this.#spareBytes
  }

  /** Buffers of so many bytes each. Rejects with a `DeviceError` where the device has no room, naming what they are for. */
  async take(sizes: readonly number[], use: Use, what: string): Promise<readonly GPUBuffer[]> {
    try {
      return await this.#takeAll(sizes, use, what)
    } catch (error) {
      if (this.#spareBytes === 0) throw error
      this.trim()
      return this.#takeAll(sizes, use, what)
    }
  }

  async #takeAll(sizes: readonly number[], use: Use, what: string): Promise<readonly GPUBuffer[]> {
    const taken: GPUBuffer[] = []
    const checks: Promise<void>[] = []
    try {
      for (const size of sizes) {
        const spare = this.#takeSpare(size, use)
        if (spare !== undefined) {
          taken.push(spare)
          continue
        }
        const { made, sound } = this.#make(whole(size), use, what)
        taken.push(made)
        checks.push(sound)
      }
      await Promise.all(checks)
      return taken
    } catch (error) {
      for (const buffer of taken) this.destroy(buffer)
      throw error
    }
  }

  /** A buffer that was given back, or undefined. */
  #takeSpare(size: number, use: Use): GPUBuffer | undefined {
    const buffer = this.#spare.get(`${use} ${whole(size)}`)?.pop()
    if (buffer !== undefined) this.#spareBytes -= buffer.size
    return buffer
  }

  #make(size: number, use: Use, what: string): { readonly made: GPUBuffer; readonly sound: Promise<void> } {
    if (size > this.#most)
      throw fault(`${what}: ${figure(size)} in one buffer; this device has buffers of ${figure(this.#most)} at most`)
    const asked = `${what}: ${figure(size)} more than the ${figure(this.#bytes)} in use`
    const guard = guarded(this.#gpu, asked, () => this.#gpu.createBuffer({ size, usage: usageOf(use), label: what }))
    this.#counts.buffers++
    this.#uses.set(guard.made, `${use} ${size}`)
    this.#bytes += size
    return guard
  }

  /** Gives a buffer back. What has been submitted may still be using it: it comes before whatever uses it next. */
  give(buffer: GPUBuffer): void {
    const key = this.#uses.get(buffer)
    if (key === undefined) return
    if (this.#spareBytes + buffer.size > mostSpare) return this.destroy(buffer)
    const spare = this.#spare.get(key) ?? []
    this.#spare.set(key, spare)
    spare.push(buffer)
    this.#spareBytes += buffer.size
  }

  /** Makes sure that so many buffers of each size wait to be taken. */
  async reserve(sizes: readonly number[], use: Use, what: string): Promise<void> {
    for (const buffer of await this.take(sizes, use, what)) this.give(buffer)
  }

  /** Gives a buffer's memory back to the device. */
  destroy(buffer: GPUBuffer): void {
    if (!this.#uses.delete(buffer)) return
    this.#bytes -= buffer.size
    buffer.destroy()
  }

  /** Gives back the memory of all buffers that are not in use. */
  trim(): void {
    for (const spare of this.#spare.values()) for (const buffer of spare.splice(0)) this.destroy(buffer)
    this.#spareBytes = 0
  }
}
