/** The activations that a config can name. */
import { oneOf, respelled } from '../../core/config.ts'
import { gelu, mish, relu, silu } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'

const functions = { swish: silu, silu, mish, gelu, relu } as const

/** The names of `act_fn`; `swish` is another name of `silu`. */
export type Activation = keyof typeof functions

/** The codec of `act_fn`, in any case. */
export const activationName = respelled(oneOf('swish', 'silu', 'mish', 'gelu', 'relu'), (u) =>
  typeof u === 'string' ? u.toLowerCase() : u,
)

/** An activation by its name. */
export const activation = (name: Activation): ((x: Tensor) => Tensor) => functions[name]
