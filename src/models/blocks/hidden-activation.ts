/** The activations that configs of transformers' models can name. */
import { oneOf } from '../../core/config.ts'
import { gelu, relu, silu } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'

const geluQuick = (x: Tensor): Tensor => x.geluQuick()
const geluTanh = (x: Tensor): Tensor => x.geluTanh()

const functions = {
  quick_gelu: geluQuick,
  gelu,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  relu,
  silu,
  swish: silu,
} as const

/** The names of `hidden_act`. */
export type HiddenActivation = keyof typeof functions

/** The codec of `hidden_act`. */
export const hiddenActivationName = oneOf(
  'quick_gelu',
  'gelu',
  'gelu_new',
  'gelu_pytorch_tanh',
  'relu',
  'silu',
  'swish',
)

/** An activation by transformers' name of it. */
export const hiddenActivation = (name: HiddenActivation): ((x: Tensor) => Tensor) => functions[name]
