/** What nobody reads is not computed. */
import type { Dispatch } from '../codegen/kernel.ts'
import type { ProgramPass } from './pass.ts'
import { readsOf, writesOf } from './uses.ts'

/** Removes dispatches whose results are neither outputs nor read by what is left. */
export const unused: ProgramPass = {
  name: 'unused',
  run: (draft) => {
    const wanted = new Set<number>(draft.outputs)
    const live = (dispatches: readonly Dispatch[]): Dispatch[] =>
      dispatches
        .toReversed()
        .filter((d) => {
          if (!writesOf(d).some((id) => wanted.has(id))) return false
          for (const id of readsOf(d, draft)) wanted.add(id)
          return true
        })
        .toReversed()
    const every = live(draft.every)
    return { ...draft, every, once: live(draft.once) }
  },
}
