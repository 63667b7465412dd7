/** Programs as text: which kernels run, on how much, where. */
import { depthOf, kindOf, resultsOf, type Kernel } from '../codegen/kernel.ts'
import type { Program } from '../codegen/program.ts'

/** What a kernel is over: `[2,32,32] × 720 × 80` are the rows, depth and columns of a product. */
export const extentsOf = (k: Kernel): string => {
  switch (k._tag) {
    case 'Map':
      return `[${k.dims}]`
    case 'Reduce':
    case 'Normalise':
    case 'Moments':
      return `[${k.dims}] over [${k.folded}]`
    case 'Gemm':
      return `[${[...k.batch, ...k.rows]}] × ${k.terms.length > 1 ? `${k.terms.length} · ` : ''}${depthOf(k)} × ${k.n}`
    case 'PlainAttention':
      return `[${[...k.batch, k.rows]}] × ${k.depth} × ${k.keys} × ${k.features}`
    case 'Sort':
      return `[${[k.rows, k.length]}]`
    case 'WinogradWeight':
      return `F(${k.size}) [${k.n},${k.depth},3,3]`
    case 'WinogradInput':
    case 'WinogradOutput':
      return `F(${k.size}) [${[k.batch, ...k.tiles]}] × ${k.channels}`
  }
}

/** What a buffer is called: by its parameter, its place among inputs and outputs, or its number. */
export const bufferName = (program: Program, id: number): string => {
  const { purpose } = program.buffers[id]!
  switch (purpose._tag) {
    case 'Input':
      return `input${purpose.index}`
    case 'Numbers':
      return 'numbers'
    case 'Leaf':
      return purpose.node.label ?? `captured${id}`
    case 'Output':
      return `output${program.outputs.indexOf(id)}`
    case 'Kept':
    case 'Scratch':
      return `%${id}`
  }
}

/** A line for every kernel; `bytes` is what lives during a run. */
export const listing = (program: Program, bytes: number): string => {
  const part = (title: string, dispatches: Program['every']): string[] =>
    dispatches.length === 0
      ? []
      : [
          `${title}:`,
          ...dispatches.map(({ kernel, operands, label }) => {
            const names = operands.map((id) => bufferName(program, id))
            const [results, reads] = [names.slice(0, resultsOf(kernel)), names.slice(resultsOf(kernel))]
            return `  ${results.join(' ')} = ${kindOf(kernel)} ${extentsOf(kernel)} ${reads.join(' ')} · ${label}`
          }),
        ]
  return [
    ...part('once', program.once),
    ...part('every run', program.every),
    `gives ${program.outputs.map((id) => bufferName(program, id)).join(', ')}; ${bytes} bytes during a run`,
  ].join('\n')
}
