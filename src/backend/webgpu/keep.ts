/** What is the same at every run, weights above all: uploaded, packed once, and shared by the programs that need it. */
import type { Program } from '../../codegen/program.ts'
import type { Buffer } from '../../graph/node.ts'
import { fixedReads, type OnceStep } from '../once.ts'
import { isResult } from '../result.ts'
import { padded } from './buffers.ts'
import { partsOf, piecesOf, windowOf } from './cut.ts'
import type { Device } from './device.ts'
import { bufferBytes } from './frame.ts'
import type { Pipeline } from './pipelines.ts'
import { bind, encode, numbersOf, type Step } from './steps.ts'
import { bytesOfValues } from './transfer.ts'
import { placeOf } from './values.ts'

/** More bytes than this are not left waiting: the device takes them first. */
const mostWaiting = 128 * 2 ** 20

/** A step of `once` with its code. */
export type KeepStep = OnceStep & { readonly step: Step; readonly pipeline: Pipeline }

/** Values that stay on a device. */
export class Keeping {
  readonly #device: Device
  readonly #program: Program
  readonly #recipes: ReadonlyMap<number, string>
  readonly #kept = new Map<number, readonly GPUBuffer[]>()
  readonly #needed: ReadonlySet<number>

  /** Takes hold of what is there already. */
  constructor(device: Device, program: Program, recipes: ReadonlyMap<number, string>) {
    this.#device = device
    this.#program = program
    this.#recipes = recipes
    this.#needed = fixedReads(program)
    for (const id of this.#needed) {
      const there = device.residents.take(recipes.get(id)!)
      if (there !== undefined) this.#kept.set(id, there)
    }
  }

  get needed(): ReadonlySet<number> {
    return this.#needed
  }

  /** The buffers of a value, once it is there: one, unless it is too large. */
  partsOf(id: number): readonly GPUBuffer[] | undefined {
    return this.#kept.get(id)
  }

  /** Lets go of all. */
  release(): void {
    this.#device.residents.release([...this.#kept.keys()].map((id) => this.#recipes.get(id)!))
    this.#kept.clear()
  }

