/** Generated programs on a backend, against the semantics. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BackendName } from '../../src/backend/backend.ts'
import { compile, dispose, read } from '../../src/backend/compile.ts'
import { program } from '../support/arbitrary-graph.ts'
import { valuesOf } from '../support/host.ts'

/** Declares the specs. */
export const agreementOn = (backend: BackendName, numRuns = 150): void => {
  describe(`${backend} agrees with the semantics`, () => {
    it('on generated programs', async () => {
      await fc.assert(
        fc.asyncProperty(program, async ({ f, x }) => {
          const result = compile(f, { backend })(x)
          const got = await read(result)
          const want = valuesOf(f(x))
          dispose(result)
          const scale = Math.max(1, ...Array.from(want, Math.abs))
          expect(got.length).toBe(want.length)
          got.forEach((g, i) => {
            if (Number.isNaN(want[i]!)) expect(g).toBeNaN()
            else expect(Math.abs(g - want[i]!)).toBeLessThanOrEqual(2e-4 * scale)
          })
        }),
        { numRuns },
      )
    })
  })
}
