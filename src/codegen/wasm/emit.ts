/** Programs as modules: a function for every kernel, and one that goes through them in turn with whatever threads there are. */
import { keyOf, type Dispatch, type Kernel } from '../kernel.ts'
import { emitAttention } from './attention.ts'
import { thisEngine, type Engine } from './engine.ts'
import { emitGemm } from './gemm.ts'
import { emitMap, firstOperand, type Emitted } from './map.ts'
import { ModuleBuilder } from './module.ts'
import { atomic, block, br, brIf, call, get, i32, loop, nothing, select, set, tee, when, type Code } from './op.ts'
import { emitMoments } from './moments.ts'
import { emitNormalise } from './normalise.ts'
import { emitReduce } from './reduce.ts'
import { emitSort } from './sort.ts'
import { emitWinogradInput, emitWinogradOutput, emitWinogradWeight } from './winograd.ts'
import { piecesOf } from './work.ts'

/**
 * A module, and how its programs are called: `run(table, thread)` and `once<i>(table, thread)`. The table holds the addresses of all
 * operands in order, those of `once` first, and after `operands` words two zeros for every dispatch: how many of its pieces have been
 * begun, and how many are done. After all its words come `work` bytes for each thread.
 */
export type Emission = {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Where each dispatch's addresses start in the table, in words. */
  readonly tables: readonly number[]
  readonly operands: number
  readonly words: number
  readonly work: number
  readonly kernels: number
}

const emitKernel = (k: Kernel, engine: Engine): Emitted => {
  const operand = (i: number): Code => get(firstOperand + i)
  switch (k._tag) {
    case 'Map':
      return emitMap(k, operand)
    case 'Reduce':
      return emitReduce(k, operand)
    case 'Gemm':
      return emitGemm(k, operand, engine)
    case 'Normalise':
      return emitNormalise(k, operand)
    case 'Moments':
      return emitMoments(k, operand)
    case 'PlainAttention':
      return emitAttention(k, operand)
    case 'Sort':
      return emitSort(k, operand)
    case 'WinogradWeight':
      return emitWinogradWeight(k, operand)
    case 'WinogradInput':
      return emitWinogradInput(k, operand)
    case 'WinogradOutput':
      return emitWinogradOutput(k, operand)
  }
}

const wholeLines = (bytes: number): number => 64 * Math.ceil(bytes / 64)

/** How often a thread looks whether others are done before it sleeps: some 50 µs. */
const spins = 50_000

/** The word of the memory's first page that counts sleeping threads, as an address. */
const sleepers = 4 * 40

/** The function (word, count) that returns when the word has reached the count. A thread that others keep waiting sleeps. */
const awaiting = (module: ModuleBuilder, canWait: boolean): number =>
  module.function('await', { params: ['i32', 'i32'], results: [] }, (body) => {
    const [seen, left] = [body.local('i32'), body.local('i32')]
    const asleep = (code: Code): Code => [code, 0x1a]
    const sleep = canWait
      ? [
          asleep(atomic.add(i32.const(sleepers), i32.const(1))),
          atomic.wait(get(0), get(seen), 1_000_000),
          asleep(atomic.sub(i32.const(sleepers), i32.const(1))),
        ]
      : []
    return [
      set(left, i32.const(spins)),
      block(
        loop([
          brIf(1, i32.geS(tee(seen, atomic.load(get(0))), get(1))),
          brIf(0, tee(left, i32.sub(get(left), i32.const(1)))),
          sleep,
          set(left, i32.const(canWait ? 100 : spins)),
          br(0),
        ]),
      ),
    ]
  })

