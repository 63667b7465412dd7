/** Programs on a device: what is computed once and kept, and runs. */
import { elementBytes, type Dispatch } from '../../codegen/kernel.ts'
import type { Program } from '../../codegen/program.ts'
import type { Engine } from '../../codegen/wasm/engine.ts'
import { emit, type Emission } from '../../codegen/wasm/emit.ts'
import { workOf } from '../../codegen/wasm/work.ts'
import type { Buffer, Graph } from '../../graph/node.ts'
import { size } from '../../core/shape.ts'
import { arena, type Arena } from '../../passes/arena.ts'
import { lower, type LowerOptions } from '../../passes/lower.ts'
import { wasmTarget } from '../../passes/target.ts'
import type { DeviceValue, Executable, Operand } from '../backend.ts'
import { listing } from '../listing.ts'
import { recipesOf } from '../residents.ts'
import type { Device } from './device.ts'
import type { Loaded } from './team.ts'
import { write } from './transfer.ts'

type Kept = ReadonlyMap<number, number>

/** How long a kernel took in a run, all threads together. */
export type Timing = { readonly dispatch: Dispatch; readonly ms: number }

/** How programs are made; `profile` is told after each run how long its kernels took. */
export type PreparedOptions = LowerOptions & {
  readonly profile?: (timings: readonly Timing[]) => void
  /** What modules are written for: this engine unless given. */
  readonly engine?: Engine
}

/** Programs with less to do are run by one thread. */
const leastTeamWork = 100_000

const forgotten = new FinalizationRegistry<() => void>((release) => release())

/** A graph as a program of this device. */
export class Prepared implements Executable {
  readonly #device: Device
  readonly #graph: Graph
  readonly #program: Program
  readonly #arena: Arena
  readonly #recipes: ReadonlyMap<number, string>
  readonly #large: boolean
  readonly #profile: PreparedOptions['profile']
  readonly #engine: Engine | undefined
  readonly #last: ReadonlyMap<number, number>
  #emission: Emission | undefined
  #loaded: Loaded | undefined
  #kept: Kept | undefined
  #release: () => void = () => undefined

