/** What becomes of a graph on WebAssembly. */
import { keyOf, type Dispatch } from '../../codegen/kernel.ts'
import { emit } from '../../codegen/wasm/emit.ts'
import type { Graph } from '../../graph/node.ts'
import { arena, livenessBound } from '../../passes/arena.ts'
import { lower, type LowerOptions, type Stage } from '../../passes/lower.ts'
import { wasmTarget } from '../../passes/target.ts'
import { lastAttempt, type Compilation } from '../compilation.ts'

const memory = { pages: 1, maximum: 65536, shared: true }

/** The program, its plan, and of the code of each kernel how much there is: it is no text. */
export const wasmCompilation = (graph: Graph, options: LowerOptions = {}): Compilation => {
  const stages: Stage[] = []
  const program = lower(graph, wasmTarget, options, (stage) => stages.push(stage))
  const empty = emit([], [], memory).bytes.length
  const sizes = new Map<string, string>()
  const codeOf = (d: Dispatch): string => {
    const key = keyOf(d.kernel)
    const there = sizes.get(key) ?? `${emit([], [d], memory).bytes.length - empty} bytes of WebAssembly`
    sizes.set(key, there)
    return there
  }
  const { kernels, bytes } = emit(program.once, program.every, memory)
  return {
    stages: lastAttempt(stages),
    program,
    arena: arena(program),
    bound: livenessBound(program),
    code: { once: program.once.map(codeOf), every: program.every.map(codeOf) },
    amount: `${kernels} functions, ${bytes.length} bytes of WebAssembly`,
  }
}
