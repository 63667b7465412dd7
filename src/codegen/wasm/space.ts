/** Where one stands in an iteration space, as code. */
import type { Body } from './module.ts'
import { get, i32, set, type Code } from './op.ts'

/** The row-major coordinates of a flat index, as statements that set locals: one for each axis. */
export const unflatten = (
  body: Body,
  dims: readonly number[],
  flat: number,
): { readonly code: Code; readonly at: readonly number[] } => {
  if (dims.length === 0) return { code: [], at: [] }
  const at = dims.map((_, i) => (i === 0 && dims.length === 1 ? flat : body.local('i32')))
  if (dims.length === 1) return { code: [], at }
  const rest = body.local('i32')
  const code: Code[] = [set(rest, get(flat))]
  for (let i = dims.length - 1; i > 0; i--)
    code.push(
      set(at[i]!, i32.remU(get(rest), i32.const(dims[i]!))),
      set(rest, i32.divU(get(rest), i32.const(dims[i]!))),
    )
  code.push(set(at[0]!, get(rest)))
  return { code, at }
}

/** base + bytes · (offset + Σ strideᵢ · atᵢ). */
export const addressOf = (
  base: Code,
  bytes: number,
  offset: number,
  strides: readonly number[],
  at: readonly number[],
): Code => {
  let sum = offset === 0 ? base : i32.add(base, i32.const(offset * bytes))
  strides.forEach((s, i) => {
    if (s === 0) return
    const step = s * bytes
    sum = i32.add(sum, step === 1 ? get(at[i]!) : i32.mul(get(at[i]!), i32.const(step)))
  })
  return sum
}
