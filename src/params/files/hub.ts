/** A repository of the Hugging Face hub, or of a server like it. */
import { FileError } from '../../errors.ts'
import { isNode } from '../platform.ts'
import { checkRange } from './attempt.ts'
import { lengthOf, readRange } from './disk.ts'
import type { Files } from './files.ts'
import { hubCache, isPlainName, type HubCache } from './hub-cache.ts'
import { download, type OnProgress } from './hub-download.ts'
import { defaultCache, defaultEndpoint, defaultToken, isOffline } from './hub-settings.ts'
import { http, urlOf } from './http.ts'
import { filesOf, missing } from './reader.ts'
import { ask, checkStatus, lengthIn, retrying, type Transport } from './request.ts'

/** Which revision, from where, and where it is kept. */
export type HubOptions = Transport & {
  /** A branch, tag or commit; `main` unless given. */
  readonly revision?: string
  /** HF_ENDPOINT, else https://huggingface.co, unless given. */
  readonly endpoint?: string
  /** The folder of the cache, as Python's; `false` keeps nothing and reads by ranges, as a browser does. */
  readonly cache?: string | false
  /** Told how much of a file has been downloaded. */
  readonly onProgress?: OnProgress
}

/** The rules of huggingface_hub. */
const isRepository = (id: string): boolean =>
  /^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(id) && id.length <= 96 && !/--|\.\.|\.git$|[-.]$|[-.]\/|\/-|^-/.test(id)

const isRevision = (revision: string): boolean =>
  /^[\w.+/-]{1,200}$/.test(revision) && revision.split('/').every((p) => p !== '' && p !== '.' && p !== '..')

type Found =
  | { readonly _tag: 'cached'; readonly file: string }
  | { readonly _tag: 'remote'; readonly etag: string; readonly commit: string; readonly size: number | undefined }
  | { readonly _tag: 'absent'; readonly error: FileError }

/**
 * The files of a repository `org/name`. In Node and Deno they are downloaded into the cache that huggingface_hub keeps in Python
 * (HF_HUB_CACHE, HF_HOME), each when it is first read, and found there afterwards; the first one asked for fixes the commit for
 * all. With HF_HUB_OFFLINE, or where the hub cannot be reached, the cache alone answers. In a browser files are read by ranges.
 * The token (the option, HF_TOKEN, or that of `hf auth login`) is sent to the hub and never to where it redirects.
 */
export const hub = (repository: string, options: HubOptions = {}): Files => {
  const revision = options.revision ?? 'main'
  const wrong = !isRepository(repository)
    ? new FileError(repository, 'missing', 'is no id of a hub repository (org/name)')
    : !isRevision(revision)
      ? new FileError(repository, 'missing', `${JSON.stringify(revision)} is no revision`)
      : undefined
  if (wrong !== undefined) {
    const refuse = (): Promise<never> => Promise.reject(wrong)
    return filesOf({ name: repository, has: refuse, size: refuse, read: refuse })
  }
  const base = (at: string): string =>
    `${(options.endpoint ?? defaultEndpoint()).replace(/\/+$/, '')}/${repository}/resolve/${encodeURIComponent(at)}`
  if (isNode() && options.cache !== false) return cached(repository, revision, base, options)
  if (options.token !== undefined || !isNode()) return http(base(revision), { ...options, name: repository })
  const made = defaultToken().then((token) =>
    http(base(revision), { ...options, ...(token && { token }), name: repository }),
  )
  const via =
    <A>(f: (files: Files) => () => Promise<A>) =>
    async (): Promise<A> =>
      f(await made)()
  return {
    name: repository,
    has: (path) => via((files) => files.has(path)),
    size: (path) => via((files) => files.size(path)),
    read: (path, start, end) => via((files) => files.read(path, start, end)),
    text: (path) => via((files) => files.text(path)),
  }
}

