/** Programs as text: which kernels run, on how much, where. */
import { depthOf, type Kernel } from '../codegen/kernel.ts'
import type { Program } from '../codegen/program.ts'

const what = (k: Kernel): string => {
  switch (k._tag) {
    case 'Map':
      return `[${k.dims}]`
    case 'Reduce':
    case 'Normalise':
    case 'Moments':
      return `[${k.dims}] over [${k.folded}]`
    case 'Gemm':
      return `[${[...k.batch, ...k.rows]}] × ${depthOf(k)} × ${k.n}`
    case 'PlainAttention':
      return `[${[...k.batch, k.rows]}] × ${k.depth} × ${k.keys} × ${k.features}`
    case 'WinogradWeight':
      return `F(${k.size}) [${k.n},${k.depth},3,3]`
    case 'WinogradInput':
    case 'WinogradOutput':
      return `F(${k.size}) [${[k.batch, ...k.tiles]}] × ${k.channels}`
  }
}

const nameOf = (program: Program, id: number): string => {
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
            const [out, ...reads] = operands.map((id) => nameOf(program, id))
            return `  ${out} = ${kernel._tag.toLowerCase()} ${what(kernel)} ${reads.join(' ')} · ${label}`
          }),
        ]
  return [
    ...part('once', program.once),
    ...part('every run', program.every),
    `gives ${program.outputs.map((id) => nameOf(program, id)).join(', ')}; ${bytes} bytes during a run`,
  ].join('\n')
}
