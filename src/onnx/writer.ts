/** A model being written: nodes in order, and the tensors that they begin with. */
import { allocate, type DType, type Storage } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import { ProgramError } from '../errors.ts'
import { attributeType, elementType, type AttributeProto, type ElementType } from './messages.ts'
import type { NodeProto, TensorProto, ValueInfoProto } from './messages.ts'

/** How values of a dtype stand in a file, and at the borders of the model. */
export const stored = {
  f32: 'FLOAT',
  f16: 'FLOAT16',
  bf16: 'BFLOAT16',
  i32: 'INT32',
  u32: 'UINT32',
  bool: 'BOOL',
} as const satisfies Record<DType, ElementType>

/** What ops between the borders see: 16-bit floats widened, and u32 as INT64, for runtimes have few kernels of UINT32. */
export const inside = {
  f32: 'FLOAT',
  f16: 'FLOAT',
  bf16: 'FLOAT',
  i32: 'INT32',
  u32: 'INT64',
  bool: 'BOOL',
} as const satisfies Record<DType, ElementType>

/** A static argument of a node: an integer, a list of them, a text, or a float. */
export type Attribute = number | readonly number[] | string | { readonly float: number }

const attributeOf = ([name, value]: readonly [string, Attribute]): AttributeProto => {
  if (typeof value === 'number') return { name, i: value, type: attributeType.INT }
  if (typeof value === 'string') return { name, s: value, type: attributeType.STRING }
  return 'float' in value
    ? { name, f: value.float, type: attributeType.FLOAT }
    : { name, ints: value, type: attributeType.INTS }
}

/** A name and a type, as the borders of a model declare them. */
export const declared = (name: string, dtype: DType, shape: Shape): ValueInfoProto => ({
  name,
  type: {
    tensor_type: {
      elem_type: elementType[stored[dtype]],
      shape: { dim: shape.map((dim_value) => ({ dim_value })) },
    },
  },
})

const mostBytes = 2 ** 31 - 2 ** 24 // protobuf's limit, less room for the nodes

/** Nodes and tensors by name; every method gives the name of a value. */
export class Writer {
  readonly nodes: NodeProto[] = []
  readonly initializers: TensorProto[] = []
  readonly #taken = new Set<string>()
  readonly #known = new Map<string, string>()
  #bytes = 0

  /** A name that no other value has, as near to the wished one as can be. */
  name(wish: string): string {
    let name = wish
    for (let i = 1; this.#taken.has(name); i++) name = `${wish}_${i}`
    this.#taken.add(name)
    return name
  }

  /** A node; its first output is what counts. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output = this.name(op),
    others: readonly string[] = [],
  ): string {
    this.nodes.push({
      input: inputs,
      output: [output, ...others],
      name: output,
      op_type: op,
      attribute: Object.entries(attributes).map(attributeOf),
    })
    return output
  }

  /** The values as another element type. */
  cast(x: string, to: ElementType, output?: string): string {
    return this.node('Cast', [x], { to: elementType[to] }, output)
  }

  /** Values that the file holds, as ops see them. Throws `ProgramError` where a file cannot hold so many. */
  values(dtype: DType, shape: Shape, data: Storage, wish: string): string {
    this.#count(data.byteLength)
    const raw_data = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const name = this.name(wish)
    this.initializers.push({ dims: shape, data_type: elementType[stored[dtype]], name, raw_data })
    return stored[dtype] === inside[dtype] ? name : this.cast(name, inside[dtype])
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > mostBytes)
      throw new ProgramError(
        `toOnnx: more than ${(mostBytes / 1e9).toFixed(2)} GB of values, and an ONNX file holds no more; f16 weights take half of f32's`,
      )
  }

  /** One number as ops of a dtype see it. */
  number(dtype: DType, value: number): string {
    const zero = Object.is(value, -0) ? '-0' : `${value}`
    return this.once(`${inside[dtype]} ${zero}`, () => {
      if (dtype === 'u32') return this.integers([value], [])
      const wide = dtype === 'f16' || dtype === 'bf16' ? 'f32' : dtype
      const data = allocate(wide, 1)
      data[0] = value
      return this.values(wide, [], data, 'number')
    })
  }

  /** Integers of 64 bits, as shapes, axes and steps are given. */
  integers(values: readonly number[], shape: Shape = [values.length]): string {
    return this.once(`INT64 ${shape.length} ${values}`, () => {
      const name = this.name('integers')
      const raw_data = new Uint8Array(BigInt64Array.from(values, (v) => BigInt(v)).buffer)
      this.initializers.push({ dims: shape, data_type: elementType.INT64, name, raw_data })
      return name
    })
  }

  /** What was made under this key before, or is made now. */
  once(key: string, make: () => string): string {
    const there = this.#known.get(key)
    if (there !== undefined) return there
    const made = make()
    this.#known.set(key, made)
    return made
  }
}
