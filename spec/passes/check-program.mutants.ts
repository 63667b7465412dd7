/** Programs with one thing wrong: what the checker must find, rule by rule. */
import type { Dispatch, GemmKernel, Kernel, Load, MapKernel } from '../../src/codegen/kernel.ts'
import type { Draft, Purpose } from '../../src/codegen/program.ts'
import type { Rule } from '../../src/passes/check-program.ts'
import { renamed } from '../../src/passes/layout.ts'

/** A program to break: `draft` before its panels are packed, or the `done` one; of which target. */
export type Mutant = {
  readonly rule: Rule
  readonly name: string
  readonly of: 'draft' | 'done'
  readonly on: 'wasm' | 'webgpu'
  readonly broken: (program: Draft) => Draft
}

type Of<Tag extends Kernel['_tag']> = Dispatch & { readonly kernel: Extract<Kernel, { readonly _tag: Tag }> }
type When = 'once' | 'every'

const indexOf = (p: Draft, when: When, tag: Kernel['_tag'], last = false): number => {
  const is = (d: Dispatch): boolean => d.kernel._tag === tag
  const at = last ? p[when].findLastIndex(is) : p[when].findIndex(is)
  if (at < 0) throw new Error(`there is no ${tag} in ${when}`)
  return at
}

/** The first dispatch of a kind, or the last, changed. */
const changed =
  <Tag extends Kernel['_tag']>(
    tag: Tag,
    change: (d: Of<Tag>, p: Draft) => Dispatch,
    when: When = 'every',
    last = false,
  ) =>
  (p: Draft): Draft => {
    const at = indexOf(p, when, tag, last)
    return { ...p, [when]: p[when].with(at, change(p[when][at] as Of<Tag>, p)) }
  }

const purposed =
  (id: (p: Draft) => number, purpose: Purpose) =>
  (p: Draft): Draft => ({ ...p, buffers: p.buffers.with(id(p), { ...p.buffers[id(p)]!, purpose }) })

const shorter =
  (id: (p: Draft) => number, by: number) =>
  (p: Draft): Draft => {
    const buffer = p.buffers[id(p)]!
    return { ...p, buffers: p.buffers.with(id(p), { ...buffer, length: buffer.length - by }) }
  }

const resultOf =
  (tag: Kernel['_tag'], when: When = 'every') =>
  (p: Draft): number =>
    p[when][indexOf(p, when, tag)]!.operands[0]!

const terms = (k: GemmKernel, change: (t: GemmKernel['terms'][number]) => GemmKernel['terms'][number]): GemmKernel => ({
  ...k,
  terms: k.terms.map(change),
})

/** A load of the dispatch's last operand, changed. */
const load = (k: MapKernel, operand: number, change: (l: Load) => Load): MapKernel => {
  const visit = (e: MapKernel['value']): MapKernel['value'] =>
    e._tag === 'Load' && e.operand === operand ? change(e) : 'xs' in e ? { ...e, xs: e.xs.map(visit) } : e
  return { ...k, value: visit(k.value) }
}

