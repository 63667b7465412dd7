import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { checkSchedulers } from '../reference/schedulers.ts'

const directory = fileURLToPath(new URL('../reference/data/schedulers', import.meta.url))

describe.each(['f64', 'f32'] as const)('recorded trajectories in %s', (precision) => {
  it('are met', async () => {
    const checks = await checkSchedulers(directory, precision)
    expect(checks.filter((c) => c.skipped !== undefined)).toEqual([])
    expect(checks.length).toBeGreaterThan(400)
    expect(checks.filter((c) => !c.pass)).toEqual([])
  })
})
