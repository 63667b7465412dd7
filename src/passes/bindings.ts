/** How much of what a kernel may be given its operands take. */
import { elementBytes } from '../codegen/expr.ts'
import type { ProgramBuffer } from '../codegen/program.ts'
import type { Target } from './target.ts'

/** How many bindings so many bytes take: several where one is not allowed to hold them. */
export const windowsOf = ({ mostBytes }: Target, bytes: number): number => Math.max(1, Math.ceil(bytes / mostBytes))

/** How many bindings buffers take together, each counted once. */
export const bindingsOf = (
  target: Target,
  buffers: readonly Pick<ProgramBuffer, 'element' | 'length'>[],
  ids: Iterable<number>,
): number =>
  [...new Set(ids)].reduce((sum, id) => {
    const { element, length } = buffers[id]!
    return sum + windowsOf(target, length * elementBytes(element))
  }, 0)
