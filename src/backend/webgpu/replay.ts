/** A program that is ready on a device: what a run takes is one write, one pass and one submission. */
import type { Program } from '../../codegen/program.ts'
import type { Graph } from '../../graph/node.ts'
import { size } from '../../core/shape.ts'
import type { DeviceValue, KernelTime, Operand } from '../backend.ts'
import { onceSteps } from '../once.ts'
import { tell } from '../progress.ts'
import { recipesOf } from '../residents.ts'
import { timed } from './clock.ts'
import { piecesOf, windowOf } from './cut.ts'
import type { Device } from './device.ts'
import { bufferBytes, frameOf, type Frame, type Slot } from './frame.ts'
import { guarded } from './faults.ts'
import { Keeping } from './keep.ts'
import { bind, encode, everySteps, numbersOf, onceStepsOf, type Choose, type Ready, type Step } from './steps.ts'
import { bytesOfValues } from './transfer.ts'
import { own, placeOf } from './values.ts'
import { compilesAtFirstUse, warm } from './warm.ts'

/** A copy within the device. */
type Copy = {
  readonly from: GPUBuffer
  readonly to: GPUBuffer
  readonly start: number
  readonly bytes: number
}

/** A program on a device. */
export class Replay {
  readonly device: Device
  readonly program: Program
  readonly steps: readonly Step[]
  readonly #graph: Graph
  readonly #frame: Frame
  readonly #choose: Choose
  readonly #recipes: ReadonlyMap<number, string>
  #keeping: Keeping | undefined
  #numbers: GPUBuffer | undefined
  #inputs: GPUBuffer | undefined
  #segments: readonly GPUBuffer[] = []
  #ready: readonly Ready[] = []
  #host: Uint8Array<ArrayBuffer>
  #runs = 0
  readonly #pace = { ms: 0 }

  /** Writes the kernels; nothing is asked of the device yet. */
  constructor(device: Device, graph: Graph, program: Program, choose: Choose) {
    this.device = device
    this.program = program
    this.#graph = graph
    this.#choose = choose
    this.#frame = frameOf(program, device.cut.segment)
    this.#recipes = recipesOf(program)
    this.steps = everySteps(program, device.capabilities, choose)
    this.#host = new Uint8Array(this.#frame.inputBytes)
  }

  /** Bytes of what lives during a run. */
  get arenaBytes(): number {
    return this.#frame.segments.reduce((sum, b) => sum + b, 0)
  }

