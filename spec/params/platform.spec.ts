import { afterEach, expect, test, vi } from 'vitest'
import { DeviceError } from '../../src/errors.ts'
import { environment, isNode, platform } from '../../src/params/platform.ts'

afterEach(() => void vi.unstubAllGlobals())

test('Node has files', async () => {
  expect(isNode()).toBe(true)
  expect(platform().fs).toBe((await import('node:fs/promises')).default)
  vi.stubEnv('DIFFOLD_SPEC', 'yes')
  expect([environment('DIFFOLD_SPEC'), environment('DIFFOLD_SPEC_NOT_SET')]).toEqual(['yes', undefined])
  vi.unstubAllEnvs()
})

test.each([undefined, {}, { env: {} }, { env: { NODE_ENV: 'production' }, browser: true }])(
  'a browser with process %j has none, and says so',
  (process) => {
    vi.stubGlobal('process', process)
    const found = [isNode(), environment('HOME')]
    let error: unknown
    try {
      platform()
    } catch (e) {
      error = e
    }
    vi.unstubAllGlobals()
    expect(found).toEqual([false, undefined])
    expect(error).toBeInstanceOf(DeviceError)
    expect(String(error)).toContain('no file system')
  },
)
