import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { checkModels, onBackend } from '../../reference/models.ts'

const recordings = fileURLToPath(new URL('../../reference/data/models', import.meta.url))

describe('recorded models, compiled', () => {
  test('every recorded call', async () => {
    const checks = await checkModels(recordings, { run: onBackend('wasm') })
    expect(checks.length).toBeGreaterThan(13)
    expect(checks.filter((c) => !c.pass)).toEqual([])
  })
})