  /** Frees what the program keeps between runs. */
  release(): void {
    this.#keeping?.release()
    this.#keeping = undefined
    for (const buffer of [this.#numbers, this.#inputs]) if (buffer !== undefined) this.device.buffers.give(buffer)
    this.#numbers = this.#inputs = undefined
    this.#ready = []
    this.#segments = []
  }

  /** Compiles, keeps and binds whatever is not there yet. */
  async #prepare(): Promise<void> {
    const { device, program } = this
    if (this.#keeping === undefined) {
      const keeping = new Keeping(device, program, this.#recipes)
      try {
        await this.#compile(keeping)
      } catch (error) {
        keeping.release()
        throw error
      }
      this.#keeping = keeping
    }
    const segments = await device.arena(this.#frame.segments)
    if (this.#frame.segments.every((_, i) => segments[i] === this.#segments[i]) && this.#ready.length > 0) return
    this.#segments = segments
    await this.#bind()
  }

  async #compile(keeping: Keeping): Promise<void> {
    const { device, program } = this
    const pending = onceSteps(program, keeping.needed, (id) => keeping.partsOf(id) !== undefined)
    const dispatches = pending.map((s) => s.dispatch)
    const once = onceStepsOf(program, dispatches, device.capabilities, this.#choose)
    const later = compilesAtFirstUse(device)
    const pipelines = await device.pipelines.all(later ? once : [...once, ...this.steps], tell)
    await keeping.compute(pending.map((s, i) => ({ ...s, step: once[i]!, pipeline: pipelines[i]! })))
  }

  async #bind(): Promise<void> {
    const { device, program, steps } = this
    const pipelines = await device.pipelines.all(steps)
    const { words, offsets } = numbersOf(steps)
    if (this.#numbers === undefined && words.length > 0) {
      ;[this.#numbers] = await device.buffers.take([words.byteLength], 'numbers', 'numbers of kernels')
      device.gpu.queue.writeBuffer(this.#numbers!, 0, words)
    }
    if (this.#inputs === undefined && this.#frame.inputBytes > 0)
      [this.#inputs] = await device.buffers.take([this.#frame.inputBytes], 'values', 'inputs')
    const bound = steps.map((step, i) =>
      bind(device, step, pipelines[i]!, { buffer: this.#numbers!, offset: offsets[i]! }, (o, window) =>
        this.#binding(step.dispatch.operands[o]!, window),
      ),
    )
    await Promise.all(bound.map((b) => b.sound))
    if (compilesAtFirstUse(device))
      await warm(
        device,
        bound.map(({ ready }, i) => ({ ready, pipeline: pipelines[i]! })),
      )
    this.#ready = bound.map((b) => b.ready)
    // The first state's place is wanted again at the third step: with two of each, the second allocates nothing.
    if (this.#graph.inputs.length > 0)
      await device.buffers.reserve(
        program.outputs.flatMap((_, i) => [this.#outputBytes(i), this.#outputBytes(i)]),
        'values',
        'results',
      )
  }

  #binding(id: number, window: number): GPUBufferBinding {
    const { cut } = this.device
    const kept = this.#keeping!.partsOf(id)
    if (kept !== undefined) return windowOf(kept, 0, bufferBytes(this.program, id), window, cut)
    const input = this.#frame.inputs.get(id)
    if (input !== undefined)
      return windowOf([this.#inputs!], input.offset, input.bytes, window, { ...cut, segment: Number.MAX_SAFE_INTEGER })
    const { offset, bytes } = this.#frame.arena.get(id)!
    return windowOf(this.#segments, offset, bytes, window, cut)
  }

  #outputBytes(i: number): number {
    return this.#slotOf(this.program.outputs[i]!).bytes
  }

  #slotOf(id: number): Slot {
    return this.#frame.arena.get(id) ?? { offset: 0, bytes: 0 }
  }

  /** Sends a run on its way. The results are there when `settled` says so. */
  async run(inputs: readonly Operand[]): Promise<readonly DeviceValue[]> {
    const { device, program } = this
    device.demandHealth()
    await this.#prepare()
    await device.turn()
    const copies = await this.#give(inputs)
    const results = await device.buffers.take(
      program.outputs.map((_, i) => this.#outputBytes(i)),
      'values',
      'results',
    )
    const { sound } = guarded(device.gpu, 'a run', () => this.#submit(copies, results))
    this.#runs++
    const done = device.follow(sound, this.#pace)
    return this.#graph.outputs.map((n, i) =>
      own({ device, buffer: results[i]! }, n.dtype, size(n.shape), done, () => device.buffers.give(results[i]!)),
    )
  }

  /** Runs kernel by kernel: how long each takes. Results are not kept. */
  async profile(inputs: readonly Operand[]): Promise<readonly KernelTime[]> {
    this.device.demandHealth()
    await this.#prepare()
    const copies = await this.#give(inputs)
    const times = await timed(this.device, this.#ready, (encoder) => copyAll(encoder, copies))
    return this.steps.map(({ dispatch, label }, i) => ({ kernel: dispatch.kernel._tag, label, ms: times[i]! }))
  }

  #submit(copies: readonly Copy[], results: readonly GPUBuffer[]): void {
    const { device, program } = this
    const encoder = device.gpu.createCommandEncoder()
    copyAll(encoder, copies)
    const pass = encoder.beginComputePass()
    // An error in how a run is encoded shows at the first: the labels are for its message.
    device.counts.dispatches += encode(pass, this.#ready, this.#runs === 0)
    pass.end()
    program.outputs.forEach((id, i) => {
      const { offset, bytes } = this.#slotOf(id)
      for (const p of piecesOf(this.#segments, offset, words(bytes), device.cut))
        encoder.copyBufferToBuffer(p.buffer, p.offset, results[i]!, p.from, p.bytes)
    })
    device.submit(encoder.finish())
  }

  /** Writes inputs of the host, together; gives the copies of those on the device. */
  async #give(inputs: readonly Operand[]): Promise<readonly Copy[]> {
    const copies: Copy[] = []
    let [from, to] = [Infinity, 0]
    for (const [i, operand] of inputs.entries()) {
      const id = this.program.inputs[i]!
      const slot = this.#frame.places[i]!
      if (slot.bytes === 0) continue
      const place = 'data' in operand ? undefined : placeOf(operand)
      if (place?.device === this.device) {
        copies.push({ from: place.buffer, to: this.#inputs!, start: slot.offset, bytes: words(slot.bytes) })
        continue
      }
      const n = this.#graph.inputs[i]!
      const [data, dtype] = 'data' in operand ? [operand.data, operand.dtype] : [await operand.read(), n.dtype]
      const bytes = bytesOfValues(this.program.buffers[id]!.element, dtype, data)
      this.#host.set(bytes, slot.offset)
      from = Math.min(from, slot.offset)
      to = Math.max(to, slot.offset + bytes.byteLength)
    }
    if (to > from) {
      this.device.gpu.queue.writeBuffer(this.#inputs!, from, this.#host, from, to - from)
      this.device.counts.writes++
      this.device.counts.bytesWritten += to - from
    }
    return copies
  }
}

const copyAll = (encoder: GPUCommandEncoder, copies: readonly Copy[]): void => {
  for (const c of copies) encoder.copyBufferToBuffer(c.from, 0, c.to, c.start, c.bytes)
}

/** Copies are of whole words. */
const words = (bytes: number): number => Math.ceil(bytes / 4) * 4
