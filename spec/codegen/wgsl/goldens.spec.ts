import { describe, expect, it } from 'vitest'
import { capabilitiesOfClass } from '../../../src/backend/webgpu/classes.ts'
import { usesEvery } from '../../../src/backend/webgpu/steps.ts'
import type { Dispatch } from '../../../src/codegen/kernel.ts'
import type { Program } from '../../../src/codegen/program.ts'
import { shaderOf, variantsOf, type Variant } from '../../../src/codegen/wgsl/emit.ts'
import { lower } from '../../../src/passes/lower.ts'
import { webgpuTarget, winogradSize, type Target } from '../../../src/passes/target.ts'
import { attention, conv2d, gelu, layerNorm, linear, sort } from '../../../src/tensor/nn.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { trace } from '../../../src/tensor/trace.ts'

const numbers = (...shape: number[]): Tensor =>
  tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)),
    shape,
  )
const project = linear({ weight: numbers(4, 8), bias: numbers(4) })
const filter = { weight: numbers(16, 16, 3, 3), bias: numbers(16) }

/** Functions of which a kernel each is looked at: the last one of a kind that its program runs. */
const functions = {
  map: [(x: Tensor) => x.mul(2).add(1), [numbers(4, 8)], 'Map'],
  reduce: [(x: Tensor) => x.sum(-1), [numbers(4, 8)], 'Reduce'],
  normalise: [(x: Tensor) => layerNorm({ weight: numbers(8), bias: numbers(8) })(x), [numbers(4, 8)], 'Normalise'],
  gemm: [(x: Tensor) => gelu(linear({ weight: numbers(16, 8), bias: numbers(16) })(x)), [numbers(4, 8)], 'Gemm'],
  conv: [(x: Tensor) => conv2d(filter, { padding: 1 })(x), [numbers(1, 16, 2, 2)], 'Gemm'],
  'winograd input': [(x: Tensor) => conv2d(filter, { padding: 1 })(x), [numbers(1, 16, 8, 8)], 'WinogradInput'],
  'winograd weight': [(x: Tensor) => conv2d(filter, { padding: 1 })(x), [numbers(1, 16, 8, 8)], 'WinogradWeight'],
  'winograd output': [(x: Tensor) => conv2d(filter, { padding: 1 })(x), [numbers(1, 16, 8, 8)], 'WinogradOutput'],
  attention: [
    (q: Tensor, k: Tensor, v: Tensor) => attention(q, k, v),
    [numbers(1, 8, 4), numbers(1, 8, 4), numbers(1, 8, 4)],
    'PlainAttention',
  ],
  sort: [sort, [numbers(3, 20)], 'Sort'],
  'sort of long rows': [sort, [numbers(1, 5000)], 'Sort'],
  'attention and queries': [
    (x: Tensor, k: Tensor, v: Tensor) => attention(project(layerNorm({})(x)).reshape(1, 8, 4), k, v),
    [numbers(8, 8), numbers(1, 8, 4), numbers(1, 8, 4)],
    'PlainAttention',
  ],
} as const

/** Small tiles, wherever there can be tiles. */
const winograd: Target['winograd'] = (n) => winogradSize(n) && 2

type Class = keyof typeof capabilitiesOfClass
const classes = Object.keys(capabilitiesOfClass) as Class[]

const found = (name: keyof typeof functions, adapter: Class): { readonly program: Program; readonly d: Dispatch } => {
  const [f, args, tag] = functions[name]
  const { graph } = trace(f as (...xs: Tensor[]) => Tensor, [...args])
  const program = lower(graph, webgpuTarget({ ...capabilitiesOfClass[adapter], winograd }))
  const d = [...program.once, ...program.every].findLast(({ kernel }) => kernel._tag === tag)
  if (d === undefined) throw new Error(`${name}: there is no ${tag}`)
  return { program, d }
}

/** The code of a kernel's variants on an adapter, by name: the best guess; of attention, all there are. */
const codesOf = (name: keyof typeof functions, adapter: Class): readonly (readonly [string, string])[] => {
  const { program, d } = found(name, adapter)
  const caps = capabilitiesOfClass[adapter]
  const all = variantsOf(d.kernel, caps)
  const code = (v: Variant): string => shaderOf(d.kernel, usesEvery(program, d, caps), v, caps).code
  const wanted = name === 'attention' ? firstOfEachKind(all) : all.slice(0, 1)
  return wanted.map((v) => [wanted.length > 1 ? `${name} ${kindOf(v)}` : name, `// ${JSON.stringify(v)}\n${code(v)}\n`])
}

const kindOf = (v: Variant): string => (v.family === 'PlainAttention' ? v.way : v.family.toLowerCase())
const firstOfEachKind = (all: readonly Variant[]): readonly Variant[] =>
  all.filter((v, i) => all.findIndex((w) => kindOf(w) === kindOf(v)) === i)

describe('generated WGSL', () => {
  const names = Object.keys(functions) as (keyof typeof functions)[]
  it.each(names)('is as it was, and the same every time: %s', async (name) => {
    const files = new Map<string, Class[]>()
    for (const adapter of classes)
      for (const [variant, code] of codesOf(name, adapter)) {
        const key = `${variant}\0${code}`
        files.set(key, [...(files.get(key) ?? []), adapter])
      }
    for (const adapter of classes) expect(codesOf(name, adapter)).toEqual(codesOf(name, adapter))
    for (const [key, adapters] of files) {
      const [variant, code] = key.split('\0') as [string, string]
      // What is the same on all adapters is one file.
      const where = adapters.length === classes.length ? '' : `.${adapters.join('-')}`
      await expect(code).toMatchFileSnapshot(`goldens/${variant.replaceAll(' ', '-')}${where}.wgsl`)
    }
  })
})