const cached = (repository: string, revision: string, base: (at: string) => string, options: HubOptions): Files => {
  const state: { cache?: HubCache; commit?: string; down?: FileError; transport?: Promise<Transport> } = {}
  if (/^[0-9a-f]{40}$/.test(revision)) state.commit = revision
  const refParts = revision.split('/')
  const cacheOf = (): HubCache => (state.cache ??= hubCache(options.cache || defaultCache(), repository))
  const transportOf = (): Promise<Transport> =>
    (state.transport ??= (async () => {
      const token = options.token ?? (await defaultToken())
      return { ...options, ...(token === undefined ? {} : { token }) }
    })())

  const head = async (path: string, parts: readonly string[]): Promise<Found> => {
    const transport = await transportOf()
    return retrying(transport, path, async (signal) => {
      const url = urlOf(base(state.commit ?? revision), parts)
      const init = { method: 'HEAD', headers: { 'accept-encoding': 'identity' }, signal } as const
      const response = await ask(transport, path, init, url, 'origin')
      const { headers } = response
      const commit = headers.get('x-repo-commit') ?? ''
      const known = isPlainName(commit)
      const code = headers.get('x-error-code')
      if (response.status === 404 && known && (code === null || code === 'EntryNotFound')) {
        await cacheOf().setAbsent(commit, parts)
        if (state.commit === undefined) await settle(commit)
      }
      await checkStatus(path, url, response)
      const etag = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^W\//, '').replaceAll('"', '')
      if (!known || !isPlainName(etag))
        throw new FileError(path, 'network', `${new URL(url).host} answers unlike a hub: without a commit or an etag`)
      if (state.commit === undefined) await settle(commit)
      const linked = headers.get('x-linked-size') ?? ''
      const size = /^\d{1,15}$/.test(linked) ? Number(linked) : response.ok ? lengthIn(response) : undefined
      return { _tag: 'remote', etag, commit, size }
    })
  }

  const settle = async (commit: string): Promise<void> => {
    state.commit = commit
    if (commit !== revision) await cacheOf().setCommit(refParts, commit)
  }

  const inCache = async (parts: readonly string[], why: FileError): Promise<Found> => {
    const commit = state.commit ?? (await cacheOf().commitOf(refParts))
    const file = commit === undefined ? undefined : await cacheOf().find(commit, parts)
    if (file !== undefined) return { _tag: 'cached', file }
    if (commit === undefined || !(await cacheOf().hasCommit(commit))) throw why
    return { _tag: 'absent', error: why }
  }

  const locate = async (path: string, parts: readonly string[]): Promise<Found> => {
    if (state.commit !== undefined) {
      const file = await cacheOf().find(state.commit, parts)
      if (file !== undefined) return { _tag: 'cached', file }
      if (await cacheOf().isAbsent(state.commit, parts)) return { _tag: 'absent', error: missing(path, repository) }
    }
    const offline = isOffline()
      ? new FileError(path, 'missing', `is not in the cache of ${repository}, and HF_HUB_OFFLINE is set`)
      : state.down && new FileError(path, 'network', `is not in the cache of ${repository}, and ${state.down.message}`)
    if (offline !== undefined) return inCache(parts, offline)
    try {
      const there = await head(path, parts)
      const file = there._tag === 'remote' ? await cacheOf().find(there.commit, parts) : undefined
      return file === undefined ? there : { _tag: 'cached', file }
    } catch (error) {
      if (!(error instanceof FileError) || options.signal?.aborted) throw error
      if (error.problem === 'missing') return { _tag: 'absent', error }
      const found = await inCache(parts, error)
      state.down = error
      return found
    }
  }

  const found = new Map<string, Promise<Found>>()
  const find = async (path: string, parts: readonly string[]): Promise<Found> => {
    const known = found.get(path)
    if (known !== undefined) return known
    // The first question fixes the commit; the others wait for it, so that all files are of one commit.
    const [first] = found.values()
    const task = (first ?? Promise.resolve()).then(
      () => locate(path, parts),
      () => locate(path, parts),
    )
    found.set(path, task)
    task.catch(() => found.delete(path))
    return task
  }
  const fileOf = async (path: string, parts: readonly string[]): Promise<string> => {
    const at = await find(path, parts)
    if (at._tag === 'absent') throw at.error
    if (at._tag === 'cached') return at.file
    const url = urlOf(base(at.commit), parts)
    await download(await transportOf(), cacheOf(), { path, url, etag: at.etag, size: at.size }, options.onProgress)
    const file = await cacheOf().link(at.etag, at.commit, parts)
    found.set(path, Promise.resolve({ _tag: 'cached', file }))
    return file
  }

  return filesOf({
    name: repository,
    has: async (path, parts) => (await find(path, parts))._tag !== 'absent',
    size: async (path, parts) => {
      const at = await find(path, parts)
      if (at._tag === 'remote' && at.size !== undefined) return at.size
      const size = await lengthOf(path, await fileOf(path, parts))
      if (size === undefined) throw missing(path, repository)
      return size
    },
    read: async (path, start, end, parts) => {
      checkRange(path, start, end)
      return readRange(path, await fileOf(path, parts), start, end)
    },
  })
}
