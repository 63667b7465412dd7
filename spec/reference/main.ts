/** `npm run reference -- DIR [--backend NAME] [--only TOPIC]`: checks a directory of recordings, laid out like the originals' numbers. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { adapter } from '../../src/backend/webgpu/adapter.ts'
import { backendName, type BackendName } from '../../src/index.ts'
import { anyAdapter } from '../support/any-adapter.ts'
import { checkRng } from './rng.ts'
import { checkSchedulers } from './schedulers.ts'
import { checkLegacy } from './legacy.ts'
import { checkModels, onBackend } from './models.ts'
import { checkPictures } from './pictures.ts'
import { checkPipelines } from './pipelines.ts'
import type { Check } from './result.ts'
import { checkTokenizers } from './tokenizers.ts'

type Topic = { readonly folder: string; readonly check: (dir: string, backend: BackendName | undefined) => Promise<readonly Check[]> }

const topics: readonly Topic[] = [
  { folder: 'rng', check: (dir) => checkRng(dir) },
  { folder: 'schedulers', check: (dir) => checkSchedulers(dir) },
  { folder: 'tokenizers', check: (dir) => checkTokenizers(dir) },
  { folder: 'models', check: (dir, backend) => checkModels(dir, { run: onBackend(backend) }) },
  { folder: 'pipelines', check: checkPipelines },
  { folder: 'legacy', check: checkLegacy },
  { folder: 'pictures', check: checkPictures },
]

const usage = 'usage: npm run reference -- DIR [--backend host|wasm|webgpu|…] [--only rng|schedulers|tokenizers|models|legacy|…]'
const fail = (message: string): never => {
  process.stderr.write(`reference: ${message}\n${usage}\n`)
  process.exit(2)
}
const understood = <A>(parse: () => A): A => {
  try {
    return parse()
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}
const { positionals, values } = understood(() =>
  parseArgs({ allowPositionals: true, options: { backend: { type: 'string' }, only: { type: 'string' } } }),
)
const [dir, ...rest] = positionals
if (dir === undefined || rest.length > 0) fail('names one directory')
if (!existsSync(dir!)) fail(`${dir} is not there`)
const backend = understood(() => (values.backend === undefined ? undefined : backendName(values.backend)))
if (values.only !== undefined && !topics.some((t) => t.folder === values.only))
  fail(`--only ${values.only}: there are ${topics.map((t) => t.folder).join(', ')}`)

if (backend === 'webgpu' || backend === 'tfjs-webgpu') {
  const missing = anyAdapter()
  if (missing !== undefined) fail(`--backend ${backend}: this machine has no adapter, and ${missing}`)
  process.stdout.write(`WebGPU: ${(await adapter()).description}\n`)
}
const checks: Check[] = []
for (const { folder, check } of topics) {
  if (values.only !== undefined && values.only !== folder) continue
  if (!existsSync(join(dir!, folder))) process.stdout.write(`${folder}: not in ${dir}\n`)
  else checks.push(...(await check(join(dir!, folder), backend)))
}
const skipped = checks.filter((c) => c.skipped !== undefined)
const failed = checks.filter((c) => c.skipped === undefined && !c.pass)
for (const c of skipped) process.stdout.write(`skipped ${c.name}: ${c.skipped}\n`)
for (const c of failed) process.stdout.write(`FAILED  ${c.name}: error ${c.error}, allowed ${c.tolerance}${c.why === undefined ? '' : ` (${c.why})`}\n`)
process.stdout.write(`${checks.length - failed.length - skipped.length} passed, ${failed.length} failed, ${skipped.length} skipped\n`)
process.exitCode = failed.length > 0 ? 1 : 0
