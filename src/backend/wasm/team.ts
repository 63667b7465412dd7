/** Threads that help with a run: workers that share the memory, and take pieces of the same program as long as it runs. */

/** The most threads of a program. */
export const mostThreads = 16

/** Words of the first page: which run is on, and how many helpers are in it. */
const runWord = 16
const insideWord = 32

/** What each worker runs. It leaves a run that is over alone, for then its table may be another's. */
const script = `
const instances = new Map()
const math = { sin: Math.sin, cos: Math.cos, pow: (x, y) => (x === 1 ? 1 : x === -1 && Math.abs(y) === Infinity ? 1 : x ** y) }
const help = ({ id, module, memory, table, run, thread }) => {
  const words = new Int32Array(memory.buffer, 0, 64)
  Atomics.add(words, ${insideWord}, 1)
  try {
    if (Atomics.load(words, ${runWord}) !== run) return
    let instance = instances.get(id)
    if (instance === undefined) {
      instance = new WebAssembly.Instance(module, { env: { memory }, math, clock: { tick() {} } })
      if (instances.size > 32) instances.delete(instances.keys().next().value)
      instances.set(id, instance)
    }
    instance.exports.run(table, thread)
  } finally {
    Atomics.sub(words, ${insideWord}, 1)
  }
}
if (typeof require === 'function') require('node:worker_threads').parentPort.on('message', help)
else onmessage = (event) => help(event.data)
`

type Helper = { readonly post: (message: object) => void; readonly stop: () => void }

// Typed by hand: a browser has no \`process\`, and a bundler's stand-in for it has no \`getBuiltinModule\`.
const node = (): Partial<Pick<typeof process, 'getBuiltinModule'>> | undefined =>
  (globalThis as { readonly process?: typeof process }).process

const helper = (): Helper => {
  const builtin = node()?.getBuiltinModule
  if (builtin !== undefined) {
    const worker = new (builtin('node:worker_threads').Worker)(script, { eval: true, execArgv: [] })
    worker.unref()
    return { post: (m) => worker.postMessage(m), stop: () => void worker.terminate() }
  }
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }))
  const worker = new Worker(url)
  return { post: (m) => worker.postMessage(m), stop: () => worker.terminate() }
}

/** Can threads be had, and may this one wait for them? The page's own must not. */
export const canHaveThreads = (): boolean =>
  typeof SharedArrayBuffer === 'function' &&
  (node()?.getBuiltinModule !== undefined || (globalThis.crossOriginIsolated && typeof document === 'undefined'))

/** Cores, as far as one is told. */
export const cores = (): number =>
  node()?.getBuiltinModule?.('node:os').availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1

/** So many threads, this one among them. */
export class Team {
  readonly threads: number
  readonly #memory: WebAssembly.Memory
  readonly #helpers: Helper[] = []
  #run = 0

  constructor(threads: number, memory: WebAssembly.Memory) {
    this.threads = threads
    this.#memory = memory
  }

  /** Runs a program with all threads; returns when it is done and no helper is in it any more. */
  run(id: number, module: WebAssembly.Module, table: number, own: (table: number, thread: number) => void): void {
    const words = new Int32Array(this.#memory.buffer, 0, 64)
    while (this.#helpers.length < this.threads - 1) this.#helpers.push(helper())
    this.#run = (this.#run + 1) | 0
    Atomics.store(words, runWord, this.#run)
    this.#helpers.forEach(({ post }, i) =>
      post({ id, module, memory: this.#memory, table, run: this.#run, thread: i + 1 }),
    )
    try {
      own(table, 0)
    } finally {
      this.#run = (this.#run + 1) | 0
      Atomics.store(words, runWord, this.#run)
      while (Atomics.load(words, insideWord) > 0);
    }
  }

  /** Ends the workers. */
  stop(): void {
    for (const { stop } of this.#helpers.splice(0)) stop()
  }
}
