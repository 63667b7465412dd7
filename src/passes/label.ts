/** Kernels are called by what they compute and by the parameters they use: a profiler reads like the model. */
import type { Kernel } from '../codegen/kernel.ts'
import { nameOf } from '../graph/print.ts'
import type { ProgramPass } from './pass.ts'
import { commonPath, nodesOf, parametersOf } from './provenance.ts'
import { readsOf } from './uses.ts'

const mostNames = 5

const partOf: Partial<Record<Kernel['_tag'], string>> = {
  WinogradInput: 'tiles of ',
  WinogradWeight: 'weights of ',
  Moments: 'moments of ',
}

/** `conv + add + silu · down_blocks.0.resnets.0.conv1`; kernels that are no node of the graph keep the name that they have. */
export const label: ProgramPass = {
  name: 'label',
  run: (draft) => {
    const parameters = parametersOf(draft)
    const called = (d: (typeof draft.every)[number]): typeof d => {
      const names = [...new Set(nodesOf(d).map(nameOf))]
      const shown = names.length > mostNames ? [...names.slice(0, mostNames - 1), '…'] : names
      const path = commonPath([...new Set(readsOf(d, draft).flatMap((id) => parameters.get(id) ?? []))])
      const what = names.length === 0 ? d.label : (partOf[d.kernel._tag] ?? '') + shown.join(' + ')
      return { ...d, label: path === '' ? what : `${what} · ${path}` }
    }
    return { ...draft, once: draft.once.map(called), every: draft.every.map(called) }
  },
}
