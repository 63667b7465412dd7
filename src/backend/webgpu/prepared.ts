/** Programs on whatever device there is: when it was lost, on the next. */
import type { Program } from '../../codegen/program.ts'
import type { Graph } from '../../graph/node.ts'
import type { DeviceValue, Executable, KernelTime, Operand } from '../backend.ts'
import { listing } from '../listing.ts'
import type { Device } from './device.ts'
import { pipelineKey } from './pipelines.ts'
import { lower, type LowerOptions, type Winograd } from './passes.ts'
import { Replay } from './replay.ts'
import { firstVariant, type Choose } from './steps.ts'
import { tunerOf } from './tuner.ts'
import { tuningOf, type TuneOptions } from '../tuning.ts'

const forgotten = new FinalizationRegistry<() => void>((release) => release())

/** How programs are made. */
export type PrepareOptions = LowerOptions & { readonly choose?: Choose; readonly tune?: boolean | TuneOptions }

/** The devices of a backend, one after the other. */
export interface Devices {
  /** The one to use now. */
  readonly current: () => Device
  /** A new one where that was lost. */
  readonly alive: () => Promise<Device>
}

/** A graph as a program. */
export class Prepared implements Executable {
  readonly #devices: Devices
  readonly #graph: Graph
  readonly #options: PrepareOptions
  #replay: Replay
  #tuned: { readonly device: Device; readonly done: Promise<void> } | undefined

  constructor(devices: Devices, graph: Graph, options: PrepareOptions) {
    this.#devices = devices
    this.#graph = graph
    this.#options = options
    this.#replay = this.#on(devices.current())
  }

  get listing(): string {
    return listing(this.#replay.program, this.#replay.arenaBytes)
  }

  get code(): string {
    const { steps } = this.#replay
    const first = new Map(steps.toReversed().map((s) => [pipelineKey(s.shader), s] as const))
    return [...new Set(steps.map((s) => first.get(pipelineKey(s.shader))!))]
      .map(({ label, shader }) => `// ${label}\n${shader.code}`)
      .join('\n')
  }

  dispose(): void {
    forgotten.unregister(this)
    this.#replay.release()
  }

  run(inputs: readonly Operand[]): Promise<readonly DeviceValue[]> {
    return this.#attempt((replay) => replay.run(inputs))
  }

  profile(inputs: readonly Operand[]): Promise<readonly KernelTime[]> {
    return this.#attempt((replay) => replay.profile(inputs))
  }

  async #attempt<A>(f: (replay: Replay) => Promise<A>): Promise<A> {
    const device = await this.#devices.alive()
    if (this.#replay.device !== device) this.#replay = this.#on(device)
    await this.#tune()
    try {
      return await f(this.#replay)
    } catch (error) {
      // What fails because the device is lost says so.
      await device.gone()
      throw error
    } finally {
      // A program without inputs keeps nothing.
      if (this.#graph.inputs.length === 0) this.dispose()
    }
  }

  /** Measures what is not known, once on each device; whoever runs the program meanwhile waits for it. */
  async #tune(): Promise<void> {
    const { device } = this.#replay
    const { choose, tune } = this.#options
    const how = tuningOf(tune)
    // What runs once is not worth it.
    if (how === undefined || choose !== undefined || this.#graph.inputs.length === 0) return
    if (this.#tuned?.device !== device) this.#tuned = { device, done: this.#tuneOn(device, how) }
    await this.#tuned.done
  }

  async #tuneOn(device: Device, how: TuneOptions): Promise<void> {
    const tuner = tunerOf(device, how.cache)
    const program = await tuner.tune((winograd) => this.#lowered(device, winograd), how)
    const old = this.#replay
    this.#replay = this.#on(device, tuner.choose, program)
    old.release()
  }

  #lowered(device: Device, winograd?: Winograd): Program {
    return lower(this.#graph, device.capabilities, this.#options, undefined, winograd)
  }

  #on(
    device: Device,
    choose: Choose = this.#options.choose ?? firstVariant,
    program: Program = this.#lowered(device),
  ): Replay {
    const replay = new Replay(device, this.#graph, program, choose)
    forgotten.unregister(this)
    forgotten.register(this, () => replay.release(), this)
    return replay
  }
}
