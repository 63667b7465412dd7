/** Workers that share a memory: what they run, and how they are started in Node, Deno and browsers. */

/**
 * Words of the memory's first page: which run is on (even) or is over (odd), how many helpers are in it, what is run (the number of a module,
 * that of a function of its, a table, in so many bytes of memory, in pages), and from `states` on, a line of the cache for each helper, whether it is there.
 */
export const words = {
  run: 16,
  inside: 32,
  module: 48,
  function: 49,
  table: 50,
  pages: 51,
  states: 64,
  line: 16,
  all: 512,
} as const

/** Whether a helper waits for messages alone, is there, or has been called. */
export const states = { away: 0, there: 1, called: 2 } as const

/** A module, so that a helper knows it and comes; or what to lead. */
export type Order = {
  readonly module: WebAssembly.Module
  /** Modules are instantiated once for each number. */
  readonly id: number
  readonly memory: WebAssembly.Memory
  /** Thread 0 leads: it says when the run is over and no helper is in it any more. */
  readonly thread: number
}

/** The number of a function of a program: −1 is `run`, others those of `once0`, `once1`, …. */
export const functionName = (which: number): string => (which < 0 ? 'run' : `once${which}`)

/** What a worker says: that it is there; that a run is over, or has failed. */
export type Word = { readonly ready?: true; readonly run?: number; readonly error?: string }

/** How long a helper looks for the next run before it sleeps, and sleeps before it goes back to its messages, in milliseconds. */
const patience = { awake: 0.2, asleep: 1000 }

// A helper leaves a run that is over alone, for then its table may be another's. What is run is read inside, where it does not change. One that
// got the memory while that grew may see the old size for good, and would trap: it leaves the run alone, and asks for the module again.
const script = `
const instances = new Map()
const known = (words, id) => {
  const there = instances.get(id)
  return there !== undefined && there.memory.buffer.byteLength >= words[${words.pages}] * 65536 ? there.exports : undefined
}
const learn = (words, { id, module, memory }) => {
  if (known(words, id) !== undefined) return
  instances.delete(id)
  const { exports } = new WebAssembly.Instance(module, { env: { memory }, clock: { tick() {} } })
  instances.set(id, { exports, memory })
  if (instances.size > 32) instances.delete(instances.keys().next().value)
}
const call = (words, thread) => {
  const exports = known(words, words[${words.module}])
  if (exports === undefined) return false
  const which = words[${words.function}]
  exports[which < 0 ? 'run' : 'once' + which](words[${words.table}], thread)
  return true
}
const help = (words, run, thread) => {
  Atomics.add(words, ${words.inside}, 1)
  try {
    return Atomics.load(words, ${words.run}) !== run || call(words, thread)
  } finally {
    Atomics.sub(words, ${words.inside}, 1)
  }
}
const pause = Atomics.pause ?? (() => undefined)
const stay = (words, thread) => {
  const state = ${words.states} + ${words.line} * thread
  const run = () => Atomics.load(words, ${words.run})
  Atomics.store(words, state, ${states.there})
  for (let last = -1; ;) {
    const now = run()
    if (now !== last) {
      last = now
      if (now % 2 === 0 && !help(words, now, thread)) break
    }
    for (const until = performance.now() + ${patience.awake}; run() === last && performance.now() < until; ) pause()
    if (Atomics.wait(words, ${words.run}, last, ${patience.asleep}) !== 'timed-out') continue
    Atomics.store(words, state, ${states.away})
    if (run() === last) return
    Atomics.store(words, state, ${states.there})
  }
  Atomics.store(words, state, ${states.away})
}
const lead = (words) => {
  const run = Atomics.load(words, ${words.run})
  let error
  try {
    if (!call(words, 0)) error = 'the leader does not see all of the memory'
  } catch (e) {
    error = String(e)
  }
  Atomics.store(words, ${words.run}, run + 1)
  while (Atomics.load(words, ${words.inside}) > 0);
  postMessage({ run, error })
}
const obey = (order) => {
  const words = new Int32Array(order.memory.buffer, 0, ${words.all})
  learn(words, order)
  if (order.thread === 0) lead(words)
  else stay(words, order.thread)
}
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
