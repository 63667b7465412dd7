/** How long the ways to compute kernels took on an adapter, and what follows from it. */
import { keyOf, type Kernel } from '../../codegen/kernel.ts'
import type { Variant } from '../../codegen/wgsl/emit.ts'

/** Milliseconds of variants, as text, by kernel. */
export type Times = ReadonlyMap<string, ReadonlyMap<string, number>>

const format = 'diffold tuning 1'

/** So much faster a way must be to be preferred to the best guess: measurements vary. */
const gain = 0.95

/** 106 bits of a text (cyrb53, twice): a kernel's is too long to be kept. */
export const digest = (text: string): string => {
  const half = (seed: number): string => {
    let [a, b] = [0xdeadbeef ^ seed, 0x41c6ce57 ^ seed]
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i)
      a = Math.imul(a ^ c, 2654435761)
      b = Math.imul(b ^ c, 1597334677)
    }
    a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
    b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
    return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36)
  }
  return `${half(1)}-${half(2)}`
}

const digests = new WeakMap<Kernel, string>()

/** A kernel's structure and shape as a short text. */
export const kernelDigest = (kernel: Kernel): string => {
  const there = digests.get(kernel) ?? digest(keyOf(kernel))
  digests.set(kernel, there)
  return there
}

/** A variant as text. */
export const variantText = (variant: Variant): string => JSON.stringify(variant)

/** The fastest of some ways as far as is known; the best guess, the first, unless another is clearly faster. */
export const fastestOf = <A>(
  own: ReadonlyMap<string, number> | undefined,
  ways: readonly A[],
  text: (way: A) => string,
): A => {
  const timeOf = (way: A): number => own?.get(text(way)) ?? Infinity
  const guess = ways[0]!
  const fastest = ways.reduce((a, b) => (timeOf(b) < timeOf(a) ? b : a))
  return own?.has(text(guess)) && timeOf(fastest) < gain * timeOf(guess) ? fastest : guess
}

/** The fastest of a kernel's ways. */
export const bestOf = (times: Times, kernel: Kernel, variants: readonly Variant[]): Variant =>
  fastestOf(times.get(kernelDigest(kernel)), variants, variantText)

/** Both; where both know, the second counts. */
export const merge = (a: Times, b: Times): Times => {
  const out = new Map(a)
  for (const [kernel, own] of b) out.set(kernel, new Map([...(a.get(kernel) ?? []), ...own]))
  return out
}

/** Times as text. A variant that cannot be computed took for ever, which JSON calls null. */
export const write = (adapter: string, times: Times): string =>
  JSON.stringify({
    format,
    adapter,
    kernels: Object.fromEntries([...times].map(([k, own]) => [k, Object.fromEntries(own)])),
  })

const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === 'object' && x !== null && !Array.isArray(x)

/** Times from text, or why not. */
export const parse = (
  adapter: string,
  text: string,
): Times | { readonly reason: 'corrupt' | 'foreign'; readonly message: string } => {
  const corrupt = (message: string) => ({ reason: 'corrupt', message }) as const
  let all: unknown
  try {
    all = JSON.parse(text)
  } catch (error) {
    return corrupt(error instanceof Error ? error.message : String(error))
  }
  if (!isRecord(all) || !isRecord(all['kernels'])) return corrupt('is no record of kernels')
  if (all['format'] !== format) return { reason: 'foreign', message: `is written as ${String(all['format'])}` }
  if (all['adapter'] !== adapter) return { reason: 'foreign', message: `is of ${String(all['adapter'])}` }
  const times = new Map<string, ReadonlyMap<string, number>>()
  for (const [kernel, own] of Object.entries(all['kernels'])) {
    if (!isRecord(own)) return corrupt(`${kernel}: is no record of times`)
    const each = new Map<string, number>()
    for (const [variant, ms] of Object.entries(own)) {
      const time = ms === null ? Infinity : ms
      if (typeof time !== 'number' || !(time >= 0)) return corrupt(`${kernel}: ${String(ms)} is no time`)
      each.set(variant, time)
    }
    times.set(kernel, each)
  }
  return times
}
