/** Embeddings as the Stable Diffusion web UI saves them: a dict whose `string_to_param` holds the vectors, and whose `name` is the word. */
import { either as E, type taskEither as TE } from 'fp-ts'
import { size, strides } from '../core/shape.ts'
import { FileError } from '../errors.ts'
import type { Entry } from './entry.ts'
import { attempt, unwrap } from './files/attempt.ts'
import type { LoneFile } from './lone-file.ts'
import { isDict, type TensorRef, type Value } from './pickle-value.ts'
import { unpickle } from './pickle.ts'
import { storedOf } from './stored.ts'
import { zipMembers } from './zip.ts'

const types: Readonly<Record<string, string>> = { FloatStorage: 'F32', HalfStorage: 'F16', BFloat16Storage: 'BF16' }

const isTensor = (v: Value | undefined): v is TensorRef => v !== null && typeof v === 'object' && v._tag === 'Tensor'

/** The word of a web UI's embedding, and its vectors. Nothing in the file is executed; `FileError` where it is something else. */
export const styleFile = ({
  files,
  path,
}: LoneFile): TE.TaskEither<FileError, { readonly name: string | undefined; readonly entry: Entry }> =>
  attempt(path, 'corrupt', async () => {
    const unlike = (why: string): FileError => new FileError(path, 'unsupported', why)
    const length = await unwrap(files.size(path))
    const read = (start: number, end: number): Promise<Uint8Array> => unwrap(files.read(path, start, end))
    const members = await zipMembers(path, length, read)
    const pickle = [...members].find(([name]) => /^[^/]+\/data\.pkl$/.test(name))?.[1]
    if (pickle === undefined) throw unlike('is a zip archive without data.pkl, so none of torch.save')
    const start = await pickle.locate()
    const root = unpickle(path, await read(start, start + pickle.size))
    const params = isDict(root) ? root.entries.get('string_to_param') : undefined
    const vectors = isDict(params) ? (params.entries.get('*') ?? [...params.entries.values()][0]) : undefined
    if (!isDict(root) || !isTensor(vectors)) throw unlike('holds no string_to_param, and so no embedding')
    const { storage, shape, offset } = vectors
    const type = storedOf(path, 'string_to_param', types[storage.type] ?? storage.type)
    if (E.isLeft(type)) throw type.left
    const member = members.get(pickle.name.replace(/data\.pkl$/, `data/${storage.key}`))
    const [from, bytes] = [offset * type.right.bytes, size(shape) * type.right.bytes]
    const dense = strides(shape).every((step, axis) => shape[axis]! <= 1 || step === vectors.strides[axis])
    if (member === undefined || !dense || from + bytes > member.size)
      throw new FileError(path, 'corrupt', 'has an embedding outside its storage')
    const name = root.entries.get('name')
    return {
      name: typeof name === 'string' ? name : undefined,
      entry: {
        dtype: type.right.dtype,
        shape,
        stored: type.right.name,
        bytes,
        read: attempt(path, 'corrupt', async () => {
          const at = (await member.locate()) + from
          return type.right.read(path, await read(at, at + bytes))
        }),
      },
    }
  })
