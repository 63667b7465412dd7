/** A function, as data: what it reads and what it gives. */
import type { Input, Node } from './node.ts'

/** `inputs` are bound at each run, in this order; `outputs` are what they determine. */
export type Graph = { readonly inputs: readonly Input[]; readonly outputs: readonly Node[] }
