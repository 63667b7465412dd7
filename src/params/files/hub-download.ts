/** One blob of a hub into its cache: through an `.incomplete` file, gone on with where one was left, and checked by its hash. */
import { FileError } from '../../errors.ts'
import { platform } from '../platform.ts'
import { fileError } from './attempt.ts'
import { isAbsence } from './disk.ts'
import type { HubCache } from './hub-cache.ts'
import { ranged } from './ranged.ts'
import type { Transport } from './request.ts'

/** What is to be downloaded. */
export type Remote = {
  readonly path: string
  readonly url: string
  readonly etag: string
  readonly size: number | undefined
}

/** Told of bytes that have come; `total` is undefined where the server does not say. */
export type OnProgress = (progress: {
  readonly path: string
  readonly done: number
  readonly total: number | undefined
}) => void

/** An `.incomplete` file untouched for so long, in milliseconds, belongs to no one any more. */
const abandoned = 60_000

type Algorithm = 'sha256' | 'sha1' | undefined

/** The hub's etag is the SHA-256 of a large file, and git's SHA-1 of a blob otherwise; a mirror's may be neither. */
const algorithmOf = (etag: string): Algorithm =>
  /^[0-9a-f]{64}$/.test(etag) ? 'sha256' : /^[0-9a-f]{40}$/.test(etag) ? 'sha1' : undefined

const digest = async (file: string, algorithm: 'sha256' | 'sha1'): Promise<string> => {
  const { fs, crypto } = platform()
  const hash = crypto.createHash(algorithm)
  const handle = await fs.open(file, 'r')
  try {
    if (algorithm === 'sha1') hash.update(`blob ${(await handle.stat()).size}\0`)
    const buffer = new Uint8Array(2 ** 22)
    for (let at = 0; ;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytesRead))
      at += bytesRead
    }
  } finally {
    await handle.close()
  }
}

/** Takes over what an earlier download left, by renaming it: only one process can. Returns its length, 0 where there is none. */
const takeOver = async (cache: HubCache, etag: string, work: string): Promise<number> => {
  const { fs, path } = platform()
  const names = await fs.readdir(cache.blobs)
  for (const name of names.filter((n) => n.startsWith(`${etag}.`) && n.endsWith('.incomplete'))) {
    const file = path.join(cache.blobs, name)
    try {
      const { mtimeMs, size } = await fs.stat(file)
      if (Date.now() - mtimeMs < abandoned) continue
      await fs.rename(file, work)
      return size
    } catch (error) {
      if (!isAbsence(error)) throw error
    }
  }
  return 0
}

const transfer = async (transport: Transport, blob: Remote, work: string, have: number, onProgress?: OnProgress) => {
  const { path, url, size } = blob
  const { fs } = platform()
  const handle = await fs.open(work, have > 0 ? 'r+' : 'w')
  const disk = async (task: Promise<unknown>): Promise<void> => {
    await task.catch((error: unknown) => {
      throw fileError(path, 'unreadable', error) // a full disk is no reason to ask the server again
    })
  }
  let at = have
  try {
    if (have > 0 && have === size) return
    await ranged(transport, path, url, have, undefined, {
      begin: async (from) => {
        at = from
        await disk(handle.truncate(from))
      },
      bytes: async (bytes) => {
        for (let n = 0; n < bytes.length;)
          await disk(handle.write(bytes, n, bytes.length - n, at + n).then((r) => (n += r.bytesWritten)))
        at += bytes.length
        if (size !== undefined && at > size)
          throw new FileError(path, 'network', `the server sent more than the ${size} bytes announced`)
        onProgress?.({ path, done: at, total: size })
      },
    })
    if (size !== undefined && at !== size)
      throw new FileError(path, 'network', `the server sent ${at} of the ${size} bytes announced`)
  } finally {
    await handle.close()
  }
}

const running = new Map<string, Promise<void>>()

/** Sees to it that a blob is in the cache. Two downloads of the same one in one process are one. Throws `FileError`. */
export const download = (
  transport: Transport,
  cache: HubCache,
  blob: Remote,
  onProgress?: OnProgress,
): Promise<void> => {
  const target = cache.blob(blob.etag)
  const task =
    running.get(target) ?? fetchBlob(transport, cache, blob, target, onProgress).finally(() => running.delete(target))
  running.set(target, task)
  return task
}

const fetchBlob = async (
  transport: Transport,
  cache: HubCache,
  blob: Remote,
  target: string,
  onProgress?: OnProgress,
): Promise<void> => {
  const { fs, crypto } = platform()
  const exists = (): Promise<boolean> =>
    fs.stat(target).then(
      (s) => s.isFile(),
      () => false,
    )
  if (await exists()) return
  await fs.mkdir(cache.blobs, { recursive: true })
  const work = `${target}.${crypto.randomBytes(4).toString('hex')}.incomplete`
  const algorithm = algorithmOf(blob.etag)
  // Without a hash nobody can tell whether what was left is a beginning of this file.
  const left = algorithm === undefined ? 0 : await takeOver(cache, blob.etag, work)
  for (let have = blob.size !== undefined && left > blob.size ? 0 : left; ; have = 0) {
    try {
      await transfer(transport, blob, work, have, onProgress)
    } catch (error) {
      await fs.utimes(work, 0, 0).catch(() => undefined) // abandoned at once, for the next attempt to go on with
      throw error
    }
    if (algorithm === undefined || (await digest(work, algorithm)) === blob.etag) break
    if (have === 0) {
      await fs.rm(work, { force: true })
      throw new FileError(blob.path, 'corrupt', `what the server sent does not have the ${algorithm} it announced`)
    }
  }
  await fs.rename(work, target).catch(async (error: unknown) => {
    if (!(await exists())) throw error // else another process was first
  })
}
