/** What a run holds on the device, and when it lets go of it. */
import { dispose } from '../backend/compile.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Progress } from './sample.ts'

/** Takes on what was computed for a run, to be freed when the run is over, and gives it back. Expressions and numbers pass through. */
export type Own = <T>(tree: T) => T

/** Takes nothing on: whoever asked for the results frees them. */
export const lend: Own = (tree) => tree

/** A run that frees what it has taken on however it ends: at its last step, by an abort, by an error, or because its loop is left. */
export async function* owning<Y, R>(run: (own: Own) => AsyncGenerator<Y, R>): AsyncGenerator<Y, R> {
  const held: unknown[] = []
  try {
    return yield* run((tree) => {
      held.push(tree)
      return tree
    })
  } finally {
    dispose(held)
  }
}

/** Follows a fold to its end and gives its last sample to `use`. The last state is freed when this settles, also where it rejects. */
export const finish = async <A>(
  fold: AsyncIterator<Progress<unknown>, Tensor>,
  use: (last: Tensor) => Promise<A>,
  onStep?: (progress: Progress<unknown>) => void,
): Promise<A> => {
  let state: unknown
  try {
    for (;;) {
      const next = await fold.next()
      if (next.done === true) return await use(next.value)
      ;({ state } = next.value)
      onStep?.(next.value)
    }
  } finally {
    await fold.return?.()
    dispose(state)
  }
}

/** What `use` makes of a result, which is freed afterwards. */
export const using = async <T, A>(result: T, use: (result: T) => Promise<A>): Promise<A> => {
  try {
    return await use(result)
  } finally {
    dispose(result)
  }
}