/** The function (addresses, words, work) that takes pieces of a kernel's work as long as there are any, and waits for the others. */
const sharing = (
  module: ModuleBuilder,
  k: Kernel,
  kernel: number,
  count: number,
  operands: number,
  wait: number,
  canWait: boolean,
): number => {
  const pieces = piecesOf(k, count)
  const each = Math.ceil(count / pieces)
  return module.function(`share ${kernel} ${operands}`, { params: ['i32', 'i32', 'i32'], results: [] }, (body) => {
    const [piece, first] = [body.local('i32'), body.local('i32')]
    const end = i32.add(get(first), i32.const(each))
    const last = each * pieces === count ? end : select(end, i32.const(count), i32.ltS(end, i32.const(count)))
    const addresses = Array.from({ length: operands }, (_, i) => i32.load(get(0), 4 * i))
    const total = Math.ceil(count / each)
    return [
      loop([
        set(piece, atomic.add(get(1), i32.const(1))),
        when(i32.ltS(get(piece), i32.const(total)), [
          set(first, i32.mul(get(piece), i32.const(each))),
          call(kernel, [get(first), last, get(2), ...addresses]),
          // Whoever is last wakes those who sleep.
          set(piece, atomic.add(get(1), i32.const(1), 4)),
          canWait
            ? when(i32.eq(get(piece), i32.const(total - 1)), [
                when(atomic.load(i32.const(sleepers)), [atomic.notify(get(1), i32.const(-1), 4), 0x1a]),
              ])
            : nothing,
          br(1),
        ]),
      ]),
      call(wait, [i32.add(get(1), i32.const(4)), i32.const(total)]),
    ]
  })
}

/** The module of a program. If it is profiled, the first thread calls `clock.tick` of the host before the first kernel of a run and after each. */
export const emit = (
  once: readonly Dispatch[],
  every: readonly Dispatch[],
  memory: { readonly pages: number; readonly maximum: number; readonly shared: boolean },
  { profiled = false, engine = thisEngine() }: { readonly profiled?: boolean; readonly engine?: Engine } = {},
): Emission => {
  const module = new ModuleBuilder(engine)
  const tick = profiled ? module.import('clock', 'tick', { params: [], results: [] }) : undefined
  const wait = awaiting(module, memory.shared)
  const kernels = new Map<string, number | undefined>()
  let work = 0
  /** The function that shares a kernel's work, or undefined where there is none to do. */
  const shared = (d: Dispatch): number | undefined => {
    const key = keyOf(d.kernel)
    if (kernels.has(key)) return kernels.get(key)
    const { count, code, work: own = 0 } = emitKernel(d.kernel, engine)
    work = Math.max(work, wholeLines(own))
    const operands = d.operands.length
    const params = Array.from({ length: firstOperand + operands }, () => 'i32' as const)
    const write = (): number => module.function(key, { params, results: [] }, (body) => code({ body, module }))
    const index = count === 0 ? undefined : sharing(module, d.kernel, write(), count, operands, wait, memory.shared)
    kernels.set(key, index)
    return index
  }
  const all = [...once, ...every]
  const operands = all.reduce((sum, d) => sum + d.operands.length, 0)
  const tables: number[] = []
  let next = 0
  const step = (d: Dispatch, i: number): Code => {
    tables.push(next)
    const index = shared(d)
    const at = 4 * next
    next += d.operands.length
    if (index === undefined) return []
    return call(index, [i32.add(get(0), i32.const(at)), i32.add(get(0), i32.const(4 * (operands + 2 * i))), get(2)])
  }
  const begun = once.map((d, i) => step(d, i))
  const ticked: Code = tick === undefined ? [] : when(i32.eqz(get(1)), call(tick, []))
  const steps = [ticked, ...every.map((d, i) => [step(d, once.length + i), ticked])]
  const words = wholeLines(4 * (operands + 2 * all.length)) / 4
  const write = (name: string, code: Code): void => {
    const index = module.function(name, { params: ['i32', 'i32'], results: [] }, (body) => {
      const own = i32.add(i32.add(get(0), i32.const(4 * words)), i32.mul(get(1), i32.const(work)))
      return [set(body.local('i32'), own), code]
    })
    module.export(name, index)
  }
  begun.forEach((code, i) => write(`once${i}`, code))
  write('run', steps)
  return { bytes: module.bytes(memory), tables, operands, words, work, kernels: kernels.size }
}
