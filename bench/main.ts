/**
 * `npm run bench -- [--steps 25] [--python PATH] [--only wasm,cpu,host,webgpu]`: the shipped checkpoint on every backend there is, and in
 * Python diffusers when a Python that has it is given; one run on one machine, as ratios. Every picture is compared with the first.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { backend, backendName, backendNames, DDPM, ddpm, load, orThrow, read, seed, type BackendName } from 'diffold'

type Row = {
  readonly name: string
  readonly first: number
  readonly step: number
  readonly total: number
  readonly sample: Float32Array
}

const checkpoint = fileURLToPath(new URL('../models/ddpm-emoji-cat-64', import.meta.url))
const { values } = parseArgs({
  options: { steps: { type: 'string', default: '25' }, python: { type: 'string' }, only: { type: 'string' } },
})
const steps = Number(values.steps)
if (!Number.isInteger(steps) || steps < 2) throw new RangeError(`--steps ${values.steps}: a whole number from 2 on`)
const wanted: readonly BackendName[] =
  values.only === undefined ? backendNames : values.only.split(',').map((n) => backendName(n))

const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)]!

/** The evaluator takes seconds a step: a few tell its time. */
const stepsOn = (name: BackendName): number => (name === 'host' ? Math.min(steps, 3) : steps)

const ours = async (name: BackendName): Promise<Row | string> => {
  try {
    await backend(name)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  const model = await orThrow(load(DDPM, checkpoint))
  const fold = ddpm(model, { steps }).states(seed(0), { backend: name })
  const times: number[] = []
  const start = performance.now()
  let last = start
  for (;;) {
    const next = await fold.next()
    const now = performance.now()
    if (next.done !== true) times.push(now - last)
    last = now
    if (next.done === true || times.length === stepsOn(name)) {
      const sample = next.done === true ? await read(next.value) : await read(next.value.sample)
      await fold.return(undefined as never)
      return { name: `diffold ${name}`, first: times[0]!, step: median(times.slice(1)), total: now - start, sample }
    }
  }
}

const python = async (path: string): Promise<Row | string> => {
  const script = fileURLToPath(new URL('diffusers_peer.py', import.meta.url))
  try {
    const { stdout } = await promisify(execFile)(path, [script, checkpoint, `${steps}`], { maxBuffer: 2 ** 26 })
    const told = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
      name: string
      times: number[]
      total: number
      sample: number[]
    }
    return {
      name: told.name,
      first: told.times[0]!,
      step: median(told.times.slice(1)),
      total: told.total,
      sample: Float32Array.from(told.sample),
    }
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0]! : String(error)
  }
}

const rows: Row[] = []
const note = (name: string, row: Row | string): void => {
  if (typeof row === 'string') process.stdout.write(`${name}: not measured: ${row}\n`)
  else rows.push(row)
}
for (const name of wanted) note(`diffold ${name}`, await ours(name))
if (values.python !== undefined) note('diffusers', await python(values.python))

const full = rows.filter((r) => !r.name.endsWith(' host'))
const reference = full[0]
const base = rows.find((r) => r.name === 'diffold wasm') ?? rows[0]
process.stdout.write(
  `\n${steps} DDPM steps of ddpm-emoji-cat-64, milliseconds; ratios of the time per step to ${base?.name ?? 'none'}\n`,
)
for (const r of rows) {
  const far =
    reference === undefined || !full.includes(r)
      ? NaN
      : r.sample.reduce((m, v, i) => Math.max(m, Math.abs(v - reference.sample[i]!)), 0)
  const picture = Number.isNaN(far)
    ? `${stepsOn('host')} steps only, picture not compared`
    : `picture within ${far.toExponential(1)} of ${reference!.name}`
  process.stdout.write(
    `${r.name.padEnd(34)} step ${r.step.toFixed(1).padStart(8)}  first ${r.first.toFixed(0).padStart(6)}  in all ${r.total.toFixed(0).padStart(7)}  ratio ${(r.step / base!.step).toFixed(2).padStart(6)}  ${picture}\n`,
  )
}
