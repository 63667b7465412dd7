/** A graph as text, like a paper: one equation a line. */
import { sources, toposort, type Graph, type Node } from './node.ts'

const letters = (i: number): string =>
  (i >= 26 ? letters(Math.floor(i / 26) - 1) : '') + String.fromCharCode(97 + (i % 26))
const numeral = (x: number): string => (Object.is(x, -0) ? '-0' : `${x}`)

const detail = (n: Node): string => {
  switch (n._tag) {
    case 'Input':
      return 'input'
    case 'Buffer':
      return n.label ?? (n.source._tag === 'Host' ? 'captured' : `on ${n.source.resident.backend}`)
    case 'Const':
      return numeral(n.value)
    case 'Iota':
      return 'iota'
    case 'Map':
      return n.op
    case 'Reduce':
      return `${n.op}[${n.axes}]`
    case 'View':
      switch (n.view._tag) {
        case 'Reshape':
          return 'reshape'
        case 'Permute':
          return `permute[${n.view.axes}]`
        case 'Expand':
          return 'expand'
        case 'Slice':
          return `slice[${n.view.start}; ${n.view.step}]`
        case 'Pad':
          return `pad[${n.view.before}; ${numeral(n.view.value)}]`
      }
      break
    case 'Concat':
      return `concat[${n.axis}]`
    case 'Gather':
      return `gather[${n.axis}]`
    case 'Dot':
      return 'dot'
    case 'Conv': {
      const { stride, padding, dilation, groups } = n.geometry
      return `conv[${stride}; ${padding}${dilation.some((d) => d !== 1) || groups !== 1 ? `; ${dilation}; ${groups}` : ''}]`
    }
    case 'Call':
      return `${n.name}${JSON.stringify(n.options) === '{}' ? '' : JSON.stringify(n.options)}`
  }
}

/** The node's op, with what is static in it: `conv[1,1; 1,1,1,1]`. */
export const opOf = (n: Node): string => detail(n)

/** The dtype and shape of a node: `f32[2,3]`. */
export const typeOf = (n: Node): string => `${n.dtype}[${n.shape}]`

/** The node's op by its name alone: `conv`. */
export const nameOf = (n: Node): string => {
  switch (n._tag) {
    case 'Map':
    case 'Reduce':
      return n.op
    case 'Call':
      return n.name
    case 'View':
      return n.view._tag.toLowerCase()
    default:
      return n._tag.toLowerCase()
  }
}

/** The letters that `print` gives nodes; constants have none. */
export const lettersOf = ({ inputs, outputs }: Graph): ReadonlyMap<Node, string> => {
  const names = new Map<Node, string>()
  for (const n of [...inputs, ...toposort(outputs)])
    if (n._tag !== 'Const' && !names.has(n)) names.set(n, letters(names.size))
  return names
}

/** The text of a graph. Constants stand where they are used; equal expressions stand once. */
export const print = ({ inputs, outputs }: Graph): string => {
  const names = lettersOf({ inputs, outputs })
  const order = toposort(outputs)
  const at = (n: Node): string => (n._tag === 'Const' ? numeral(n.value) : (names.get(n) ?? '?'))
  const typed = (n: Node): string => `${at(n)}: ${typeOf(n)}`
  const body = order
    .filter((n) => n._tag !== 'Const' && n._tag !== 'Input')
    .map((n) => `  ${typed(n)} = ${[opOf(n), ...sources(n).map(at)].join(' ')}`)
  return [`λ ${inputs.map(typed).join(', ')}.`, ...body, `  in (${outputs.map(at).join(', ')})`].join('\n')
}
