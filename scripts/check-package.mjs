// The package as users get it: packed, installed in an empty folder, and used from plain node, TypeScript, the command line, Vite and Deno.
// Prints a line a check, and `N passed, N failed, N skipped` at the end.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'diffold-package-'))
const totals = { passed: 0, failed: 0, skipped: 0 }

const run = (command, args, cwd = folder) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 600_000 })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error ?? `exit ${status}`}\n${stdout}\n${stderr}`)
  return stdout
}
const demand = (truth, what) => {
  if (!truth) throw new Error(what)
}
const check = (what, f) => {
  try {
    f()
    totals.passed++
    console.log(`passed  ${what}`)
  } catch (error) {
    totals.failed++
    console.log(`FAILED  ${what}\n${error.message}`)
  }
}
const skip = (what, why) => {
  totals.skipped++
  console.log(`skipped ${what}: ${why}`)
}
const write = (name, text) => writeFileSync(join(folder, name), text)
const isPng = (name) => readFileSync(join(folder, name)).subarray(1, 4).toString() === 'PNG'

const script = `import { DDPM, ddpm, load, orThrow, seed, writePng, useBackend } from 'diffold'
useBackend('wasm')
const model = await orThrow(load(DDPM, 'node_modules/diffold/models/ddpm-emoji-cat-64'))
const image = await ddpm(model, { steps: 2 })(seed(0))
await orThrow(writePng('drawn.png', image))
console.log(image.width, image.height)
`

let packed = ''
check('npm pack holds what runs, and no specs or recorded numbers', () => {
  const [{ filename, files, size }] = JSON.parse(
    run('npm', ['pack', '--json', '--pack-destination', folder], root).replace(/^[^[]*/, ''),
  )
  packed = filename
  const paths = files.map((f) => f.path)
  demand(
    paths.includes('dist/index.js') && paths.includes('dist/index.d.ts') && paths.includes('dist/cli/main.js'),
    'the build is missing',
  )
  demand(
    paths.some((p) => p.startsWith('models/ddpm-emoji-cat-64/')),
    'the checkpoint is missing',
  )
  const foreign = paths.filter((p) => /^(spec|examples|bench|scripts|\.ci)\//.test(p))
  demand(foreign.length === 0, `holds ${foreign.slice(0, 5).join(', ')}`)
  console.log(`        ${paths.length} files, ${(size / 2 ** 20).toFixed(1)} MiB`)
})
check('installs in an empty folder', () => {
  write('package.json', JSON.stringify({ name: 'user', private: true, type: 'module' }))
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', `./${packed}`])
})
check('the four lines run under plain node', () => {
  write('draw.mjs', script)
  demand(run('node', ['draw.mjs']).trim() === '64 64' && isPng('drawn.png'), 'no picture of 64 × 64')
})
check('diffold/tfjs loads under plain node, and its types resolve', () => {
  write(
    'share.mjs',
    `import { fromTfjs, shareDevice, toTfjs } from 'diffold/tfjs'\nconsole.log(typeof fromTfjs, typeof toTfjs, typeof shareDevice)\n`,
  )
  demand(run('node', ['share.mjs']).trim() === 'function function function', 'something is missing')
})
check('npx diffold draws the shipped cat', () => {
  run('npx', ['--no-install', 'diffold', 'draw', '--steps', '2', '--backend', 'wasm', '-o', 'cat.png'])
  demand(isPng('cat.png'), 'cat.png is no PNG')
})
check('a backend whose package is not installed says which it needs', () => {
  const { status, stderr } = spawnSync('npx', ['--no-install', 'diffold', 'draw', '--backend', 'tfjs-wasm'], {
    cwd: folder,
    encoding: 'utf8',
  })
  demand(status === 1 && stderr.includes('npm install @tensorflow/tfjs-backend-wasm'), `exit ${status}: ${stderr}`)
})
const tool = (name) => join(root, 'node_modules/.bin', name)
check('its types resolve, strictly, under NodeNext and under bundlers', () => {
  write('draw.ts', script)
  const options = { noEmit: true, strict: true, target: 'es2022', skipLibCheck: true, types: [] }
  for (const resolution of [{ module: 'NodeNext' }, { module: 'ESNext', moduleResolution: 'bundler' }]) {
    write('tsconfig.json', JSON.stringify({ compilerOptions: { ...options, ...resolution }, files: ['draw.ts'] }))
    run(tool('tsc'), ['-p', '.'])
  }
})
check('bundles with Vite for browsers', () => {
  write('index.html', '<!doctype html><script type="module" src="./page.ts"></script>')
  write(
    'page.ts',
    `import { DDPM, ddpm, http, load, orThrow, seed } from 'diffold'\nObject.assign(window, { draw: async () => ddpm(await orThrow(load(DDPM, http('/x'))))(seed(0)) })\n`,
  )
  run(tool('vite'), ['build', '--logLevel', 'warn', '--target', 'esnext'])
  demand(
    readdirSync(join(folder, 'dist/assets')).some((f) => f.endsWith('.js')),
    'no bundle',
  )
})
const deno = (() => {
  if (process.env.DIFFOLD_DENO !== undefined) return process.env.DIFFOLD_DENO
  try {
    run('npm', ['install', '--no-audit', '--no-fund', '--no-save', 'deno'])
    return join(folder, 'node_modules/.bin/deno')
  } catch {
    return undefined
  }
})()
if (deno === undefined || !existsSync(deno))
  skip('runs under Deno', 'npm has no deno for this platform; DIFFOLD_DENO names one')
else
  check('the four lines run under Deno', () => {
    demand(run(deno, ['run', '-A', '--node-modules-dir=manual', 'draw.ts']).trim() === '64 64', 'no picture of 64 × 64')
  })

rmSync(folder, { recursive: true, force: true })
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
process.exit(totals.failed === 0 ? 0 : 1)
