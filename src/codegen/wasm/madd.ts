/** Products and sums, in one instruction where the engine has it. */
import type { Body } from './module.ts'
import { f32x4, type Code } from './op.ts'

/** x · y + sum. */
export const madd = ({ engine }: Body, x: Code, y: Code, sum: Code): Code =>
  engine.relaxed ? f32x4.relaxedMadd(x, y, sum) : f32x4.add(sum, f32x4.mul(x, y))
