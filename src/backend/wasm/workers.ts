/** Workers that share a memory: what they run, and how they are started in Node, Deno and browsers. */

/** Words of the memory's first page: which run is on, and how many helpers are in it. */
export const words = { run: 16, inside: 32 } as const

/** What a worker is told: to call a function of a module's on a table, as this thread of a run, or to lead it. */
export type Order = {
  readonly module: WebAssembly.Module
  /** Modules are instantiated once for each number. */
  readonly id: number
  readonly memory: WebAssembly.Memory
  readonly name: string
  readonly table: number
  readonly run: number
  /** Thread 0 leads: it says when the run is over and no helper is in it any more. */
  readonly thread: number
}

/** What a worker says: that it is there; that a run is over, or has failed. */
export type Word = { readonly ready?: true; readonly run?: number; readonly error?: string }

// A helper leaves a run that is over alone, for then its table may be another's.
const script = `
const instances = new Map()
const exportsOf = ({ id, module, memory }) => {
  let instance = instances.get(id)
  if (instance === undefined) {
    instance = new WebAssembly.Instance(module, { env: { memory }, clock: { tick() {} } })
    if (instances.size > 32) instances.delete(instances.keys().next().value)
    instances.set(id, instance)
  }
  return instance.exports
}
const help = (order) => {
  const words = new Int32Array(order.memory.buffer, 0, 64)
  Atomics.add(words, ${words.inside}, 1)
  try {
    if (Atomics.load(words, ${words.run}) === order.run) exportsOf(order)[order.name](order.table, order.thread)
  } finally {
    Atomics.sub(words, ${words.inside}, 1)
  }
}
const lead = (order) => {
  const words = new Int32Array(order.memory.buffer, 0, 64)
  let error
  try {
    exportsOf(order)[order.name](order.table, 0)
  } catch (e) {
    error = String(e)
  }
  Atomics.store(words, ${words.run}, order.run + 1)
  while (Atomics.load(words, ${words.inside}) > 0);
  postMessage({ run: order.run, error })
}
const obey = (order) => (order.thread === 0 ? lead(order) : help(order))
if (typeof require === 'function') require('node:worker_threads').parentPort.on('message', obey)
else {
  onmessage = (event) => obey(event.data)
  postMessage({ ready: true })
}
`

/** A worker. */
export type Helper = {
  readonly post: (order: Order) => void
  readonly stop: () => void
}

// Typed by hand: a browser has no `process`, and a bundler's stand-in for it has no `getBuiltinModule`.
const node = (): Partial<Pick<typeof process, 'getBuiltinModule'>> | undefined =>
  (globalThis as { readonly process?: typeof process }).process

const inNode = (): Helper | undefined => {
  const builtin = node()?.getBuiltinModule
  if (builtin === undefined) return undefined
  const worker = new (builtin('node:worker_threads').Worker)(script, { eval: true, execArgv: [] })
  worker.unref()
  return { post: (order) => worker.postMessage(order), stop: () => void worker.terminate() }
}

const inBrowser = (): { readonly worker: Worker; readonly forget: () => void } => {
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }))
  return { worker: new Worker(url), forget: () => URL.revokeObjectURL(url) }
}

/** A worker that helps. */
export const helper = (): Helper => {
  const there = inNode()
  if (there !== undefined) return there
  const { worker } = inBrowser()
  return { post: (order) => worker.postMessage(order), stop: () => worker.terminate() }
}

/** A worker that leads runs for a page, which waits for word from it. */
export type Leader = { readonly lead: (order: Order) => Promise<void>; readonly stop: () => void }

/** A leader, once it is there; undefined where the page's policy forbids workers made of a text (`worker-src blob:`). */
export const leader = (): Promise<Leader | undefined> =>
  new Promise((resolve) => {
    try {
      const { worker, forget } = inBrowser()
      let waiting: { readonly done: () => void; readonly failed: (error: Error) => void } | undefined
      worker.onerror = (event): void => {
        event.preventDefault()
        resolve(undefined)
        waiting?.failed(new Error(event.message))
      }
      worker.onmessage = ({ data: { ready, error } }: MessageEvent<Word>): void => {
        if (ready === true) forget()
        if (ready === true) return resolve({ lead, stop: () => worker.terminate() })
        if (error === undefined) waiting?.done()
        else waiting?.failed(new Error(error))
      }
      const lead = (order: Order): Promise<void> =>
        new Promise((done, failed) => {
          waiting = { done, failed }
          worker.postMessage(order)
        })
    } catch {
      resolve(undefined)
    }
  })

/** Where runs may be led: on this thread, which may wait for others; away, in a worker, for a page must not wait; or alone, without help. */
export const placeOfRuns = (): 'here' | 'away' | 'alone' => {
  if (typeof SharedArrayBuffer !== 'function') return 'alone'
  if (node()?.getBuiltinModule !== undefined) return 'here'
  if (globalThis.crossOriginIsolated !== true) return 'alone'
  return typeof document === 'undefined' ? 'here' : 'away'
}

/** Cores, as far as one is told. */
export const cores = (): number =>
  node()?.getBuiltinModule?.('node:os').availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1
