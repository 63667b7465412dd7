/** The transforms of Winograd's algorithm as WGSL: an invocation for every tile and channel, or four neighbouring channels. */
import type { MapKernel, WinogradInputKernel, WinogradOutputKernel, WinogradWeightKernel } from '../kernel.ts'
import { both, transformsOf, type Algebra } from '../winograd.ts'
import { Expressions } from './expression.ts'
import { Finish } from './gemm-store.ts'
import { shares, unflatten } from './grid.ts'
import type { Capabilities, Shader, Use } from './shader.ts'
import { Block, ShaderWriter, type ElementType } from './writer.ts'

/** The kernels of this family. */
export type WinogradKernel = WinogradWeightKernel | WinogradInputKernel | WinogradOutputKernel

/** How many neighbouring channels an invocation transforms, as vectors. */
export type WinogradVariant = { readonly family: 'Winograd'; readonly lanes: 1 | 4 }

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** Sums and products that have names, so that what is used twice is computed once. */
const named = (block: Block): Algebra<string> => ({
  add: (x, y) => block.let(`${x} + ${y}`),
  sub: (x, y) => block.let(`${x} - ${y}`),
  times: (k, x) => block.let(`${k} * ${x}`),
})

/** Do whole vectors of channels lie aligned wherever they are read and written? */
const isAligned = (k: WinogradKernel): boolean => {
  if (k._tag === 'WinogradWeight' || k.channels % 4 !== 0 || k.plane % 4 !== 0) return false
  return k._tag === 'WinogradOutput' || [k.x.offset, ...k.x.strides].every((s) => s % 4 === 0)
}

/** The ways to transform. */
export const winogradVariants = (k: WinogradKernel): readonly WinogradVariant[] => {
  const one: WinogradVariant = { family: 'Winograd', lanes: 1 }
  return isAligned(k) ? [{ family: 'Winograd', lanes: 4 }, one] : [one]
}

/** An operand as an array of single channels or of four, and its element at an address in single ones. */
const channelsOf = (writer: ShaderWriter, operand: number, lanes: 1 | 4) => {
  const type: ElementType = lanes === 4 ? 'vec4f' : 'f32'
  const array = writer.operand(operand, type)
  const place = (address: string): string => (lanes === 4 ? `(${address}) >> 2u` : address)
  return {
    at: (address: string): string => array.at(place(address)),
    set: (address: string, value: string): string => array.set(place(address), value),
  }
}

/** V = Bᵀ d B. */
const inputShader = (k: WinogradInputKernel, access: readonly Use[], lanes: 1 | 4, caps: Capabilities): Shader => {
  const writer = new ShaderWriter(access, caps)
  const { params } = writer
  const body = new Block(writer)
  const [out, image] = [channelsOf(writer, 0, lanes), channelsOf(writer, 1, lanes)]
  const t = k.size + 2
  const [high, wide] = k.tiles
  const extents = ['', params.int(high), params.int(wide), params.int(k.channels / lanes)]
  const [sn, sy, sx] = k.x.strides.map((s) => params.int(s)) as [string, string, string]
  const [offset, plane] = [params.int(k.x.offset), params.int(k.plane)]
  const workgroups = shares(body, writer, (k.batch * high * wide * k.channels) / lanes, caps, (index, each) => {
    const [n, ty, tx, c] = unflatten(each, index, extents) as [string, string, string, string]
    const first = `${offset} + ${n} * ${sn} + ${ty} * ${k.size}u * ${sy} + ${tx} * ${k.size}u * ${sx} + ${c} * ${lanes}u`
    const from = each.let(first, 'a')
    const tile = range(t).map((i) => {
      const row = i === 0 ? from : each.let(`${from} + ${i}u * ${sy}`, 'a')
      return range(t).map((j) => each.let(image.at(j === 0 ? row : `${row} + ${j}u * ${sx}`), 'd'))
    })
    const to = each.let(`${index} * ${lanes}u`, 'a')
    both(transformsOf(k.size, named(each)).input)(tile).forEach((row, i) =>
      row.forEach((v, j) => each.add(out.set(`${to} + ${i * t + j}u * ${plane}`, v))),
    )
  })
  return writer.finish({ size: [64, 1, 1], body, workgroups })
}

