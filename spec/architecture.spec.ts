import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const src = fileURLToPath(new URL('../src', import.meta.url))
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.ts'))
  .map((f) => f.split(sep).join('/'))

type Import = { readonly from: string; readonly to: string }
const imports: readonly Import[] = files.flatMap((from) =>
  [...readFileSync(join(src, from), 'utf8').matchAll(/(?:from|(?<!typeof )import\()\s*'([^']+)'/g)].map(([, to]) => ({
    from,
    to: to!.startsWith('.')
      ? relative(src, join(src, dirname(from), to!))
          .split(sep)
          .join('/')
      : to!,
  })),
)
const folder = (file: string): string => (file.includes('/') ? file.split('/')[0]! : '')
const isOurs = (to: string): boolean => to.endsWith('.ts')

/** Folders in the order in which data passes through them: each may import from itself and from those before it. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  random: ['core'],
  graph: ['core'],
  tensor: ['core', 'random', 'graph'],
  passes: ['core', 'graph', 'codegen'],
  codegen: ['core', 'graph', 'passes'],
  backend: ['core', 'graph', 'tensor', 'passes', 'codegen'],
  onnx: ['core', 'graph', 'tensor'],
  params: ['core', 'random', 'tensor'],
  models: ['core', 'tensor', 'params'],
  text: ['core', 'params'],
  schedulers: ['core', 'tensor'],
  laws: ['core', 'random', 'graph', 'tensor', 'schedulers'],
  pipelines: ['core', 'random', 'graph', 'tensor', 'backend', 'params', 'text', 'models', 'schedulers', 'image'],
  image: ['core', 'tensor', 'backend', 'params'],
  cli: ['core', 'random', 'tensor', 'backend', 'onnx', 'params', 'text', 'models', 'schedulers', 'pipelines', 'image'],
}

describe('the house', () => {
  it('has a floor for every folder', () => {
    expect([...new Set(files.map(folder))].filter((f) => f !== '').sort()).toEqual(Object.keys(allowed).sort())
  })
  it('imports only downwards', () => {
    const wrong = imports.filter(({ from, to }) => {
      if (!isOurs(to) || folder(from) === '' || to === 'errors.ts') return false
      return folder(to) !== folder(from) && !allowed[folder(from)]!.includes(folder(to))
    })
    expect(wrong).toEqual([])
  })
  it('gives models nothing of params but codecs and the shape of an architecture', () => {
    const wrong = imports.filter(({ from, to }) => folder(from) === 'models' && folder(to) === 'params')
    expect([...new Set(wrong.map((i) => i.to))].sort()).toEqual(['params/architecture.ts', 'params/codec.ts'])
  })
  it('keeps TensorFlow.js in the backend, and io-ts in codecs', () => {
    const outside = (pattern: RegExp, where: RegExp): readonly Import[] =>
      imports.filter((i) => pattern.test(i.to) && !where.test(i.from))
    expect(outside(/^@tensorflow\//, /^backend\/tfjs\//)).toEqual([])
    expect(outside(/^io-ts/, /^(core\/config|params\/|models\/|schedulers\/)/)).toEqual([])
  })
  it('reaches Node only through the platform, the command line apart', () => {
    expect(imports.filter(({ from, to }) => to.startsWith('node:') && folder(from) !== 'cli')).toEqual([])
  })
  it('keeps protobuf in the messages of ONNX', () => {
    expect(imports.filter((i) => i.to.startsWith('@bufbuild/') && i.from !== 'onnx/messages.ts')).toEqual([])
  })
  it('has no cycles', () => {
    const next = new Map<string, string[]>()
    for (const { from, to } of imports) if (isOurs(to)) next.set(from, [...(next.get(from) ?? []), to])
    const state = new Map<string, 'open' | 'done'>()
    const cycles: string[] = []
    const visit = (file: string, path: readonly string[]): void => {
      if (state.get(file) === 'open') cycles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      if (state.has(file)) return
      state.set(file, 'open')
      for (const to of next.get(file) ?? []) visit(to, [...path, file])
      state.set(file, 'done')
    }
    files.forEach((f) => visit(f, []))
    expect(cycles).toEqual([])
  })
  it('has no file over 400 lines, and a median under 150', () => {
    const lengths = files.map((f) => readFileSync(join(src, f), 'utf8').split('\n').length).sort((a, b) => a - b)
    expect(lengths.at(-1)).toBeLessThanOrEqual(400)
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThan(150)
  })
  it('has no holes in its types', () => {
    const holes = files.filter((f) =>
      /\bas any\b|: any\b|<any>|@ts-(ignore|expect-error)/.test(readFileSync(join(src, f), 'utf8')),
    )
    expect(holes).toEqual([])
  })
})
