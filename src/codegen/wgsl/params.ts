/**
 * Numbers that differ between uses of the same code, as a uniform block. They are numbered in the order in which they are asked for, never
 * by value: two strides that happen to be equal in one kernel must not make its text another one.
 */

const bits = new Float32Array(1)
const words = new Uint32Array(bits.buffer)

/** The bits of a float32, with every NaN the same. */
export const floatBits = (x: number): number => {
  bits[0] = x
  return Number.isNaN(x) ? 0x7fc00000 : words[0]!
}

/** Parameters of a shader being written. */
export class Params {
  readonly #words: number[] = []
  readonly #kept = new Map<unknown, Map<string, string>>()

  /** The words of the block, of whole vectors. */
  get words(): readonly number[] {
    const missing = (4 - (this.#words.length % 4)) % 4
    return [...this.#words, ...new Array<number>(missing).fill(0)]
  }

  /** An integer, as text of type u32. Negative ones wrap around, as the arithmetic of addresses does. */
  int(value: number): string {
    const at = this.#words.push(value >>> 0) - 1
    return `p[${at >> 2}].${'xyzw'[at & 3]}`
  }

  /** Words that are read by number, `p[i >> 2u][i & 3u]`; the number of the first one. */
  table(values: readonly number[]): number {
    return this.#words.push(...values.map((v) => v >>> 0)) - values.length
  }

  /** A float32, as text. */
  float(value: number): string {
    return `bitcast<f32>(${this.int(floatBits(value))})`
  }

  /** The same text each time for the same `what` of the same owner. */
  once(owner: unknown, what: string, make: () => string): string {
    const own = this.#kept.get(owner) ?? new Map<string, string>()
    this.#kept.set(owner, own)
    const text = own.get(what) ?? make()
    own.set(what, text)
    return text
  }

  /** The declaration of the block. */
  get declaration(): string {
    return this.#words.length === 0
      ? ''
      : `@group(0) @binding(0) var<uniform> p: array<vec4u, ${Math.ceil(this.#words.length / 4)}>;\n`
  }
}