/** What is done with finished pixels: the epilogue, or they are stored as they lie. */
const finishing = (k: WinogradOutputKernel): MapKernel => {
  if (k.epilogue !== undefined) return k.epilogue
  const dims = [k.batch * k.tiles[0] * k.tiles[1] * k.size ** 2, k.channels]
  const value = { _tag: 'Load', operand: 0, element: 'f32', offset: 0, strides: [0, 1], picks: [] } as const
  return {
    _tag: 'Map',
    dims,
    value,
    out: { operand: 0, element: 'f32', offset: 0, strides: [k.channels, 1] },
  }
}

/** Y = Aᵀ m A, and the epilogue of its pixels. */
const outputShader = (k: WinogradOutputKernel, access: readonly Use[], lanes: 1 | 4, caps: Capabilities): Shader => {
  const writer = new ShaderWriter(access, caps)
  const { params } = writer
  const body = new Block(writer)
  const products = channelsOf(writer, 1, lanes)
  const t = k.size + 2
  const [high, wide] = k.tiles
  const [tall, across] = [params.int(high), params.int(wide)]
  const extents = ['', tall, across, params.int(k.channels / lanes)]
  const plane = params.int(k.plane)
  const finish = new Finish(writer, body, finishing(k), lanes)
  const workgroups = shares(body, writer, (k.batch * high * wide * k.channels) / lanes, caps, (index, each) => {
    const [n, ty, tx, c] = unflatten(each, index, extents) as [string, string, string, string]
    const from = each.let(`${index} * ${lanes}u`, 'a')
    const tile = range(t).map((i) =>
      range(t).map((j) => each.let(products.at(`${from} + ${i * t + j}u * ${plane}`), 'm')),
    )
    const column = each.let(`${c} * ${lanes}u`, 'c')
    both(transformsOf(k.size, named(each)).output)(tile).forEach((row, i) => {
      const line = each.let(`((${n} * ${tall} + ${ty}) * ${k.size}u + ${i}u) * ${across} + ${tx}`, 'y')
      row.forEach((v, j) => {
        const pixel = each.let(`${line} * ${k.size}u + ${j}u`, 'r')
        finish.store(each, finish.row(each, pixel), column, () => v)
      })
    })
  })
  return writer.finish({ size: [64, 1, 1], body, workgroups })
}

/** U = G g Gᵀ as panels, zeros after the last output. */
const weightShader = (k: WinogradWeightKernel, access: readonly Use[], caps: Capabilities): Shader => {
  const writer = new ShaderWriter(access, caps)
  const { params } = writer
  const body = new Block(writer)
  const out = channelsOf(writer, 0, 1)
  const t = k.size + 2
  const panels = Math.ceil(k.n / k.width)
  const plane = panels * k.depth * k.width
  const extents = ['', params.int(k.depth), params.int(k.width)]
  const [most, apart] = [params.int(k.n), params.int(plane)]
  const write = new Expressions(writer, { lanes: 1 })
  const workgroups = shares(body, writer, plane, caps, (index, each) => {
    const [panel, c, column] = unflatten(each, index, extents) as [string, string, string]
    const o = each.let(`${panel} * ${extents[2]!} + ${column}`, 'o')
    const inside = each.let(`min(${o}, ${most} - 1u)`, 'o')
    const g = range(3).map((y) => range(3).map((x) => write.value(each, k.w, [inside, c, `${y}u`, `${x}u`])))
    both(transformsOf(k.size, named(each)).weight)(g).forEach((row, i) =>
      row.forEach((v, j) =>
        each.add(out.set(`${index} + ${i * t + j}u * ${apart}`, `select(0.0, ${v}, ${o} < ${most})`)),
      ),
    )
  })
  return writer.finish({ size: [64, 1, 1], body, workgroups })
}

/** The code of a transform. */
export const winogradShader = (
  k: WinogradKernel,
  access: readonly Use[],
  { lanes }: WinogradVariant,
  caps: Capabilities,
): Shader => {
  switch (k._tag) {
    case 'WinogradInput':
      return inputShader(k, access, lanes, caps)
    case 'WinogradOutput':
      return outputShader(k, access, lanes, caps)
    case 'WinogradWeight':
      return weightShader(k, access, caps)
  }
}
