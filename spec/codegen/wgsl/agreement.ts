/** Generated kernels on an adapter, every variant, against what they mean. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { resultsOf, type Kernel } from '../../../src/codegen/kernel.ts'
import { variantsOf, type Variant } from '../../../src/codegen/wgsl/emit.ts'
import type { Capabilities } from '../../../src/codegen/wgsl/shader.ts'
import { numbersOf, type Typed } from '../../support/arbitrary-kernel.ts'
import { runKernel as meant } from '../../support/run-program.ts'
import { bench, prepare, smallestWindow } from '../../support/wgsl.ts'

/** Checks every variant of generated kernels, within so much of the largest value. */
export const agree = <K extends Kernel>(
  cases: fc.Arbitrary<Typed<K>>,
  numRuns: number,
  tolerance?: number,
  cut = false,
): Promise<void> =>
  agreeAs(cases, (k, caps) => variantsOf(k, caps).slice(0, cut ? 1 : Infinity), numRuns, tolerance, cut)

/** Checks some variants. `cut`: operands are bound in as many windows as there may be bindings, as where they are too large for one. */
export const agreeAs = async <K extends Kernel>(
  cases: fc.Arbitrary<Typed<K>>,
  variants: (kernel: K, caps: Capabilities) => readonly Variant[],
  numRuns: number,
  tolerance = 1e-5,
  cut = false,
): Promise<void> => {
  const { caps } = await bench()
  await fc.assert(
    fc.asyncProperty(cases, async ({ kernel, elements, operands }) => {
      const memory = operands.map((data, i) => numbersOf(elements[i]!, data))
      meant(kernel, memory)
      for (const variant of variants(kernel, caps)) {
        const ready = await prepare(kernel, operands, variant, cut ? await smallestWindow(operands) : Infinity)
        await ready.run()
        for (let i = 0; i < resultsOf(kernel); i++) {
          const got = await ready.result(i)
          const want = memory[i]!
          const scale = Math.max(1, ...want.filter((x) => Number.isFinite(x)).map(Math.abs))
          const near = (g: number, w: number): boolean => Object.is(g, w) || Math.abs(g - w) <= tolerance * scale
          const wrong = Array.from(got).flatMap((g, j) =>
            near(g, want[j]!) ? [] : [`${j}: ${g}, expected ${want[j]}`],
          )
          if (wrong.length > 0)
            expect.fail(`${JSON.stringify(variant)}\n${wrong.slice(0, 8).join('\n')}\n${ready.shader.code}`)
        }
        ready.destroy()
      }
    }),
    { numRuns, endOnFailure: true },
  )
}
