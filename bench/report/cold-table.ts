/** Cold starts as text. */
import type { Cold } from '../cold.ts'
import { columns } from './table.ts'

/** A line a peer. */
export const coldTable = (cold: readonly Cold[]): string =>
  cold.length === 0
    ? ''
    : columns([
        ['the 25-step picture of W1 from a cold process', 'threads', 'seconds'],
        ...cold.map(({ peer, threads, seconds }) => [
          `  ${peer}`,
          `${threads}`,
          typeof seconds === 'number' ? seconds.toFixed(2) : seconds,
        ]),
      ])
