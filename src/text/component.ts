/** A tokenizer as a component of a pipeline. */
import { either as E, taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { FileError, type LoadError } from '../errors.ts'
import type { Component } from '../params/load.ts'
import { tokenizerFiles, type TokenizerFiles } from './files.ts'
import type { Tokenizer } from './tokenizer.ts'

/** What makes a tokenizer of its files: `clipTokenizer` or `t5Tokenizer`. */
export type ReadTokenizer = (files: TokenizerFiles) => E.Either<FileError, Tokenizer>

/** The error with the folder in front of the name of its file. */
const within =
  (folder: string) =>
  (error: FileError): FileError =>
    new FileError(`${folder}/${error.path}`, error.problem, error.message.slice(error.path.length + 2))

/** A component that is a tokenizer: those of its files that its folder has. */
export const tokenizerComponent = (read: ReadTokenizer): Component<Tokenizer> => ({
  read: ({ files, name }) => {
    const one = (file: string): TE.TaskEither<LoadError, readonly (readonly [string, string])[]> =>
      pipe(
        files.has(`${name}/${file}`),
        TE.chainW((there) =>
          there
            ? pipe(
                files.text(`${name}/${file}`),
                TE.map((text) => [[file, text] as const]),
              )
            : TE.right([]),
        ),
      )
    return pipe(
      tokenizerFiles,
      TE.traverseSeqArray(one),
      TE.chainEitherKW((found) =>
        pipe(Object.fromEntries(found.flat()) as TokenizerFiles, read, E.mapLeft(within(name))),
      ),
      TE.map((value) => ({ value, notes: [] })),
    )
  },
})