  /** Uploads and computes what is not there. Rejects with a `DeviceError`; then nothing is kept. */
  async compute(steps: readonly KeepStep[]): Promise<void> {
    const missing = new Set([...this.#needed].filter((id) => !this.#kept.has(id)))
    if (missing.size === 0) return
    const work = new Work(this.#device, this.#program, (id) => this.#kept.get(id))
    try {
      await work.follow(steps, missing)
      for (const id of missing) {
        const parts = await work.place(id)
        const kept = this.#device.residents.keep(this.#recipes.get(id)!, parts)
        this.#kept.set(id, kept)
        if (kept === parts) work.adopt(id)
      }
      await work.flush()
    } catch (error) {
      this.release()
      throw error
    } finally {
      work.end()
    }
  }
}

/** Commands and buffers of values that are being computed. */
class Work {
  readonly #device: Device
  readonly #program: Program
  readonly #there: (id: number) => readonly GPUBuffer[] | undefined
  readonly #own = new Map<number, readonly GPUBuffer[]>()
  readonly #checks: Promise<void>[] = []
  readonly #finished: GPUBuffer[] = []
  #numbers: GPUBuffer | undefined
  #encoder: GPUCommandEncoder
  #waiting = 0

  constructor(device: Device, program: Program, there: (id: number) => readonly GPUBuffer[] | undefined) {
    this.#device = device
    this.#program = program
    this.#there = there
    this.#encoder = device.gpu.createCommandEncoder()
  }

  async follow(steps: readonly KeepStep[], kept: ReadonlySet<number>): Promise<void> {
    if (steps.length === 0) return
    const { words, offsets } = numbersOf(steps.map((s) => s.step))
    const [numbers] = await this.#device.buffers.take([words.byteLength], 'numbers', 'numbers of kernels')
    this.#numbers = numbers!
    this.#device.gpu.queue.writeBuffer(numbers!, 0, words)
    for (const [i, { step, pipeline, dispatch, frees }] of steps.entries()) {
      for (const id of dispatch.operands) await this.place(id)
      const at = { buffer: numbers!, offset: offsets[i]! }
      const { ready, sound } = bind(this.#device, step, pipeline, at, (o, window) =>
        this.#binding(dispatch.operands[o]!, window),
      )
      this.#checks.push(sound)
      const pass = this.#encoder.beginComputePass({ label: step.label })
      this.#device.counts.dispatches += encode(pass, [ready])
      pass.end()
      for (const id of frees) if (!kept.has(id)) this.#drop(id)
      if (this.#waiting > mostWaiting) await this.flush(true)
    }
  }

  #binding(id: number, window: number): GPUBufferBinding {
    const parts = (this.#there(id) ?? this.#own.get(id))!
    return windowOf(parts, 0, bufferBytes(this.#program, id), window, this.#device.cut)
  }

  #drop(id: number): void {
    this.#finished.push(...(this.#own.get(id) ?? []))
    this.#own.delete(id)
  }

  /** The buffers of a value: fresh ones unless there are some, with the host's values if it is a leaf. */
  async place(id: number): Promise<readonly GPUBuffer[]> {
    const there = this.#there(id) ?? this.#own.get(id)
    if (there !== undefined) return there
    const { purpose } = this.#program.buffers[id]!
    const what = purpose._tag === 'Leaf' ? (purpose.node.label ?? 'captured values') : 'what is computed once'
    const sizes = partsOf(padded(bufferBytes(this.#program, id)), this.#device.cut)
    const parts = await this.#device.buffers.take(sizes, 'values', what)
    this.#own.set(id, parts)
    if (purpose._tag === 'Leaf') await this.#fill(parts, purpose.node, id)
    return parts
  }

  async #fill(parts: readonly GPUBuffer[], node: Buffer, id: number): Promise<void> {
    const { source } = node
    if (source._tag === 'Device') {
      const place = isResult(source.resident) ? placeOf(await source.resident.value) : undefined
      if (place?.device === this.#device && node.dtype !== 'f16' && node.dtype !== 'bf16') {
        for (const p of piecesOf(parts, 0, bufferBytes(this.#program, id), this.#device.cut))
          this.#encoder.copyBufferToBuffer(place.buffer, p.from, p.buffer, p.offset, p.bytes)
        return
      }
    }
    const data = source._tag === 'Host' ? source.data : await source.resident.read()
    const bytes = bytesOfValues(this.#program.buffers[id]!.element, node.dtype, data)
    if (bytes.byteLength === 0) return
    for (const p of piecesOf(parts, 0, bytes.byteLength, this.#device.cut)) {
      this.#device.gpu.queue.writeBuffer(p.buffer, p.offset, bytes, p.from, p.bytes)
      this.#device.counts.writes++
    }
    this.#device.counts.bytesWritten += bytes.byteLength
    this.#waiting += bytes.byteLength
  }

  /** A value that now belongs to others. */
  adopt(id: number): void {
    this.#own.delete(id)
  }

  /** Sends what has been encoded. */
  async flush(wait = false): Promise<void> {
    this.#device.submit(this.#encoder.finish())
    this.#encoder = this.#device.gpu.createCommandEncoder()
    for (const buffer of this.#finished.splice(0)) this.#device.buffers.destroy(buffer)
    await Promise.all(this.#checks.splice(0))
    this.#waiting = 0
    if (wait) await this.#device.idle()
  }

  /** Frees what is left. */
  end(): void {
    for (const buffer of [...[...this.#own.values()].flat(), ...this.#finished]) this.#device.buffers.destroy(buffer)
    this.#own.clear()
    if (this.#numbers !== undefined) this.#device.buffers.give(this.#numbers)
  }
}
