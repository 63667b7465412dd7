import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const scripts = readdirSync(`${root}examples`).filter((f) => /^\d\d-.*\.ts$/.test(f))

describe.each(scripts)('examples/%s', (script) => {
  it('has at most 25 lines', () => {
    expect(readFileSync(`${root}examples/${script}`, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(25)
  })
  it('runs', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', `examples/${script}`], {
      cwd: root,
    })
    expect(stdout.trim()).not.toBe('')
  })
})
