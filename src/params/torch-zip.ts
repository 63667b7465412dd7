/** Checkpoints as `torch.save` writes them since torch 1.6: a zip archive of a pickle and the bytes of its storages. */
import { either as E, type taskEither as TE } from 'fp-ts'
import type { Storage } from '../core/dtype.ts'
import { size, strides as rowMajor } from '../core/shape.ts'
import { FileError } from '../errors.ts'
import type { Entry } from './entry.ts'
import { attempt, unwrap } from './files/attempt.ts'
import type { Files } from './files/files.ts'
import { isDict, type TensorRef, type Value } from './pickle-value.ts'
import { unpickle } from './pickle.ts'
import { storedOf } from './stored.ts'
import { zipMembers, type Member } from './zip.ts'

/** torch's storage classes by the names of their element types in safetensors. */
const storages: Readonly<Record<string, string>> = {
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  DoubleStorage: 'F64',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
}
const largestPickle = 64 * 2 ** 20

const isTensor = (v: Value): v is TensorRef => v !== null && typeof v === 'object' && v._tag === 'Tensor'

/** The tensors of a state dict, which may be the value of `state_dict` in another dict; values that are none are left out. */
const tensorsIn = (path: string, root: Value): ReadonlyMap<string, TensorRef> => {
  const inner = isDict(root) ? root.entries.get('state_dict') : undefined
  const dict = isDict(inner) ? inner : root
  if (!isDict(dict)) throw new FileError(path, 'unsupported', 'holds no dict of tensors')
  return new Map(
    [...dict.entries].flatMap(([name, v]) => (typeof name === 'string' && isTensor(v) ? [[name, v] as const] : [])),
  )
}

/** A view of a storage as values of its own, row-major. */
const gathered = (whole: Storage, { shape, strides }: TensorRef): Storage => {
  const own = rowMajor(shape)
  if (shape.every((d, i) => d <= 1 || strides[i] === own[i])) return whole
  const out = new (whole.constructor as new (n: number) => Storage)(size(shape))
  for (let i = 0; i < out.length; i++) {
    let [rest, from] = [i, 0]
    for (const [axis, step] of own.entries()) {
      from += Math.floor(rest / step) * strides[axis]!
      rest %= step
    }
    out[i] = whole[from]!
  }
  return out
}

/**
 * The tensors of a `.bin` file, by name; nothing in it is executed. `FileError` where it is broken, asks for anything but a dict of
 * tensors, or is a pickle of before torch 1.6.
 */
export const torchZip = (files: Files, path: string): TE.TaskEither<FileError, ReadonlyMap<string, Entry>> =>
  attempt(path, 'corrupt', async () => {
    const length = await unwrap(files.size(path))
    const read = (start: number, end: number): Promise<Uint8Array> => unwrap(files.read(path, start, end))
    const magic = await read(0, Math.min(4, length))
    if (magic[0] === 0x80)
      throw new FileError(
        path,
        'unsupported',
        'is a pickle of before torch 1.6; load it in Python and save it again, as safetensors',
      )
    const members = await zipMembers(path, length, read)
    const pickle = [...members.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name))
    if (pickle === undefined)
      throw new FileError(path, 'unsupported', 'is a zip archive without data.pkl, so none of torch.save')
    const folder = pickle.slice(0, -'data.pkl'.length)
    const whole = async (member: Member): Promise<Uint8Array> => {
      if (member.size > largestPickle)
        throw new FileError(path, 'unsupported', `has a ${member.name} of ${member.size} bytes`)
      const start = await member.locate()
      return read(start, start + member.size)
    }
    const order = members.get(`${folder}byteorder`)
    if (order !== undefined && new TextDecoder().decode(await whole(order)).trim() !== 'little')
      throw new FileError(path, 'unsupported', 'was saved on a big-endian machine')
    const tensors = tensorsIn(path, unpickle(path, await whole(members.get(pickle)!)))
    const entries = new Map<string, Entry>()
    for (const [name, tensor] of tensors)
      entries.set(name, entryOf(path, name, tensor, members.get(`${folder}data/${tensor.storage.key}`), read))
    return entries
  })

const entryOf = (
  path: string,
  name: string,
  tensor: TensorRef,
  member: Member | undefined,
  read: (start: number, end: number) => Promise<Uint8Array>,
): Entry => {
  const found = storedOf(path, name, storages[tensor.storage.type] ?? tensor.storage.type)
  if (E.isLeft(found)) throw found.left
  const type = found.right
  const count = size(tensor.shape)
  const reach = count === 0 ? 0 : tensor.shape.reduce((n, d, i) => n + (d - 1) * tensor.strides[i]!, 1)
  const inside =
    Number.isSafeInteger(count) && Number.isSafeInteger(reach) && tensor.offset + reach <= tensor.storage.count
  if (member === undefined) throw new FileError(path, 'corrupt', `${name} has no storage ${tensor.storage.key}`)
  if (!inside || member.size < tensor.storage.count * type.bytes)
    throw new FileError(path, 'corrupt', `${name} reaches outside its storage`)
  // A view that repeats its elements would unfold to any size.
  if (count > tensor.storage.count)
    throw new FileError(path, 'unsupported', `${name} repeats the elements of its storage`)
  return {
    dtype: type.dtype,
    shape: tensor.shape,
    stored: type.name,
    bytes: count * type.bytes,
    read: attempt(path, 'corrupt', async () => {
      const start = (await member.locate()) + tensor.offset * type.bytes
      return gathered(type.read(path, await read(start, start + reach * type.bytes)), tensor)
    }),
  }
}
