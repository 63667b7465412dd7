/** Measures the ways to compute kernels on a device, and chooses the fastest. */
import { elementBytes, type Dispatch } from '../../codegen/kernel.ts'
import type { Program } from '../../codegen/program.ts'
import { shaderOf, variantsOf, type Variant } from '../../codegen/wgsl/emit.ts'
import type { TuneOptions } from '../tuning.ts'
import { padded } from './buffers.ts'
import { bestOf, kernelDigest, variantText } from './choices.ts'
import { storeOf, type Store } from './choice-store.ts'
import { timed } from './clock.ts'
import type { Device } from './device.ts'
import { partsOf, windowOf, demandBindable } from './cut.ts'
import { bufferBytes } from './frame.ts'
import { usesEvery, bind, numbersOf, type Choose } from './steps.ts'

const defaultBudget = 2000

/** A kernel is run so often; more would measure the same again. */
const rounds = 3

/** An adapter as text: what is fast on one may be slow on the next, and on the same one with fewer features. */
const adapterText = ({ gpu }: Device): string => {
  const { vendor, architecture, device, description } = gpu.adapterInfo
  return [vendor, architecture, device, description, [...gpu.features].sort().join(' ')].join(' | ')
}

const fileName = (adapter: string): string => {
  let hash = 0x811c9dc5
  for (const c of adapter) hash = Math.imul(hash ^ c.codePointAt(0)!, 0x01000193)
  return `tuning-${(hash >>> 0).toString(16).padStart(8, '0')}`
}

/** What a device has been found to be fast at. */
export class Tuner {
  readonly #device: Device
  readonly #store: Store
  readonly #times = new Map<string, Map<string, number>>()
  #loaded: Promise<void> | undefined

  constructor(device: Device, cache: string | false | undefined) {
    this.#device = device
    const adapter = adapterText(device)
    this.#store = storeOf(adapter, fileName(adapter), cache)
  }

  /** The fastest way as far as is known. */
  readonly choose: Choose = (kernel, variants) => bestOf(this.#times, kernel, variants)

  /** Measures what is not known of a program's kernels, the largest first, while there is time. Rejects only where the device is lost. */
  async tune(program: Program, { budget = defaultBudget, progress }: TuneOptions): Promise<void> {
    const end = performance.now() + budget
    await (this.#loaded ??= this.#load(progress))
    const open = this.#open(program)
    const total = open.reduce((n, o) => n + o.variants.length, 0)
    let done = 0
    for (const { dispatch, variants } of open) {
      for (const variant of variants) {
        if (performance.now() >= end) break
        const ms = await this.#measure(program, dispatch, variant)
        this.#note(kernelDigest(dispatch.kernel), variantText(variant), ms)
        done++
        progress?.({ _tag: 'Measured', done, total, label: dispatch.label, variant: variantText(variant), ms })
      }
      if (performance.now() >= end) break
    }
    const wrong = done === 0 ? undefined : await this.#store.save(this.#times)
    if (wrong !== undefined) progress?.({ _tag: 'Unsaved', ...wrong })
  }

  async #load(progress: TuneOptions['progress']): Promise<void> {
    const { times, ignored } = await this.#store.load()
    for (const [kernel, own] of times) for (const [variant, ms] of own) this.#note(kernel, variant, ms)
    if (ignored !== undefined) progress?.({ _tag: 'Ignored', ...ignored })
  }

  #note(kernel: string, variant: string, ms: number): void {
    const own = this.#times.get(kernel) ?? new Map<string, number>()
    this.#times.set(kernel, own.set(variant, ms))
  }

  /** Kernels with ways that are not known, by the bytes that all their uses touch. */
  #open(program: Program): readonly { readonly dispatch: Dispatch; readonly variants: readonly Variant[] }[] {
    const found = new Map<string, { dispatch: Dispatch; variants: readonly Variant[]; weight: number }>()
    for (const dispatch of program.every) {
      const key = kernelDigest(dispatch.kernel)
      const there = found.get(key)
      const weight = workOf(program, dispatch)
      if (there !== undefined) {
        there.weight += weight
        continue
      }
      const all = variantsOf(dispatch.kernel, this.#device.capabilities)
      const known = this.#times.get(key)
      const variants = all.length < 2 ? [] : all.filter((v) => known?.has(variantText(v)) !== true)
      found.set(key, { dispatch, variants, weight })
    }
    return [...found.values()].filter((o) => o.variants.length > 0).toSorted((a, b) => b.weight - a.weight)
  }

  /** Milliseconds of one run on memory of its own; Infinity where the device does not take the code. */
  async #measure(program: Program, dispatch: Dispatch, variant: Variant): Promise<number> {
    const device = this.#device
    const taken: GPUBuffer[] = []
    try {
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
      const step = { dispatch, shader, label }
      const place = { buffer: taken.at(-1)!, offset: 0 }
      const { ready, sound } = bind(device, step, pipeline!, place, (i, window) =>
        windowOf(own[i]!, 0, sizes[i]!, window, device.cut),
      )
      await sound
      // The first run may compile.
      await timed(device, [ready], () => undefined)
      pipeline!.used = true
      const times = await timed(
        device,
        Array.from({ length: rounds }, () => ready),
        () => undefined,
      )
      return Math.min(...times)
    } catch (error) {
      await device.gone()
      if (device.lost) throw error
      return Infinity
    } finally {
      for (const buffer of taken) device.buffers.destroy(buffer)
    }
  }
}

/** How much there is to do, roughly: multiplications, or elements that are read and written. */
const workOf = ({ buffers }: Program, { kernel: k, operands }: Dispatch): number => {
  const touched = operands.reduce((n, id) => n + (buffers[id]!.length * elementBytes(buffers[id]!.element)) / 4, 0)
  if (k._tag === 'Gemm')
    return [...k.batch, ...k.rows].reduce((a, b) => a * b, k.n) * Math.max(1, buffers[operands[1]!]!.length / k.n / 8)
  if (k._tag === 'PlainAttention') return k.batch.reduce((a, b) => a * b, k.rows * k.keys * (k.depth + k.features)) / 8
  return touched
}

const tuners = new WeakMap<Device, Map<string, Tuner>>()

/** A device's tuner. */
export const tunerOf = (device: Device, cache: string | false | undefined): Tuner => {
  const own = tuners.get(device) ?? new Map<string, Tuner>()
  tuners.set(device, own)
  const there = own.get(String(cache)) ?? new Tuner(device, cache)
  own.set(String(cache), there)
  return there
}
