/** How long one way to compute a kernel takes, as far as there is time to find out. */
import type { Dispatch } from '../../codegen/kernel.ts'
import type { Program } from '../../codegen/program.ts'
import type { Variant } from '../../codegen/wgsl/emit.ts'
import { Usual, type Allowance, type Clock } from './allowance.ts'

/** A kernel of a program, computed in one of the ways there are. */
export type Way = { readonly program: Program; readonly dispatch: Dispatch; readonly variant: Variant }

/** A kernel that is compiled and bound, as far as the device does so before it is used. */
export type Benched = {
  /** Has its code not been run before? */
  readonly fresh: boolean
  /** Compiles what is left to compile; then milliseconds of a `share` of the kernel. */
  readonly warm: () => Promise<{ readonly ms: number; readonly share: number }>
  /** Milliseconds of a run. */
  readonly run: () => Promise<number>
}

/** Where kernels are run to be measured: gives what `use` gives, Infinity where the device does not take the kernel. Rejects where it is lost. */
export type Bench = (way: Way, use: (benched: Benched) => Promise<number | undefined>) => Promise<number | undefined>

/** A kernel is run so often; more would measure the same again. */
const rounds = 3

/** So many times the fastest, and measuring it better changes nothing. */
const hopeless = 1.5

/** What measures on a bench. */
export type Meter = {
  /** Is there time to compile another kernel, as long as that takes as a rule? */
  readonly hasTime: (time: Allowance) => boolean
  /**
   * Milliseconds of one run; Infinity where the device does not take the code, undefined where there is no time to know. What takes much longer than
   * the `fastest` other way runs no more often than it takes to know.
   */
  readonly measure: (way: Way, time: Allowance, fastest?: number) => Promise<number | undefined>
}

/**
 * A meter. Whatever cannot be broken off is begun where it is likely to end in time: compiling by how long that took before, a run by how long a
 * part of it takes.
 */
export const meterOn = (bench: Bench, now: Clock): Meter => {
  const compiling = new Usual()
  const hasTime = (time: Allowance): boolean => time.allows(compiling.ms)
  return {
    hasTime,
    measure: async (way, time, fastest = Infinity) => {
      if (!hasTime(time)) return undefined
      const start = now()
      return bench(way, async ({ fresh, warm, run }) => {
        if (!time.allows()) {
          if (fresh) compiling.note(now() - start)
          return undefined
        }
        const { ms, share } = await warm()
        if (fresh) compiling.note(now() - start)
        let least: number | undefined
        for (let i = 0; i < rounds && time.allows(least ?? ms / share); i++) {
          least = Math.min(least ?? Infinity, await run())
          if (least > hopeless * fastest) break
        }
        return least
      })
    },
  }
}