/** What a careless pass might do. */
export const mutants: readonly Mutant[] = [
  {
    rule: 'there',
    name: 'an operand that is no buffer',
    of: 'done',
    on: 'webgpu',
    broken: changed('Gemm', (d) => ({ ...d, operands: d.operands.with(2, 99_999) })),
  },
  {
    rule: 'there',
    name: 'an operand that is left out',
    of: 'done',
    on: 'wasm',
    broken: changed('Gemm', (d) => ({ ...d, operands: d.operands.slice(0, -1) })),
  },
  {
    rule: 'apart',
    name: 'two numbers for one operand',
    of: 'done',
    on: 'webgpu',
    broken: changed('Gemm', (d) => ({ ...d, operands: d.operands.with(2, d.operands[1]!) })),
  },
  {
    rule: 'used',
    name: 'an operand that an expression has lost',
    of: 'done',
    on: 'webgpu',
    broken: changed('Gemm', (d, p) => ({ ...d, operands: [...d.operands, p.inputs[0]!] })),
  },
  {
    rule: 'few',
    name: 'an epilogue that reads one buffer too many',
    of: 'done',
    on: 'webgpu',
    broken: changed('Gemm', (d, p) => ({ ...d, operands: [...d.operands, ...p.buffers.slice(0, 8).keys()] })),
  },
  {
    rule: 'few',
    name: 'a value of more parts than there may be bindings',
    of: 'done',
    on: 'webgpu',
    broken: (p) => shorter(resultOf('Gemm'), -(2 ** 28))(p),
  },
  {
    rule: 'taken',
    name: 'a product of two terms where there is no code for it',
    of: 'done',
    on: 'wasm',
    broken: changed('Gemm', (d) => ({ ...d, kernel: { ...d.kernel, terms: [...d.kernel.terms, ...d.kernel.terms] } })),
  },
  {
    rule: 'ranked',
    name: 'a store that has lost an axis',
    of: 'done',
    on: 'wasm',
    broken: changed('Map', (d) => {
      const out = { ...d.kernel.out, strides: d.kernel.out.strides.slice(1) }
      return { ...d, kernel: { ...d.kernel, out } }
    }),
  },
  {
    rule: 'typed',
    name: 'panels taken for 16-bit floats that are none',
    of: 'done',
    on: 'webgpu',
    broken: changed('Gemm', (d) => ({ ...d, kernel: { ...d.kernel, b: { ...d.kernel.b, element: 'f16' } } })),
  },
  {
    rule: 'within',
    name: 'rows of a product that begin too late',
    of: 'done',
    on: 'wasm',
    broken: changed('Gemm', (d) => ({
      ...d,
      kernel: terms(d.kernel, (t) => ({ ...t, a: { ...t.a, offset: t.a.offset + 1 } })),
    })),
  },
  {
    rule: 'within',
    name: 'windows of an image that is larger than it is',
    of: 'done',
    on: 'webgpu',
    broken: changed('Gemm', (d) => ({
      ...d,
      kernel: terms(d.kernel, (t) =>
        t.window === undefined ? t : { ...t, window: { ...t.window, before: [0, 0], extent: [99, 99] } },
      ),
    })),
  },
  {
    rule: 'within',
    name: 'a stride from another shape',
    of: 'done',
    on: 'wasm',
    broken: changed('Map', (d) => ({
      ...d,
      kernel: load(d.kernel, 1, (l) => ({ ...l, strides: l.strides.map((s) => 2 * s + 1) })),
    })),
  },
  {
    rule: 'within',
    name: 'a slab that is longer than what it normalises',
    of: 'done',
    on: 'webgpu',
    broken: changed('Normalise', (d) => ({
      ...d,
      kernel: { ...d.kernel, folded: d.kernel.folded.map((f, i) => (i === 0 ? f + 1 : f)) },
    })),
  },
  {
    rule: 'within',
    name: 'keys that are not there',
    of: 'done',
    on: 'webgpu',
    broken: changed('PlainAttention', (d) => ({ ...d, kernel: { ...d.kernel, keys: d.kernel.keys + 100 } })),
  },
  {
    rule: 'product',
    name: 'an epilogue over other rows than those of its product',
    of: 'done',
    on: 'webgpu',
    broken: (p) => {
      const at = p.every.findIndex((d) => d.kernel._tag === 'Gemm' && d.kernel.epilogue !== undefined)
      const d = p.every[at] as Of<'Gemm'>
      const epilogue = d.kernel.epilogue!
      const kernel = {
        ...d.kernel,
        epilogue: { ...epilogue, dims: epilogue.dims.map((x, i) => (i === 0 ? x - 1 : x)) },
      }
      return { ...p, every: p.every.with(at, { ...d, kernel }) }
    },
  },
  {
    rule: 'panels',
    name: 'a second term whose weights were forgotten',
    of: 'draft',
    on: 'webgpu',
    broken: changed('Gemm', (d) => ({ ...d, kernel: { ...d.kernel, terms: [...d.kernel.terms, ...d.kernel.terms] } })),
  },
  {
    rule: 'before',
    name: 'a kernel before what it reads',
    of: 'done',
    on: 'webgpu',
    broken: (p) => ({ ...p, every: p.every.toReversed() }),
  },
  {
    rule: 'before',
    name: 'a producer that is gone',
    of: 'done',
    on: 'wasm',
    broken: (p) => ({ ...p, every: p.every.toSpliced(indexOf(p, 'every', 'Moments'), 1) }),
  },
  {
    rule: 'before',
    name: 'weights that nobody packs',
    of: 'done',
    on: 'webgpu',
    broken: (p) => ({ ...p, once: [] }),
  },
  {
    rule: 'once',
    name: 'what depends on an input, computed once',
    of: 'done',
    on: 'wasm',
    broken: (p) => ({ ...p, once: [...p.once, p.every[0]!] }),
  },
  {
    rule: 'kept',
    name: 'kept values that a run writes',
    of: 'done',
    on: 'webgpu',
    broken: purposed(resultOf('Gemm'), { _tag: 'Kept' }),
  },
  {
    rule: 'twice',
    name: 'borders that reach into the image',
    of: 'done',
    on: 'wasm',
    broken: (p) => {
      const at = p.every.findIndex((d) => d.label === 'border')
      const d = p.every[at] as Of<'Map'>
      // One row of pixels more than the border has.
      const axis = d.kernel.dims.length - 2
      const dims = d.kernel.dims.map((x, i) => (i === axis ? x + 1 : x))
      return { ...p, every: p.every.with(at, { ...d, kernel: { ...d.kernel, dims } }) }
    },
  },
  {
    rule: 'twice',
    name: 'a store along whose axis nothing moves',
    of: 'done',
    on: 'webgpu',
    broken: changed('Normalise', (d) => {
      const out = { ...d.kernel.out, strides: d.kernel.out.strides.map(() => 0) }
      return { ...d, kernel: { ...d.kernel, out } }
    }),
  },
  {
    rule: 'whole',
    name: 'a border that nobody writes',
    of: 'done',
    on: 'wasm',
    broken: (p) => ({
      ...p,
      every: p.every.toSpliced(
        p.every.findIndex((d) => d.label === 'border'),
        1,
      ),
    }),
  },
  {
    rule: 'whole',
    name: 'an output that is not written',
    of: 'done',
    on: 'webgpu',
    broken: (p) => ({ ...p, every: p.every.filter((d) => !d.operands.includes(p.outputs[0]!)) }),
  },
  {
    rule: 'gone',
    name: 'products read after they were used up',
    of: 'done',
    on: 'wasm',
    broken: (p) => {
      const used = p.every[indexOf(p, 'every', 'WinogradOutput')]!.operands[1]!
      const last = p.every.at(-1) as Of<'Map'>
      const kernel = { ...last.kernel, value: renamed(last.kernel.value, (i) => (i === 1 ? last.operands.length : i)) }
      return { ...p, every: [...p.every.slice(0, -1), { ...last, kernel, operands: [...last.operands, used] }] }
    },
  },
  {
    rule: 'outputs',
    name: 'one buffer for two outputs',
    of: 'done',
    on: 'webgpu',
    broken: (p) => ({ ...p, outputs: p.outputs.map(() => p.outputs[0]!) }),
  },
  {
    rule: 'packed',
    name: 'panels that are left to pack',
    of: 'done',
    on: 'webgpu',
    broken: (p) => ({ ...p, panels: new Map([[p.buffers.length - 1, { batch: [], n: 1, width: 1, parts: [] }]]) }),
  },
  {
    rule: 'wanted',
    name: 'a kernel whose result nobody reads',
    of: 'done',
    on: 'webgpu',
    broken: (p) => {
      const d = p.every[indexOf(p, 'every', 'Gemm')]!
      const buffers = [...p.buffers, p.buffers[d.operands[0]!]!]
      return { ...p, buffers, every: [...p.every, { ...d, operands: d.operands.with(0, buffers.length - 1) }] }
    },
  },
]
