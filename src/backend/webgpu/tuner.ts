/** Finds out which ways to compute a program are the fastest on a device, in a bounded time. */
import type { Program } from '../../codegen/program.ts'
import type { Capabilities } from '../../codegen/wgsl/shader.ts'
import type { Conv } from '../../graph/node.ts'
import type { TuneOptions } from '../tuning.ts'
import { Allowance, type Clock } from './allowance.ts'
import { benchOn } from './bench.ts'
import { bestOf, fastestOf } from './choices.ts'
import { storeOf, type Store } from './choice-store.ts'
import { algorithmText, convolutionKey } from './convolution.ts'
import { convolutionQuestions } from './convolution-questions.ts'
import type { Device } from './device.ts'
import { kernelQuestions } from './kernel-questions.ts'
import { Known } from './known.ts'
import { meterOn, type Bench } from './meter.ts'
import { winogradWays, type Winograd } from './passes.ts'
import type { Means, Question } from './question.ts'
import type { Choose } from './steps.ts'

const defaultBudget = 2000

/** What a tuner works with. */
export type Workplace = {
  readonly capabilities: Capabilities
  readonly bench: Bench
  readonly store: Store
  readonly now?: Clock
}

/** What an adapter has been found to be fast at. */
export class Tuner {
  readonly #means: Means
  readonly #now: Clock

  constructor({ capabilities, bench, store, now = () => performance.now() }: Workplace) {
    this.#now = now
    this.#means = { capabilities, known: new Known(store), meter: meterOn(bench, now) }
  }

  /** The fastest way to compute a kernel, as far as is known. */
  readonly choose: Choose = (kernel, variants) => bestOf(this.#means.known.times, kernel, variants)

  /** The fastest algorithm for a convolution, as far as is known. */
  readonly winograd: Winograd = (n) => {
    const { known, capabilities } = this.#means
    return fastestOf(known.times.get(convolutionKey(n)), winogradWays(capabilities)(n), algorithmText)
  }

  /**
   * Measures what is not known of a program, while there is time: in the first half how its convolutions are done best, then the ways to compute its
   * kernels. `lowered` gives the program, given how convolutions are done; the one that follows from what was found is the result. Rejects only
   * where the device is lost.
   *
   * Of `budget` milliseconds this can promise so much: a kernel is compiled and run where that is likely to end in time, and a device's other work waits
   * for what has begun. So it takes longer by one compilation or one run at most, where that takes longer than expected: the first compilation, of
   * which nothing is known, or any while the machine is given more to do. Making the program and writing down what was found come on top.
   */
  async tune(
    lowered: (winograd: Winograd) => Program,
    { budget = defaultBudget, progress }: TuneOptions,
  ): Promise<Program> {
    const { known } = this.#means
    const [half, whole] = [new Allowance(budget / 2, this.#now), new Allowance(budget, this.#now)]
    await known.load(progress)
    const asked = new Map<string, { readonly n: Conv; readonly way: ReturnType<Winograd> }>()
    const guess = lowered((n) => {
      const way = this.winograd(n)
      asked.set(convolutionKey(n), { n, way })
      return way
    })
    const convolutions = [...asked.values()]
    const first = await this.#ask(
      convolutionQuestions(
        convolutions.map(({ n }) => n),
        this.#means,
      ),
      half,
      0,
      progress,
    )
    const isSame = convolutions.every(({ n, way }) => this.winograd(n) === way)
    const program = isSame ? guess : lowered(this.winograd)
    const all = await this.#ask(kernelQuestions(program, this.#means), whole, first, progress)
    if (all > 0) await known.save(progress)
    return program
  }

  /** Asks in turn, after `before` answers; how many there are then. */
  async #ask(
    questions: readonly Question[],
    time: Allowance,
    before: number,
    progress: TuneOptions['progress'],
  ): Promise<number> {
    const { known, meter } = this.#means
    const total = before + questions.length
    let done = before
    for (const { key, way, label, answer } of questions) {
      if (!meter.hasTime(time)) break
      const ms = await answer(time)
      if (ms === undefined) continue
      known.note(key, way, ms)
      progress?.({ _tag: 'Measured', done: ++done, total, label, variant: way, ms })
    }
    return done
  }
}

const tuners = new WeakMap<Device, Map<string, Tuner>>()

/** A device's tuner. */
export const tunerOf = (device: Device, cache: string | false | undefined): Tuner => {
  const own = tuners.get(device) ?? new Map<string, Tuner>()
  tuners.set(device, own)
  const { capabilities, gpu } = device
  const there =
    own.get(String(cache)) ?? new Tuner({ capabilities, bench: benchOn(device), store: storeOf(gpu, cache) })
  own.set(String(cache), there)
  return there
}
