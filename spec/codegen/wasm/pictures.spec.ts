import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { checkPictures } from '../../reference/pictures.ts'

test('compiled, the shipped checkpoints draw what Python draws, within 1/255, and from texts within 2/255', async () => {
  const checks = await checkPictures(fileURLToPath(new URL('../../reference/data/pictures', import.meta.url)), 'wasm')
  expect(checks.length).toBe(11)
  expect(checks.filter((c) => !c.pass)).toEqual([])
}, 600_000)
