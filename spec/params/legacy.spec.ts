import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { checkLegacy } from '../reference/legacy.ts'

const recorded = fileURLToPath(new URL('../reference/data/legacy', import.meta.url))

describe('checkpoints laid out as those of 2022', () => {
  it('load, and their models and pictures are as recorded', async () => {
    const checks = (await checkLegacy(recorded, 'wasm')).filter((c) => c.name.includes('ddpm_flat'))
    expect(checks.map((c) => c.name)).toEqual(['legacy/ddpm_flat model', 'legacy/ddpm_flat picture, of 255'])
    for (const check of checks) expect(check).toMatchObject({ pass: true })
  })
})
