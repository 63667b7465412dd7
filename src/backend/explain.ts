/** What becomes of a function, stage by stage. */
import { DeviceError } from '../errors.ts'
import { toposort, type Graph } from '../graph/node.ts'
import { print } from '../graph/print.ts'
import { trace } from '../tensor/trace.ts'
import type { Compilation } from './compilation.ts'
import type { CompileOptions } from './compile.ts'
import { reportOf, type KernelReport, type PassReport, type PlanReport } from './explanation.ts'
import { codeText, tell, type TellOptions } from './explanation-text.ts'
import { listing } from './listing.ts'
import { backend, defaultBackend } from './select.ts'
import type { AdapterClass } from './webgpu/adapter.ts'

/** For what a function is explained, and how much is told in `text`. */
export type ExplainOptions = CompileOptions &
  TellOptions & {
    /** As it would be on WebGPU on this kind of adapter, which need not be there. */
    readonly adapter?: AdapterClass
  }

/** The stages of a program. */
export type Explanation = {
  /** All of it, to be read: as much as was asked for. */
  readonly text: string
  /** The backend, in words. */
  readonly backend: string
  /** The graph that the function describes. */
  readonly traced: string
  /** Every pass in turn, and what it did; none where the backend does not compile. */
  readonly passes: readonly PassReport[]
  /** What runs on the backend, in order. */
  readonly program: string
  /** The kernels of the program: what they compute, what they cost, where their operands lie, their code. */
  readonly kernels: readonly KernelReport[]
  /** Memory of the program, where it is planned. */
  readonly plan: PlanReport | undefined
  /** The code of what runs every time, each distinct kernel once, where the backend writes code that is text. */
  readonly code: string
  /** Nodes of the traced graph. */
  readonly nodes: number
}

type On = { readonly description: string; readonly compilation?: Compilation; readonly listing: string }

/** As on an adapter that need not be there. */
const withoutDevice = async (graph: Graph, adapter: AdapterClass, options: CompileOptions, why = ''): Promise<On> => {
  const [{ webgpuCompilation }, { capabilitiesOfClass }] = await Promise.all([
    import('./webgpu/compilation.ts'),
    import('./webgpu/classes.ts'),
  ])
  const exact = options.exact === undefined ? {} : { exact: options.exact }
  const compilation = webgpuCompilation(graph, capabilitiesOfClass[adapter], exact)
  return { description: `WebGPU, as on ${adapter}${why}`, compilation, listing: '' }
}

const on = async (graph: Graph, options: ExplainOptions): Promise<On> => {
  if (options.adapter !== undefined) return withoutDevice(graph, options.adapter, options)
  try {
    const chosen = await (options.backend === undefined ? defaultBackend() : backend(options.backend))
    const compilation = chosen.compilation?.(graph, options)
    if (compilation !== undefined) return { description: chosen.description, compilation, listing: '' }
    return { description: chosen.description, listing: chosen.prepare(graph, options).listing }
  } catch (error) {
    const isMissing = error instanceof DeviceError && error.backend === 'webgpu'
    if (!isMissing || (options.backend ?? 'webgpu') !== 'webgpu') throw error
    return withoutDevice(graph, 'gpu', options, `, for there is none: ${error.message}`)
  }
}

/** `await explain(f)(…args)`: every stage between `f` and what would run for these arguments. Nothing is run. */
export const explain =
  <A extends readonly unknown[], B>(f: (...args: A) => B, options: ExplainOptions = {}) =>
  async (...args: A): Promise<Explanation> => {
    const { graph } = trace(f, args)
    const { description, compilation, listing: steps } = await on(graph, options)
    const traced = print(graph)
    const nodes = toposort(graph.outputs).length
    const whole = { backend: description, traced, nodes }
    if (compilation === undefined) {
      const text = [description, '', ...(options.stages === true ? [traced, ''] : []), steps].join('\n')
      return { ...whole, text, passes: [], program: steps, kernels: [], plan: undefined, code: '' }
    }
    const report = reportOf(graph, compilation)
    const every = report.kernels.filter((k) => k.when === 'every')
    return {
      ...whole,
      text: tell(description, traced, nodes, report, options),
      passes: report.passes,
      program: listing(compilation.program, compilation.arena.bytes),
      kernels: report.kernels,
      plan: report.plan,
      code: every.some((k) => k.code.includes('\n')) ? codeText(every) : '',
    }
  }
