/** Single files of the local file system. */
import { FileError } from '../../errors.ts'
import { platform } from '../platform.ts'
import { checkRange } from './attempt.ts'

const most = 2 ** 30 // Node refuses reads of 2 GiB and more at once

/** The code of a system error, such as ENOENT. */
export const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined

/** Does the error say that no file is there? */
export const isAbsence = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(codeOf(error) ?? '')

/** A file's length; undefined where there is no file. Throws where there is something else, such as a folder. */
export const lengthOf = async (path: string, file: string): Promise<number | undefined> => {
  try {
    const stat = await platform().fs.stat(file)
    if (!stat.isFile()) throw new FileError(path, 'unreadable', 'is no file')
    return stat.size
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw error
  }
}

/** A range of a file, by a handle that is closed whatever happens. */
export const readRange = async (path: string, file: string, start: number, end: number): Promise<Uint8Array> => {
  const handle = await platform().fs.open(file, 'r')
  try {
    checkRange(path, start, end, (await handle.stat()).size)
    const bytes = new Uint8Array(end - start)
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(most, bytes.length - at), start + at)
      if (bytesRead === 0) throw new FileError(path, 'corrupt', `became shorter while it was read, at ${start + at}`)
      at += bytesRead
    }
    return bytes
  } finally {
    await handle.close()
  }
}