  constructor(device: Device, graph: Graph, { profile, engine, ...options }: PreparedOptions = {}) {
    this.#device = device
    this.#profile = profile
    this.#engine = engine
    this.#graph = graph
    this.#program = lower(graph, wasmTarget, options)
    this.#arena = arena(this.#program)
    this.#recipes = recipesOf(this.#program)
    this.#large = this.#program.every.reduce((sum, d) => sum + workOf(d.kernel), 0) >= leastTeamWork
    if (this.#large) device.team.start()
    this.#last = new Map(this.#program.once.flatMap((d, i) => d.operands.map((id) => [id, i] as const)))
  }

  get listing(): string {
    return listing(this.#program, this.#arena.bytes)
  }

  dispose(): void {
    forgotten.unregister(this)
    this.#release()
    this.#release = () => undefined
    this.#kept = undefined
  }

  async run(inputs: readonly Operand[]): Promise<readonly DeviceValue[]> {
    const { heap } = this.#device
    const memory = { pages: 1, maximum: 65536, shared: heap.shared }
    this.#emission ??= emit(this.#program.once, this.#program.every, memory, {
      profiled: this.#profile !== undefined,
      ...(this.#engine && { engine: this.#engine }),
    })
    this.#loaded ??= await this.#device.instance(this.#emission.bytes)
    const addresses = new Map<number, number>(await this.#keep(this.#loaded))
    const passing: number[] = []
    const outputs: number[] = []
    try {
      for (const [i, id] of this.#program.inputs.entries()) addresses.set(id, await this.#given(i, inputs[i]!, passing))
      for (const id of this.#program.outputs) {
        const { element, length } = this.#program.buffers[id]!
        const at = heap.allocate(length * elementBytes(element))
        outputs.push(at)
        addresses.set(id, at)
      }
      const { words, work } = this.#emission
      const before = 4 * words + work * this.#device.team.threads
      const table = this.#device.scratch(before + this.#arena.bytes)
      for (const [id, offset] of this.#arena.offsets) addresses.set(id, table + before + offset)
      this.#fill(table, this.#program.once.length, this.#program.every, addresses)
      await this.#device.team.call(this.#loaded, -1, table, this.#large)
      this.#report()
    } catch (error) {
      for (const at of outputs) heap.free(at)
      throw error
    } finally {
      for (const at of passing) heap.free(at)
      // A program without inputs keeps nothing.
      if (this.#graph.inputs.length === 0) this.dispose()
    }
    return this.#graph.outputs.map((n, i) => this.#device.own(outputs[i]!, n.dtype, size(n.shape)))
  }

  #report(): void {
    const ticks = this.#device.ticks.splice(0)
    this.#profile?.(this.#program.every.map((dispatch, i) => ({ dispatch, ms: (ticks[i + 1] ?? 0) - (ticks[i] ?? 0) })))
  }

  /** Writes the addresses of dispatches, which are the program's from the given one on, and zeros for all. */
  #fill(table: number, from: number, dispatches: readonly Dispatch[], addresses: ReadonlyMap<number, number>): void {
    const { tables, operands, words } = this.#emission!
    const at = new Int32Array(this.#device.heap.memory.buffer, table, words)
    let next = tables[from] ?? 0
    for (const d of dispatches) for (const id of d.operands) at[next++] = addresses.get(id)!
    at.fill(0, operands)
  }

  async #given(i: number, operand: Operand, passing: number[]): Promise<number> {
    const n = this.#graph.inputs[i]!
    const element = this.#program.buffers[this.#program.inputs[i]!]!.element
    const there = 'data' in operand ? undefined : this.#device.addressOf(operand)
    if (there !== undefined) return there
    const [data, dtype] = 'data' in operand ? [operand.data, operand.dtype] : [await operand.read(), n.dtype]
    const at = this.#device.heap.allocate(data.length * 4)
    passing.push(at)
    write(this.#device.heap.memory, at, element, dtype, data)
    return at
  }

  /** Addresses of what is the same at every run; what is not there yet is computed. */
  async #keep(loaded: Loaded): Promise<Kept> {
    if (this.#kept !== undefined) return this.#kept
    const { residents } = this.#device
    const needed = new Set<number>()
    for (const { operands } of this.#program.every) for (const id of operands) if (this.#recipes.has(id)) needed.add(id)
    const kept = new Map<number, number>()
    for (const id of needed) {
      const at = residents.take(this.#recipes.get(id)!)
      if (at !== undefined) kept.set(id, at)
    }
    const recipes = this.#recipes
    const release = (): void => residents.release([...kept.keys()].map((id) => recipes.get(id)!))
    try {
      await this.#compute(loaded, needed, kept)
    } catch (error) {
      release()
      throw error
    }
    this.#kept = kept
    this.#release = release
    forgotten.register(this, release, this)
    return kept
  }

  async #compute(loaded: Loaded, needed: ReadonlySet<number>, kept: Map<number, number>): Promise<void> {
    const { heap, residents } = this.#device
    const { once } = this.#program
    // From the end: which steps lead to something that is missing.
    const wanted = new Set([...needed].filter((id) => !kept.has(id)))
    const steps = once.map(() => false)
    for (let i = once.length - 1; i >= 0; i--) {
      const [out, ...reads] = once[i]!.operands
      if (!wanted.has(out!)) continue
      steps[i] = true
      for (const id of reads) if (!kept.has(id)) wanted.add(id)
    }
    const temporary = new Map<number, number>()
    const place = async (id: number): Promise<void> => {
      if (kept.has(id) || temporary.has(id)) return
      const { element, length, purpose } = this.#program.buffers[id]!
      const at = heap.allocate(length * elementBytes(element))
      temporary.set(id, at)
      if (purpose._tag === 'Leaf') write(heap.memory, at, element, purpose.node.dtype, await valuesOf(purpose.node))
    }
    try {
      for (const [i, d] of once.entries()) {
        if (!steps[i]) continue
        for (const id of d.operands) await place(id)
        const { words: all, work } = this.#emission!
        const words = heap.allocate(4 * all + work * this.#device.team.threads)
        try {
          this.#fill(words, i, [d], new Map([...kept, ...temporary]))
          await this.#device.team.call(loaded, i, words, workOf(d.kernel) >= leastTeamWork)
        } finally {
          heap.free(words)
        }
        for (const id of new Set(d.operands)) {
          if (needed.has(id) || this.#last.get(id) !== i || !temporary.has(id)) continue
          heap.free(temporary.get(id)!)
          temporary.delete(id)
        }
      }
      for (const id of needed) {
        if (kept.has(id)) continue
        await place(id)
        const at = temporary.get(id)!
        kept.set(id, residents.keep(this.#recipes.get(id)!, at))
        if (kept.get(id) === at) temporary.delete(id)
      }
    } finally {
      for (const at of temporary.values()) heap.free(at)
    }
  }
}

const valuesOf = (node: Buffer) => (node.source._tag === 'Host' ? node.source.data : node.source.resident.read())
