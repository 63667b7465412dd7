/** What becomes of a function, stage by stage, as text. */
import { print } from '../graph/print.ts'
import { toposort } from '../graph/node.ts'
import { trace } from '../tensor/trace.ts'
import { inline } from '../passes/inline.ts'
import { simplify } from '../passes/simplify.ts'
import type { CompileOptions } from './compile.ts'
import { backend, defaultBackend } from './select.ts'

/** The stages of a program. */
export type Explanation = {
  /** The graph that the function describes. */
  readonly traced: string
  /** The same with its calls opened and its identities applied. */
  readonly simplified: string
  /** What runs on the backend, in order, and when each value is freed. */
  readonly program: string
  /** The code of its kernels, each once, where the backend writes code that is text. */
  readonly code: string
  /** The backend, in words. */
  readonly backend: string
  /** Nodes of the traced graph, and steps of the simplified one. */
  readonly nodes: { readonly traced: number; readonly simplified: number }
}

/** `await explain(f)(…args)`: every stage between `f` and what would run for these arguments. Nothing is run. */
export const explain =
  <A extends readonly unknown[], B>(f: (...args: A) => B, options: CompileOptions = {}) =>
  async (...args: A): Promise<Explanation> => {
    const { graph } = trace(f, args)
    const opened = [inline(new Set()), simplify].reduce((g, pass) => pass.run(g), graph)
    const on = await (options.backend === undefined ? defaultBackend() : backend(options.backend))
    const executable = on.prepare(graph, options)
    return {
      traced: print(graph),
      simplified: print(opened),
      program: executable.listing,
      code: executable.code ?? '',
      backend: on.description,
      nodes: { traced: toposort(graph.outputs).length, simplified: toposort(opened.outputs).length },
    }
  }
