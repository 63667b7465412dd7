/** The most that WebAssembly can compute and copy on these cores: registers alone, and memory alone. */
import { Worker } from 'node:worker_threads'
import { ModuleBuilder } from '../../src/codegen/wasm/module.ts'
import { f32, f32x4, get, i32, i32x4, set, v128, type Code } from '../../src/codegen/wasm/op.ts'
import type { Roof } from './roof.ts'

const [left, right] = [2, 4]
const mebibytes = 48
const bufferBytes = mebibytes * 2 ** 20

/**
 * `compute(n)`: n times 8 products of one of two x, which change, with one of four y, each added to a sum of its own: nothing waits and
 * nothing is the same twice. `copy()`: one buffer to another.
 */
const roofModule = (): Uint8Array<ArrayBuffer> => {
  const module = new ModuleBuilder()
  const compute = module.function('compute', { params: ['i32'], results: ['f32'] }, (body) => {
    const v = (count: number): number[] => Array.from({ length: count }, () => body.local('v128'))
    const [xs, ys, sums] = [v(left), v(right), v(left * right)]
    const begin: Code = [...xs, ...ys].map((local, i) => set(local, f32x4.splat(f32.const(1 + i / 16))))
    const loop = body.repeat(i32.const(0), get(0), 1, () => [
      xs.map((x, i) => set(x, i32x4.add(get(x), i32x4.splat(i32.const(i + 1))))),
      sums.map((sum, i) =>
        set(sum, f32x4.add(get(sum), f32x4.mul(get(xs[i % left]!), get(ys[Math.floor(i / left)]!)))),
      ),
    ])
    const total = sums.map((s) => get(s)).reduce((a, b) => f32x4.add(a, b))
    return [begin, loop, f32x4.extract(total, 0)]
  })
  const copy = module.function('copy', { params: [], results: [] }, (body) => {
    const chunk = 64
    return body.repeat(i32.const(0), i32.const(bufferBytes), chunk, (i) =>
      [0, 16, 32, 48].map((at) => v128.store(get(i), v128.load(get(i), at), bufferBytes + at)),
    )
  })
  module.export('compute', compute)
  module.export('copy', copy)
  return module.bytes({ pages: 1, maximum: 65536, shared: false })
}

const script = `
const { parentPort, workerData } = require('node:worker_threads')
const memory = new WebAssembly.Memory({ initial: ${2 * (bufferBytes / 65536)}, maximum: 65536 })
const { compute, copy } = new WebAssembly.Instance(new WebAssembly.Module(workerData), { env: { memory } }).exports
const rate = (run, amount) => {
  for (const end = performance.now() + 150; performance.now() < end;) run()
  const start = performance.now()
  let [done, now] = [0, start]
  while ((now = performance.now()) < start + 350) { run(); done += amount }
  return done / (performance.now() - start) / 1e6
}
parentPort.on('message', (what) =>
  parentPort.postMessage(what === 'compute' ? rate(() => compute(100000), ${100000 * left * right * 4 * 2}) : rate(copy, ${2 * bufferBytes})))
`

const together = async (workers: readonly Worker[], what: 'compute' | 'copy'): Promise<number> => {
  let best = 0
  for (let i = 0; i < 3; i++) {
    const rates = await Promise.all(
      workers.map(
        (worker) =>
          new Promise<number>((resolve, reject) => {
            worker.once('message', resolve)
            worker.once('error', reject)
            worker.postMessage(what)
          }),
      ),
    )
    best = Math.max(
      best,
      rates.reduce((a, b) => a + b, 0),
    )
  }
  return best
}

/** So many threads at once. */
export const wasmRoof = async (threads: 1 | 2): Promise<Roof> => {
  const bytes = roofModule()
  const workers = Array.from(
    { length: threads },
    () => new Worker(script, { eval: true, workerData: bytes, execArgv: [] }),
  )
  try {
    const gflops = await together(workers, 'compute')
    const copy = await together(workers, 'copy')
    const description = `f32x4 multiply, then add, in registers; copy of ${mebibytes} MiB`
    return { group: threads === 1 ? 'cpu1' : 'cpu2', of: 'wasm', description, gflops, copy }
  } finally {
    await Promise.all(workers.map((w) => w.terminate()))
  }
}
