/** Where a picture goes. */
import { constants } from 'node:fs'
import fs from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { FileError } from '../errors.ts'
import { messageOf } from '../params/files/attempt.ts'
import { isAbsence } from '../params/files/disk.ts'

/** The path of a PNG file. */
export const pngPath = (text: string): string => {
  if (!/[^/\\]\.png$/i.test(text)) throw new InvalidArgumentError('expected a file name that ends in .png.')
  return text
}

/** Where the preview of a picture goes: `cat.png` → `cat-preview.png`. */
export const previewPath = (output: string): string => output.replace(/\.png$/i, '-preview$&')

/** Rejects with a `FileError`, before any time is spent on a picture, where it could not be written. */
export const checkWritable = async (output: string): Promise<void> => {
  const cannot = (why: string): never => {
    throw new FileError(output, 'unreadable', `cannot be written: ${why}`)
  }
  const target = resolve(output)
  for (let at = target; ; at = dirname(at)) {
    try {
      const isFolder = (await fs.stat(at)).isDirectory()
      if (isFolder !== (at !== target)) cannot(`${at} is ${isFolder ? 'a' : 'no'} folder`)
      return await fs.access(at, constants.W_OK)
    } catch (error) {
      if (error instanceof FileError) throw error
      if (!isAbsence(error) || at === dirname(at)) cannot(messageOf(error))
    }
  }
}
