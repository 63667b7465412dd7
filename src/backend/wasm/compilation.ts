/** What becomes of a graph on WebAssembly. */
import { keyOf, type Dispatch } from '../../codegen/kernel.ts'
import { emit } from '../../codegen/wasm/emit.ts'
import type { Graph } from '../../graph/node.ts'
import { lower, type LowerOptions } from '../../passes/lower.ts'
import { wasmTarget } from '../../passes/target.ts'
import { compilationBy, type Compilation } from '../compilation.ts'

const memory = { pages: 1, maximum: 65536, shared: true }

/** The program, its plan, and of the code of each kernel how much there is: it is no text. */
export const wasmCompilation = (graph: Graph, options: LowerOptions = {}): Compilation =>
  compilationBy(
    (report) => lower(graph, wasmTarget, options, report),
    {},
    ({ once, every }) => {
      const empty = emit([], [], memory).bytes.length
      const sizes = new Map<string, string>()
      const codeOf = (d: Dispatch): string => {
        const key = keyOf(d.kernel)
        const there = sizes.get(key) ?? `${emit([], [d], memory).bytes.length - empty} bytes of WebAssembly`
        sizes.set(key, there)
        return there
      }
      const { kernels, bytes } = emit(once, every, memory)
      return {
        code: { once: once.map(codeOf), every: every.map(codeOf) },
        amount: `${kernels} functions, ${bytes.length} bytes of WebAssembly`,
      }
    },
  )
