/** Measures the ways to compute kernels on a device, and chooses the fastest. */
import { elementBytes, type Dispatch } from '../../codegen/kernel.ts'
import type { Program } from '../../codegen/program.ts'
import { shaderOf, variantsOf, type Variant } from '../../codegen/wgsl/emit.ts'
import { size } from '../../core/shape.ts'
import type { Conv } from '../../graph/node.ts'
import type { TuneOptions } from '../tuning.ts'
import { padded } from './buffers.ts'
import { bestOf, digest, fastestOf, kernelDigest, variantText } from './choices.ts'
import { storeOf, type Store } from './choice-store.ts'
import { timed } from './clock.ts'
import { alone, convolutionLabel, convolutionText } from './convolution.ts'
import type { Device } from './device.ts'
import { guessedWinograd, lower, possibleWinograd, type Winograd } from './passes.ts'
import { partsOf, windowOf, demandBindable } from './cut.ts'
import { bufferBytes } from './frame.ts'
import { usesEvery, bind, numbersOf, type Choose } from './steps.ts'

const defaultBudget = 2000

/** A kernel is run so often; more would measure the same again. */
const rounds = 3

/** So many times the fastest, and measuring it better changes nothing. */
const hopeless = 1.5

const wayText = (way: 2 | 4 | undefined): string => (way === undefined ? 'direct' : `winograd ${way}`)

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

  /** Is a convolution done by Winograd's algorithm, as far as is known? */
  readonly winograd: Winograd = (n) => {
    const ways = this.#waysOf(n)
    return ways === undefined ? undefined : fastestOf(this.#times.get(digest(convolutionText(n))), ways, wayText)
  }

  /** The ways to do a convolution, the best guess first; undefined where there is one. */
  #waysOf(n: Conv): readonly (2 | 4 | undefined)[] | undefined {
    const { capabilities } = this.#device
    const m = possibleWinograd(capabilities)(n)
    if (m === undefined) return undefined
    return guessedWinograd(capabilities)(n) === undefined ? [undefined, m] : [m, undefined]
  }

  /**
   * Measures what is not known of a program, while there is time: first how its convolutions are done best, then the ways to compute its kernels, the
   * largest first. `lowered` gives the program, given how convolutions are done. Rejects only where the device is lost.
   */
  async tune(
    lowered: (winograd: Winograd) => Program,
    { budget = defaultBudget, progress }: TuneOptions,
  ): Promise<void> {
    const start = performance.now()
    await (this.#loaded ??= this.#load(progress))
    const convolutions = this.#convolutions(lowered)
    let total = convolutions.length
    let done = 0
    const measured = (label: string, variant: string, ms: number): void =>
      progress?.({ _tag: 'Measured', done: ++done, total, label, variant, ms })
    for (const { n, way } of convolutions) {
      if (performance.now() >= start + budget / 2) break
      const ms = await this.#convolve(n, way)
      this.#note(digest(convolutionText(n)), wayText(way), ms)
      measured(convolutionLabel(n), wayText(way), ms)
    }
    const program = lowered(this.winograd)
    const open = this.#open(program)
    total = done + open.reduce((n, o) => n + o.variants.length, 0)
    for (const { dispatch, variants } of open)
      for (const variant of variants) {
        if (performance.now() >= start + budget) break
        const key = kernelDigest(dispatch.kernel)
        const fastest = Math.min(...(this.#times.get(key)?.values() ?? []))
        const ms = await this.#measure(program, dispatch, variant, fastest)
        this.#note(key, variantText(variant), ms)
        measured(dispatch.label, variantText(variant), ms)
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

  /** Ways to do a program's convolutions that are not known, those of the most multiplications first. */
  #convolutions(
    lowered: (winograd: Winograd) => Program,
  ): readonly { readonly n: Conv; readonly way: 2 | 4 | undefined }[] {
    const all = new Map<string, Conv>()
    lowered((n) => {
      all.set(convolutionText(n), n)
      return this.winograd(n)
    })
    const work = (n: Conv): number => size(n.shape) * size(n.w.shape.slice(1))
    return [...all]
      .toSorted(([, a], [, b]) => work(b) - work(a))
      .flatMap(([text, n]) => {
        const known = this.#times.get(digest(text))
        return (this.#waysOf(n) ?? []).filter((way) => known?.has(wayText(way)) !== true).map((way) => ({ n, way }))
      })
  }

  /** Milliseconds of a convolution by itself: of all its kernels, each in the way that is thought best. */
  async #convolve(n: Conv, way: 2 | 4 | undefined): Promise<number> {
    const { capabilities } = this.#device
    const program = lower(alone(n), capabilities, {}, undefined, () => way)
    let ms = 0
    for (const dispatch of program.every) {
      const variants = variantsOf(dispatch.kernel, capabilities)
      ms += await this.#measure(program, dispatch, bestOf(this.#times, dispatch.kernel, variants))
    }
    return ms
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

  /**
   * Milliseconds of one run on memory of its own; Infinity where the device does not take the code. What takes much longer than the `fastest` so far
   * runs no more often than it takes to know.
   */
  async #measure(program: Program, dispatch: Dispatch, variant: Variant, fastest = Infinity): Promise<number> {
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
      const run = (count: number): Promise<readonly number[]> =>
        timed(device, Array(count).fill(ready), () => undefined)
      const [first] = await run(1)
      return first! > hopeless * fastest ? first! : Math.min(first!, ...(await run(rounds - 1)))
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
