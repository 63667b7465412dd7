/** mt19937, as torch seeds and tempers it. Matsumoto & Nishimura 1998. */

/** A source of uniform 32-bit words. */
export type Words = {
  /** The next word, from 0 to 2³² − 1. */
  readonly next: () => number
  /** Another source in the same position. */
  readonly clone: () => Words
}

const length = 624
const middle = 397

const seeded = (seed: bigint): Uint32Array => {
  const state = new Uint32Array(length)
  state[0] = Number(BigInt.asUintN(32, seed))
  for (let j = 1; j < length; j++) {
    const before = state[j - 1]!
    state[j] = Math.imul(1812433253, before ^ (before >>> 30)) + j
  }
  return state
}

const twist = (state: Uint32Array): void => {
  for (let j = 0; j < length; j++) {
    const y = (state[j]! & 0x80000000) | (state[(j + 1) % length]! & 0x7fffffff)
    state[j] = state[(j + middle) % length]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
  }
}

const from = (state: Uint32Array, start: number): Words => {
  let position = start
  return {
    next: () => {
      if (position === length) {
        twist(state)
        position = 0
      }
      let y = state[position++]!
      y ^= y >>> 11
      y ^= (y << 7) & 0x9d2c5680
      y ^= (y << 15) & 0xefc60000
      return (y ^ (y >>> 18)) >>> 0
    },
    clone: () => from(state.slice(), position),
  }
}

/** The stream of a seed. Only its low 32 bits count: 2³² + 42 gives the stream of 42, and −1 that of 2³² − 1. */
export const mersenneTwister = (seed: bigint): Words => from(seeded(seed), length)
