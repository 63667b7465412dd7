/** What the command line asks for. */
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { nameOf, runners, type Runner } from './runners.ts'
import { chosen, type Workload } from './workloads/catalogue.ts'

const help = `npm run bench -- [options]
  --workloads LIST  W1,W2,W3,W4,K or the beginning of a kernel's name, as in K.conv (default: all but W4)
  --only LIST       peers: a name (wasm), a name and its group (wasm/2, webgpu/browser), or a group (cpu1, cpu2, gpu, browser)
  --threads LIST    1,2 (default: both)
  --repeat N        folds of each peer after its first (default 5)
  --seconds N       of measuring for each peer and workload once it is warm, about (default 4)
  --limit N         seconds for a peer's first fold; one that takes longer is cut off, and said to be over it (default 60)
  --minutes N       for everything; what is left then is skipped (default 30)
  --merge           adds to what is in the folder of --out: a run in pieces is one table
  --python PATH     a Python with torch and diffusers
  --cold            the 25-step picture of W1 from a cold process, ours and Python's
  --steps N         of a fold (default: enough for each)
  --out FOLDER      results.json and results.svg (default out/bench)`

/** The options, decoded. */
export type Options = {
  readonly workloads: readonly Workload[]
  readonly runners: readonly Runner[]
  readonly repeats: number
  readonly seconds: number
  readonly limit: number
  readonly minutes: number
  readonly merge: boolean
  readonly python: string | undefined
  readonly cold: boolean
  readonly steps: number | undefined
  readonly out: string
}

const positive = (name: string, text: string): number => {
  const n = Number(text)
  if (!(n > 0)) throw new RangeError(`--${name} ${text}: a positive number`)
  return n
}

const picked = (only: string | undefined, threads: string | undefined): readonly Runner[] => {
  const counts = threads?.split(',').map(Number)
  const wanted = only?.split(',')
  const known = new Set(runners.flatMap((r) => [r.id, r.group, nameOf(r)]))
  for (const name of wanted ?? [])
    if (!known.has(name)) throw new RangeError(`--only ${name}: there are ${[...known].join(', ')}`)
  return runners.filter(
    (r) =>
      (wanted === undefined || [r.id, r.group, nameOf(r)].some((name) => wanted.includes(name))) &&
      (counts === undefined || !r.group.startsWith('cpu') || counts.includes(r.threads)),
  )
}

/** Reads the arguments; prints help and gives undefined where it is asked for. */
export const options = (args: readonly string[]): Options | undefined => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workloads: { type: 'string' },
      only: { type: 'string' },
      threads: { type: 'string' },
      repeat: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      limit: { type: 'string', default: '60' },
      minutes: { type: 'string', default: '30' },
      merge: { type: 'boolean', default: false },
      python: { type: 'string' },
      cold: { type: 'boolean', default: false },
      steps: { type: 'string' },
      out: { type: 'string', default: fileURLToPath(new URL('../out/bench', import.meta.url)) },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return undefined
  }
  return {
    workloads: chosen(values.workloads),
    runners: picked(values.only, values.threads),
    repeats: positive('repeat', values.repeat),
    seconds: positive('seconds', values.seconds),
    limit: positive('limit', values.limit),
    minutes: positive('minutes', values.minutes),
    merge: values.merge,
    python: values.python,
    cold: values.cold,
    steps: values.steps === undefined ? undefined : positive('steps', values.steps),
    out: values.out,
  }
}
