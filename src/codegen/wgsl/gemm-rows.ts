/** Where rows of A lie and how K is walked: the same in every way to compute a product. */
import type { GemmKernel, Rows, Term } from '../kernel.ts'
import { unflatten } from './grid.ts'
import type { Block, ShaderWriter } from './writer.ts'

/** A piece of K whose elements lie side by side in every row. `bases` are addresses in A's rows; those of rows outside of an image are `inside` false. */
export type Run = {
  readonly length: string
  readonly bases: readonly string[]
  readonly inside: readonly string[] | undefined
}

/** Axes of a batch that have an extent. */
export const batchAxes = (k: GemmKernel): readonly number[] => k.batch.map((_, i) => i).filter((i) => k.batch[i] !== 1)

/** Σ strideᵢ · atᵢ, as text. */
const along = (writer: ShaderWriter, strides: readonly number[], at: readonly string[]): readonly string[] =>
  strides.map((s, i) => `${at[i]!} * ${writer.params.int(s)}`)

/** Where something begins at a batch index, given along the axes of `batchAxes`. */
export const batchStart = (
  writer: ShaderWriter,
  k: GemmKernel,
  { offset, batch }: Pick<Rows, 'offset' | 'batch'>,
  at: readonly string[],
): string => {
  const strides = batchAxes(k).map((i) => batch[i]!)
  return [writer.params.int(offset), ...along(writer, strides, at)].join(' + ')
}

/** Coordinates of rows, each given by its number. */
export const coordinates = (
  writer: ShaderWriter,
  block: Block,
  extents: readonly number[],
  rows: readonly string[],
): readonly (readonly string[])[] => {
  const texts = extents.map((d, i) => (i === 0 ? '' : block.let(writer.params.int(d), 'd')))
  return rows.map((row) => unflatten(block, row, texts))
}

/** The rows of A that an invocation reads. */
export type RowsOfA = {
  /** Where the first element of every row is. */
  readonly first: () => readonly string[]
  /** Statements that walk K, run by run. */
  readonly walk: (block: Block, run: (inner: Block, r: Run) => void) => void
}

/** A term's rows, whose coordinates are `at`; `start` is where the batch begins. */
export const rowsOf = (
  writer: ShaderWriter,
  block: Block,
  term: Term,
  start: string,
  at: readonly (readonly string[])[],
): RowsOfA => (term.window === undefined ? plainRows : windows)(writer, block, term, start, at)

const plainRows: typeof rowsOf = (writer, block, term, start, at) => {
  const { params } = writer
  const { a, segments } = term
  const strides = a.rows.map((s) => block.let(params.int(s), 's'))
  const begin = block.let(start, 'a')
  const bases = at.map((row) => block.var([begin, ...strides.map((s, i) => `${row[i]!} * ${s}`)].join(' + '), 'a'))
  const first = segments[0]!
  // Most windows are runs of one length, the same distance apart.
  const even = segments.every(
    (s, i) => s.length === first.length && (i === segments.length - 1 || s.jump === first.jump),
  )
  return {
    first: () => bases,
    walk: (outer, run) => {
      if (segments.length === 1)
        return run(outer, { length: outer.let(params.int(first.length)), bases, inside: undefined })
      const table = even ? undefined : segmentTable(writer, segments)
      const counter = writer.fresh('g')
      outer.nest(`for (var ${counter} = 0u; ${counter} < ${params.int(segments.length)}; ${counter}++)`, (inner) => {
        const [length, jump] =
          table === undefined
            ? [params.int(first.length), params.int(first.jump)]
            : [table(`2u * ${counter}`), table(`2u * ${counter} + 1u`)]
        const own = inner.let(length)
        run(inner, { length: own, bases, inside: undefined })
        const step = inner.let(`${own} + ${jump}`)
        inner.add(...bases.map((b) => `${b} += ${step};`))
      })
    },
  }
}

/** Lengths and jumps as words of the uniform block that are read by number. */
const segmentTable = (writer: ShaderWriter, segments: Term['segments']): ((index: string) => string) => {
  const first = writer.params.table(segments.flatMap((s) => [s.length, s.jump]))
  return (index) => `p[(${first}u + ${index}) >> 2u][(${first}u + ${index}) & 3u]`
}

const windows: typeof rowsOf = (writer, block, { a, window }, start, at) => {
  const { params } = writer
  const w = window!
  const [strideY, strideX] = w.stride.map((v) => block.let(params.int(v), 's'))
  const [beforeY, beforeX] = w.before.map((v) => block.let(params.int(v), 'b'))
  const [dilateY, dilateX] = w.dilation.map((v) => block.let(params.int(v), 'd'))
  const [extentY, extentX] = w.extent.map((v) => block.let(params.int(v), 'h'))
  const [rowStride, pixelStride] = w.strides.map((v) => block.let(params.int(v), 's'))
  const magnified = w.magnify.some((v) => v !== 1)
  const [magnifyY, magnifyX] = magnified ? w.magnify.map((v) => block.let(params.int(v), 'z')) : []
  const begin = block.let(start, 'a')
  const pictureStride = params.int(a.rows[0]!)
  // Coordinates before the image wrap around to numbers beyond any extent.
  const slots = at.map(([picture, y, x]) => ({
    start: block.let(`${begin} + ${picture!} * ${pictureStride}`, 'a'),
    y: block.let(`${y!} * ${strideY!} - ${beforeY!}`, 'y'),
    x: block.let(`${x!} * ${strideX!} - ${beforeX!}`, 'x'),
  }))
  const [ky, kx] = [writer.fresh('k'), writer.fresh('k')]
  const [height, width] = w.kernel.map((v) => params.int(v))
  const channels = params.int(w.channels)
  const divided = (v: string, by: string | undefined): string => (by === undefined ? v : `(${v} / ${by})`)
  const walk: RowsOfA['walk'] = (outer, run) =>
    outer.nest(`for (var ${ky} = 0u; ${ky} < ${height!}; ${ky}++)`, (rows) => {
      rows.nest(`for (var ${kx} = 0u; ${kx} < ${width!}; ${kx}++)`, (inner) => {
        const found = slots.map((s) => {
          const y = inner.let(`${s.y} + ${ky} * ${dilateY!}`, 'y')
          const x = inner.let(`${s.x} + ${kx} * ${dilateX!}`, 'x')
          const inside = inner.let(`${y} < ${extentY!} && ${x} < ${extentX!}`, 'v')
          const place = `${s.start} + ${divided(y, magnifyY)} * ${rowStride!} + ${divided(x, magnifyX)} * ${pixelStride!}`
          return { base: inner.let(`select(${begin}, ${place}, ${inside})`, 'a'), inside }
        })
        if (w.strides[2] === 1)
          return run(inner, {
            length: inner.let(channels),
            bases: found.map((f) => f.base),
            inside: found.map((f) => f.inside),
          })
        const c = writer.fresh('k')
        const step = params.int(w.strides[2])
        inner.nest(`for (var ${c} = 0u; ${c} < ${channels}; ${c}++)`, (one) =>
          run(one, {
            length: one.let('1u'),
            bases: found.map((f) => one.let(`${f.base} + ${c} * ${step}`, 'a')),
            inside: found.map((f) => f.inside),
          }),
        )
      })
    })
  return { first: () => slots.map((s) => s.start), walk }
}
