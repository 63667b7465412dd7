/** Where times of kernels are remembered: a file for each adapter in Node, a database in a browser. */
import type { Ignored } from '../tuning.ts'
import { merge, parse, write, type Times } from './choices.ts'

/** What is remembered of an adapter. Neither method ever rejects. */
export type Store = {
  /** What there is, and why it is not used. */
  readonly load: () => Promise<{ readonly times: Times; readonly ignored?: Ignored }>
  /** Adds to what there is; why it could not. */
  readonly save: (times: Times) => Promise<{ readonly where: string; readonly message: string } | undefined>
}

/** A text that is kept somewhere. */
type Slot = {
  readonly where: string
  readonly get: () => Promise<string | undefined>
  readonly set: (text: string) => Promise<void>
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const storeOn = (adapter: string, { where, get, set }: Slot): Store => {
  const load: Store['load'] = async () => {
    const nothing: Times = new Map()
    try {
      const text = await get()
      if (text === undefined) return { times: nothing }
      const found = parse(adapter, text)
      return 'reason' in found ? { times: nothing, ignored: { where, ...found } } : { times: found }
    } catch (error) {
      return { times: nothing, ignored: { reason: 'unreadable', where, message: said(error) } }
    }
  }
  return {
    load,
    save: async (times) => {
      try {
        // What another process has found meanwhile stays.
        await set(write(adapter, merge((await load()).times, times)))
        return undefined
      } catch (error) {
        return { where, message: said(error) }
      }
    },
  }
}

const builtin = (globalThis as { readonly process?: Partial<Pick<typeof process, 'getBuiltinModule'>> }).process
  ?.getBuiltinModule

/** DIFFOLD_CACHE, or `diffold` in XDG_CACHE_HOME, or ~/.cache/diffold. */
const defaultFolder = (): string => {
  const [os, path] = [builtin!('node:os'), builtin!('node:path')]
  const { DIFFOLD_CACHE: own, XDG_CACHE_HOME: all } = process.env
  return own ?? path.join(all ?? path.join(os.homedir(), '.cache'), 'diffold')
}

const file = (folder: string, name: string): Slot => {
  const [fs, path] = [builtin!('node:fs/promises'), builtin!('node:path')]
  const where = path.join(folder, `${name}.json`)
  return {
    where,
    get: () =>
      fs.readFile(where, 'utf8').catch((error: unknown) => {
        if ((error as { readonly code?: string }).code === 'ENOENT') return undefined
        throw error
      }),
    // Whoever reads meanwhile finds the old text or the new one, never a part.
    set: async (text) => {
      await fs.mkdir(folder, { recursive: true })
      const fresh = `${where}.${process.pid}.${Math.random().toString(36).slice(2)}`
      try {
        await fs.writeFile(fresh, text)
        await fs.rename(fresh, where)
      } catch (error) {
        await fs.rm(fresh, { force: true }).catch(() => undefined)
        throw error
      }
    },
  }
}

const settled = <A>(request: IDBRequest<A>): Promise<A> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('the database fails'))
  })

const database = (name: string, key: string): Slot => {
  const table = 'tuning'
  const ask = async <A>(mode: IDBTransactionMode, f: (s: IDBObjectStore) => IDBRequest<A>): Promise<A> => {
    const opening = indexedDB.open(name, 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore(table)
    const db = await settled(opening)
    try {
      return await settled(f(db.transaction(table, mode).objectStore(table)))
    } finally {
      db.close()
    }
  }
  return {
    where: `${name}/${key}`,
    get: () => ask('readonly', (s) => s.get(key) as IDBRequest<string | undefined>),
    set: async (text) => void (await ask('readwrite', (s) => s.put(text, key))),
  }
}

/** An adapter as text: what is fast on one may be slow on the next, and on the same one with fewer features. */
const adapterText = ({ adapterInfo, features }: Pick<GPUDevice, 'adapterInfo' | 'features'>): string => {
  const { vendor, architecture, device, description } = adapterInfo
  return [vendor, architecture, device, description, [...features].sort().join(' ')].join(' | ')
}

const nameOf = (adapter: string): string => {
  let hash = 0x811c9dc5
  for (const c of adapter) hash = Math.imul(hash ^ c.codePointAt(0)!, 0x01000193)
  return `tuning-${(hash >>> 0).toString(16).padStart(8, '0')}`
}

/** Remembers nothing. */
export const nowhere: Store = { load: async () => ({ times: new Map() }), save: async () => undefined }

/** The store of a device's adapter: in `cache`, or where this machine keeps such things; nowhere if that is false. */
export const storeOf = (gpu: GPUDevice, cache: string | false | undefined): Store => {
  if (cache === false) return nowhere
  const adapter = adapterText(gpu)
  const name = nameOf(adapter)
  if (builtin !== undefined) return storeOn(adapter, file(cache ?? defaultFolder(), name))
  return typeof indexedDB === 'undefined' ? nowhere : storeOn(adapter, database(cache ?? 'diffold', name))
}
