/** One tensor of a checkpoint, before it is read. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { DType, Storage } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import type { FileError } from '../errors.ts'

/** What a file's header says of a tensor, and how its values are read: straight into storage of their own. */
export type Entry = {
  readonly dtype: DType
  readonly shape: Shape
  /** The dtype in the file's own words, such as `F64`, which is read as f32. */
  readonly stored: string
  /** Bytes in the file. */
  readonly bytes: number
  readonly read: TaskEither<FileError, Storage>
}
