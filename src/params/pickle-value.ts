/** What a pickle of a state dict holds. */

/** Something that a pickle holds. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | { readonly _tag: 'Bytes'; readonly bytes: Uint8Array }
  | { readonly _tag: 'List' | 'Tuple'; readonly items: Value[] }
  | { readonly _tag: 'Dict'; readonly entries: Map<Value, Value> }
  | { readonly _tag: 'Global'; readonly name: string }
  | StorageRef
  | TensorRef

/** A reference to the bytes of a tensor, kept outside the pickle: torch's storage class, its key, its number of elements. */
export type StorageRef = {
  readonly _tag: 'Storage'
  readonly type: string
  readonly key: string
  readonly count: number
}

/** A view of a storage; offset and strides in elements. */
export type TensorRef = {
  readonly _tag: 'Tensor'
  readonly storage: StorageRef
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

/** Is it a dict? */
export const isDict = (v: Value | undefined): v is Extract<Value, { _tag: 'Dict' }> =>
  v !== null && typeof v === 'object' && v._tag === 'Dict'
