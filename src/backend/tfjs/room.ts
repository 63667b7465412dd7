/** Whether a program fits the memory of TensorFlow.js's WebAssembly backend, which would crash, or worse, go on with rubbish. */
import * as tf from '@tensorflow/tfjs-core'
import { bytesOf } from '../../core/dtype.ts'
import { size } from '../../core/shape.ts'
import { DeviceError } from '../../errors.ts'
import { sources, type Node } from '../../graph/node.ts'
import type { Plan, Step } from '../../passes/plan.ts'

/** What the backend's memory can grow to: emscripten's 4 GiB less a page. */
export const wasmMemory = 2 ** 32 - 2 ** 16

// Everything travels as 32 bits, save bools.
const bytes = (n: Node): number => size(n.shape) * (n.dtype === 'bool' ? bytesOf.bool : 4)

// A view shares its operand's memory.
const own = (n: Node): number => (n._tag === 'View' && n.view._tag === 'Reshape' ? 0 : bytes(n))

/** Bytes in use after steps, and the most on the way. */
const usage = (
  steps: readonly Step[],
  start: number,
  isThere: (n: Node) => boolean,
): { readonly after: number; readonly peak: number } => {
  let [after, peak] = [start, start]
  for (const { node, frees } of steps) {
    if (!isThere(node)) after += own(node)
    peak = Math.max(peak, after)
    for (const n of frees) if (!isThere(n)) after -= own(n)
  }
  return { after, peak }
}

/** Weights of convolutions and products, which XNNPACK keeps a second time in an order of its own. */
const packed = ({ kept, steps }: Plan): number => {
  const fixed = new Set(kept)
  const weights = steps.flatMap(({ node }) => {
    const takes = node._tag === 'Conv' || node._tag === 'Dot' || (node._tag === 'Call' && /^conv/.test(node.name))
    const weight = takes ? sources(node)[1] : undefined
    return weight !== undefined && fixed.has(weight) ? [weight] : []
  })
  return [...new Set(weights)].reduce((sum, n) => sum + bytes(n), 0)
}

const giga = (count: number): string => `${(count / 1e9).toFixed(1)} GB`

/** The bytes that a program takes at most, of which `weights` stay: those kept, and their copies. */
export const roomOf = (
  program: Plan,
  isThere: (n: Node) => boolean = () => false,
): { readonly peak: number; readonly weights: number } => {
  const once = usage(program.once, 0, isThere)
  const weights = once.after + packed(program)
  return { peak: Math.max(once.peak, usage(program.steps, weights, isThere).peak), weights }
}

/** Throws a `DeviceError` with the figures where a program exceeds the memory, before anything of it is computed. */
export const demandRoom = (program: Plan, isThere: (n: Node) => boolean): void => {
  const { peak, weights } = roomOf(program, isThere)
  const used = tf.memory().numBytes
  if (used + peak <= wasmMemory) return
  throw new DeviceError(
    'tfjs-wasm',
    `out of memory: a program needs ${giga(peak)}, ${giga(weights)} of them for weights (in f32, and once more as they are ` +
      `packed), and of ${giga(wasmMemory)} there are ${giga(wasmMemory - used)}; wasm, which keeps them once, needs less`,
  )
}
