/** Two ways to count through the same block of memory, and the finest axes that both are made of. */

/** An axis of a space and its stride in the block. */
export type Axis = { readonly extent: number; readonly stride: number }

/** A common axis: which axis of each side it is a part of, and how many steps of that axis it takes. */
export type CommonAxis = {
  readonly extent: number
  readonly a: number
  readonly stepA: number
  readonly b: number
  readonly stepB: number
}

/** Axes from the outermost in, with how far each reaches, or undefined where they do not fill a block of `unit` elements step by step. */
const chain = (
  axes: readonly Axis[],
  unit: number,
): { readonly axis: number; readonly from: number; readonly to: number }[] | undefined => {
  const order = axes.flatMap((x, i) => (x.extent === 1 ? [] : [i])).sort((i, j) => axes[i]!.stride - axes[j]!.stride)
  const out: { axis: number; from: number; to: number }[] = []
  let step = unit
  for (const axis of order) {
    const { extent, stride } = axes[axis]!
    if (stride !== step) return undefined
    out.push({ axis, from: step, to: step * extent })
    step *= extent
  }
  return out
}

/** The axes that both sides are made of, outermost first, or undefined where there are none: sides must fill the same block. */
export const refine = (a: readonly Axis[], b: readonly Axis[], unit = 1): CommonAxis[] | undefined => {
  const [ca, cb] = [chain(a, unit), chain(b, unit)]
  if (ca === undefined || cb === undefined || (ca.at(-1)?.to ?? unit) !== (cb.at(-1)?.to ?? unit)) return undefined
  const bounds = [...new Set([unit, ...ca.map((x) => x.to), ...cb.map((x) => x.to)])].sort((x, y) => x - y)
  const out: CommonAxis[] = []
  for (let i = 1; i < bounds.length; i++) {
    const [low, high] = [bounds[i - 1]!, bounds[i]!]
    if (high % low !== 0) return undefined
    const x = ca.find((y) => y.from <= low && high <= y.to)!
    const y = cb.find((z) => z.from <= low && high <= z.to)!
    if (low % x.from !== 0 || low % y.from !== 0) return undefined
    out.push({ extent: high / low, a: x.axis, stepA: low / x.from, b: y.axis, stepB: low / y.from })
  }
  return out.reverse()
}

/** Strides over the given axes as strides over parts of them. */
export const over = (
  strides: readonly number[],
  axes: readonly { readonly axis: number; readonly step: number }[],
): number[] => axes.map(({ axis, step }) => strides[axis]! * step)
