/** What a device may be asked. */
import type { Capabilities } from '../../codegen/wgsl/shader.ts'
import type { Allowance } from './allowance.ts'
import type { Known } from './known.ts'
import type { Meter } from './meter.ts'

/** How long does one way to do something take? */
export type Question = {
  /** What is done, as `Known` has it. */
  readonly key: string
  /** How. */
  readonly way: string
  /** What is done, in words. */
  readonly label: string
  /** Milliseconds; undefined where there is no time to know. */
  readonly answer: (time: Allowance) => Promise<number | undefined>
}

/** What answers are found with. */
export type Means = { readonly capabilities: Capabilities; readonly known: Known; readonly meter: Meter }
