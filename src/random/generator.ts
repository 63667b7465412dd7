/** Seeds as values, and the generators they name. */
import { ConfigError } from '../errors.ts'
import type { Generator } from './draw.ts'
import { philoxGenerator } from './philox.ts'
import { torchGenerator } from './torch-generator.ts'

export type { DrawType, Generator, RandomOptions } from './draw.ts'

/** The name of a stream: `torch` is `torch.manual_seed(n)` on the CPU, `torch-cuda` the same on a GPU. A plain value. */
export type Seed = { readonly kind: 'torch' | 'torch-cuda'; readonly value: bigint }

const whole = (n: number | bigint): bigint => {
  if (typeof n === 'number' && !Number.isSafeInteger(n))
    throw new ConfigError('seed', String(n), ['a whole number'], 'is no seed')
  const value = BigInt(n)
  if (value < -(2n ** 63n) || value >= 2n ** 64n)
    throw new ConfigError('seed', `${n}`, ['−2⁶³ … 2⁶⁴ − 1'], 'is no seed')
  return BigInt.asUintN(64, value)
}

/** `torch.manual_seed(n)` on the CPU: the default generator. The same n gives the pictures that Python gives. Throws `ConfigError`. */
export const seed = (n: number | bigint = 0): Seed => ({ kind: 'torch', value: whole(n) })

/** `torch.Generator('cuda').manual_seed(n)`: Philox, emulated after the published algorithm. Normals only. Throws `ConfigError`. */
export const cudaSeed = (n: number | bigint = 0): Seed => ({ kind: 'torch-cuda', value: whole(n) })

/** A fresh generator at the start of a seed's stream. */
export const generatorOf = (s: Seed): Generator => {
  switch (s.kind) {
    case 'torch':
      return torchGenerator(s.value)
    case 'torch-cuda':
      return philoxGenerator(s.value)
  }
}
