/**
 * Low-rank adaptation: W + Σ weight · alpha / rank · up · down. A LoRA is a function from parameters to parameters. Hu et al. 2021,
 * "LoRA", section 4.1.
 */
import { CheckpointError } from '../../errors.ts'
import { Tensor, type Scalar } from '../../tensor/tensor.ts'
import { mapTree } from '../../tensor/tree.ts'
import type { Notes } from '../load.ts'
import { added, changeOf, type Change, type LoraModule } from './change.ts'
import { loraComponents, targetsOf, type LoraComponent } from './targets.ts'

/**
 * A LoRA: of each component the changed modules, by their paths with `_` for every `.`. It is a tree of tensors and numbers, so a
 * compiled function can take it as an argument, and LoRAs of the same ranks be exchanged without tracing again.
 */
export type Lora = { readonly [K in LoraComponent]: Readonly<Record<string, LoraModule>> }

/** A LoRA and how much of it. A weight that is known only when a program runs, a tensor of shape [], is one more operand of it. */
export type LoraUse = { readonly lora: Lora; readonly weight: Scalar }

/** Who is told of modules that the model has not; when nobody is, they are an error. */
export type LoraOptions = { readonly onNotes?: (notes: Notes) => void }

type Weighted = { readonly change: Change; readonly weight: Scalar }

const isConstant = ({ weight }: Weighted): boolean => typeof weight === 'number'

const changed = (w: Tensor, changes: readonly Weighted[]): Tensor => {
  // Constants first: their sum is computed once, whatever else moves.
  const ordered = [...changes.filter(isConstant), ...changes.filter((c) => !isConstant(c))]
  return ordered.reduce((sum, { change, weight }) => sum.add(added(w, change, weight)), w)
}

/**
 * Parameters under LoRAs: those of the changed modules become expressions W + Σ weight · alpha / rank · up · down, the others are the same
 * tensors. Constant weights are computed once, at a program's first run; a weight that is an argument of a compiled function can change
 * from call to call. A LoRA that does not fit is a `CheckpointError` naming each of its modules that has other shapes than the parameter;
 * modules that match no parameter are told to `onNotes`, and are part of the error where there is none.
 */
export const applyLora = <P>(
  params: P,
  uses: readonly LoraUse[],
  component: LoraComponent,
  { onNotes }: LoraOptions = {},
): P => {
  const targets = targetsOf(params, component)
  const changes = new Map<string, Weighted[]>()
  const wrong: string[] = []
  const unmatched: string[] = []
  for (const { lora, weight } of uses)
    for (const [key, module] of Object.entries(lora[component])) {
      const target = targets.get(key)
      if (target === undefined) {
        unmatched.push(`${module.name}: changes no parameter of this ${component}`)
        continue
      }
      const change = changeOf(module, target.weight)
      if (typeof change === 'string') wrong.push(`${module.name}: ${change}, ${target.path}`)
      else if (weight !== 0 || change.lengths !== undefined)
        changes.set(target.path, [...(changes.get(target.path) ?? []), { change, weight }])
    }
  if (wrong.length > 0 || (unmatched.length > 0 && onNotes === undefined))
    throw new CheckpointError(component, [...wrong, ...unmatched])
  if (unmatched.length > 0) onNotes?.(unmatched)
  return mapTree((leaf, path) => {
    const here = changes.get(path)
    return here !== undefined && leaf instanceof Tensor ? changed(leaf, here) : leaf
  }, params)
}

/** Models of a checkpoint, by their names in it. */
export type LoraParts = { readonly [K in LoraComponent]?: { readonly params: unknown } }

/**
 * A checkpoint under LoRAs: `withLora(sd, [{ lora, weight: 0.8 }])` is `sd` with `applyLora` of each of its models. A LoRA of a model that
 * the checkpoint has not is unmatched, as a whole.
 */
export const withLora = <P extends LoraParts>(parts: P, uses: readonly LoraUse[], options: LoraOptions = {}): P => {
  const models = loraComponents.map((component) => {
    const { [component]: model = { params: {} } } = parts as LoraParts
    return [component, { ...model, params: applyLora(model.params, uses, component, options) }] as const
  })
  return { ...parts, ...Object.fromEntries(models.filter(([component]) => parts[component] !== undefined)) }
}
