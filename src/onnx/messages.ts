/** The messages of onnx.proto that a model is made of, with the numbers of their fields. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

type Write<A> = (out: BinaryWriter, value: A) => void
type Fields = Readonly<Record<string, Write<never>>>
type Message<F extends Fields> = { readonly [K in keyof F]?: F[K] extends Write<infer A> ? A : never }

const int =
  (field: number): Write<number> =>
  (out, value) =>
    out.tag(field, WireType.Varint).int64(value)
const ints =
  (field: number): Write<readonly number[]> =>
  (out, values) => {
    out.tag(field, WireType.LengthDelimited).fork()
    for (const value of values) out.int64(value)
    out.join()
  }
const float =
  (field: number): Write<number> =>
  (out, value) =>
    out.tag(field, WireType.Bit32).float(value)
const text =
  (field: number): Write<string> =>
  (out, value) =>
    out.tag(field, WireType.LengthDelimited).string(value)
const bytes =
  (field: number): Write<Uint8Array> =>
  (out, value) =>
    out.tag(field, WireType.LengthDelimited).bytes(value)
const each =
  <A>(item: Write<A>): Write<readonly A[]> =>
  (out, values) => {
    for (const value of values) item(out, value)
  }

const fieldsOf =
  <F extends Fields>(fields: F): Write<Message<F>> =>
  (out, value) => {
    for (const [key, write] of Object.entries(fields))
      if (value[key] !== undefined) (write as Write<unknown>)(out, value[key])
  }
const nested =
  <A>(field: number, message: Write<A>): Write<A> =>
  (out, value) => {
    out.tag(field, WireType.LengthDelimited).fork()
    message(out, value)
    out.join()
  }
type ValueOf<W> = W extends Write<infer A> ? A : never

const tensor = fieldsOf({ dims: ints(1), data_type: int(2), name: text(8), raw_data: bytes(9) })
const attribute = fieldsOf({ name: text(1), f: float(2), i: int(3), s: text(4), ints: ints(8), type: int(20) })
const node = fieldsOf({
  input: each(text(1)),
  output: each(text(2)),
  name: text(3),
  op_type: text(4),
  attribute: each(nested(5, attribute)),
})
const dimension = fieldsOf({ dim_value: int(1) })
const shape = fieldsOf({ dim: each(nested(1, dimension)) })
const tensorType = fieldsOf({ elem_type: int(1), shape: nested(2, shape) })
const type = fieldsOf({ tensor_type: nested(1, tensorType) })
const valueInfo = fieldsOf({ name: text(1), type: nested(2, type) })
const graph = fieldsOf({
  node: each(nested(1, node)),
  name: text(2),
  initializer: each(nested(5, tensor)),
  input: each(nested(11, valueInfo)),
  output: each(nested(12, valueInfo)),
})
const operatorSet = fieldsOf({ domain: text(1), version: int(2) })
const model = fieldsOf({
  ir_version: int(1),
  producer_name: text(2),
  graph: nested(7, graph),
  opset_import: each(nested(8, operatorSet)),
})

export type TensorProto = ValueOf<typeof tensor>
export type AttributeProto = ValueOf<typeof attribute>
export type NodeProto = ValueOf<typeof node>
export type ValueInfoProto = ValueOf<typeof valueInfo>
export type GraphProto = ValueOf<typeof graph>
export type ModelProto = ValueOf<typeof model>

/** Element types by the number that onnx.proto gives them. */
export const elementType = { FLOAT: 1, INT32: 6, INT64: 7, BOOL: 9, FLOAT16: 10, UINT32: 12, BFLOAT16: 16 } as const
/** The name of an element type. */
export type ElementType = keyof typeof elementType
/** Kinds of attributes by their number. */
export const attributeType = { FLOAT: 1, INT: 2, STRING: 3, INTS: 7 } as const

/** A model as bytes. */
export const encode = (value: ModelProto): Uint8Array => {
  const out = new BinaryWriter()
  model(out, value)
  return out.finish()
}
