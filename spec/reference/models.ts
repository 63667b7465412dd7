/** Recorded model calls: a folder a case, with the config, the weights, the inputs and what the original made of them. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compile } from '../../src/backend/compile.ts'
import type { BackendName } from '../../src/backend/backend.ts'
import { isResult } from '../../src/backend/result.ts'
import { widen } from '../../src/core/dtype.ts'
import { evaluate } from '../../src/graph/evaluate/evaluate.ts'
import type { Precision, Values } from '../../src/graph/evaluate/values.ts'
import type { Architecture, Model } from '../../src/params/architecture.ts'
import { controlNet, ControlNetModel } from '../../src/models/controlnet.ts'
import { t2iAdapter, T2IAdapter } from '../../src/models/t2i-adapter.ts'
import type { Grounding } from '../../src/models/blocks/gligen.ts'
import { unet2d, UNet2DModel } from '../../src/models/unet2d.ts'
import { unet2dCondition, UNet2DConditionModel, type UNet2DConditionInputs } from '../../src/models/unet2d-condition.ts'
import { fromStorage, Tensor } from '../../src/tensor/tensor.ts'
import { bound, trace } from '../../src/tensor/trace.ts'
import { leaves } from '../../src/tensor/tree.ts'
import { encoderRows } from './encoder-rows.ts'
import { loadModel } from './load-model.ts'
import { largest, type Check } from './result.ts'
import { readRecording, type Recorded } from './safetensors.ts'

/** The inputs of a call, by their dotted names: `sample`, `added_cond_kwargs.time_ids`; tensors, and whatever the case keeps in JSON. */
export type Given = Readonly<Record<string, unknown>>
/** The outputs of a call, by the original's field names: `sample`, `encode.mean`. */
export type Outputs = Readonly<Record<string, Tensor>>

/** Runs a function of tensors: how is up to it. */
export type Run = (f: (given: Given) => Outputs, given: Given) => Promise<Readonly<Record<string, ArrayLike<number>>>>

/** By the semantics, in either precision. */
export const onHost =
  (precision: Precision = 'f32'): Run =>
  (f, given) => {
    const traced = trace(f, [given])
    const all = leaves([given]).map(([, leaf]) => leaf)
    const inputs = traced.bindings.map((b) => hostValues(bound(b, all), precision))
    const values = evaluate(traced.graph, inputs, precision)
    return Promise.resolve(Object.fromEntries(Object.keys(traced.result).map((key, i) => [key, values[i]!])))
  }

const hostValues = (x: Tensor | number, precision: Precision): Values => {
  const data = typeof x === 'number' ? Float32Array.of(x) : hostData(x)
  return precision === 'f64' && data instanceof Float32Array ? Float64Array.from(data) : data
}
const hostData = (x: Tensor): Values => {
  if (x.node._tag !== 'Buffer' || x.node.source._tag !== 'Host') throw new TypeError('an input is no value')
  return widen(x.dtype, x.node.source.data) as Values
}

/** As a compiled program on a backend; the default one unless named. */
export const onBackend =
  (backend?: BackendName): Run =>
  async (f, given) => {
    const outputs = compile(f, backend === undefined ? {} : { backend })(given)
    const read = async (x: Tensor): Promise<ArrayLike<number>> => {
      const { node } = x
      if (node._tag !== 'Buffer' || node.source._tag !== 'Device' || !isResult(node.source.resident)) return hostData(x)
      const values = await node.source.resident.read()
      node.source.resident.dispose()
      return widen(x.dtype, values)
    }
    return Object.fromEntries(
      await Promise.all(Object.entries(outputs).map(async ([key, x]) => [key, await read(x)] as const)),
    )
  }

/** How the cases of one class are run. */
type Row = {
  readonly load: (folder: string) => Promise<(given: Given) => Outputs>
  /** What the original does to the numbers of a call before it uses them. */
  readonly scalars: (scalars: Given) => Given
}

const row = <C, P>(
  architecture: Architecture<C, P>,
  apply: (model: Model<C, P>) => (given: Given) => Outputs,
  scalars: Row['scalars'] = (s) => s,
): Row => ({ load: async (folder) => apply(await loadModel(architecture, folder)), scalars })

/** Makes a row from what a loader needs to know of a class, and from the function of a model. */
export type MakeRow = typeof row

/** The tensors `name.0`, `name.1`, … */
const series = (given: Given, name: string): readonly Tensor[] | undefined => {
  const all = Object.keys(given).filter((k) => k.startsWith(`${name}.`))
  return all.length === 0 ? undefined : all.map((_, i) => given[`${name}.${i}`] as Tensor)
}

const groundingInputs = (given: Given): Grounding | undefined => {
  const one = (name: string): Tensor => given[`cross_attention_kwargs.gligen.${name}`] as Tensor
  const boxes = one('boxes') as Tensor | undefined
  if (boxes === undefined) return undefined
  const described = {
    phrases: one('phrases_embeddings'),
    phrasesMasks: one('phrases_masks'),
    images: one('image_embeddings'),
    imagesMasks: one('image_masks'),
  }
  const phrases = one('positive_embeddings') as Tensor | undefined
  return { boxes, masks: one('masks'), ...(phrases === undefined ? { described } : { phrases }) }
}

/** The original's arguments as the record that our function takes. */
const conditionInputs = (given: Given): UNet2DConditionInputs => {
  const one = (name: string): Tensor | undefined => given[name] as Tensor | undefined
  const down = series(given, 'down_block_additional_residuals')
  const mid = one('mid_block_additional_residual')
  return {
    sample: given['sample'] as Tensor,
    timestep: given['timestep'] as Tensor | number,
    encoderHiddenStates: one('encoder_hidden_states'),
    encoderAttentionMask: one('encoder_attention_mask'),
    attentionMask: one('attention_mask'),
    classLabels: one('class_labels'),
    timestepCond: one('timestep_cond'),
    added: {
      textEmbeds: one('added_cond_kwargs.text_embeds'),
      timeIds: one('added_cond_kwargs.time_ids'),
      imageEmbeds: one('added_cond_kwargs.image_embeds'),
      hint: one('added_cond_kwargs.hint'),
    },
    control: down && mid && { down, mid },
    adapter: series(given, 'down_intrablock_additional_residuals'),
    gligen: groundingInputs(given),
  }
}

/** The classes that are checked: a row says how inputs become outputs. */
const rows: Readonly<Record<string, Row>> = {
  UNet2DModel: row(
    UNet2DModel,
    (model) => {
      const denoise = unet2d(model)
      return (given) => ({
        sample: denoise(given['sample'] as Tensor, given['timestep'] as Tensor, {
          classLabels: given['class_labels'] as Tensor | undefined,
        }),
      })
    },
    // A timestep that is no tensor becomes an integer there.
    (s) => (typeof s['timestep'] === 'number' ? { ...s, timestep: Math.trunc(s['timestep']) } : s),
  ),
  ...encoderRows(row),
  UNet2DConditionModel: row(UNet2DConditionModel, (model) => {
    const denoise = unet2dCondition(model)
    return (given) => ({ sample: denoise(conditionInputs(given)) })
  }),
  ControlNetModel: row(ControlNetModel, (model) => {
    const follow = controlNet(model)
    return (given) => {
      const { down, mid } = follow({
        ...conditionInputs(given),
        controlnetCond: given['controlnet_cond'] as Tensor,
        conditioningScale: given['conditioning_scale'] as number,
        guessMode: given['guess_mode'] === true,
      })
      const states = down.map((x, i) => [`down_block_res_samples.${i}`, x] as const)
      return { ...Object.fromEntries(states), mid_block_res_sample: mid }
    }
  }),
  T2IAdapter: row(T2IAdapter, (model) => {
    const adapt = t2iAdapter(model)
    return (given) => Object.fromEntries(adapt(given['x'] as Tensor).map((x, i) => [`${i}`, x]))
  }),
}

type Case = {
  readonly class: string
  readonly weights_in: string
  readonly scalar_inputs?: Given
  readonly main_output?: string
}

const inputOf = ({ dtype, shape, values }: Recorded): Tensor => {
  if (dtype === 'I64' || dtype === 'I32') return fromStorage(Int32Array.from(values), shape, 'i32')
  if (dtype === 'BOOL') return fromStorage(Uint8Array.from(values), shape, 'bool')
  return fromStorage(Float32Array.from(values), shape, 'f32')
}

const prefixed = (recorded: ReadonlyMap<string, Recorded>, prefix: string): (readonly [string, Recorded])[] =>
  [...recorded].flatMap(([k, r]) => (k.startsWith(prefix) ? [[k.slice(prefix.length), r] as const] : []))

/** What is checked, how it is run, and against which of the two recorded answers. */
export type ModelOptions = {
  readonly classes?: readonly string[]
  /** Names of cases; all of them unless given. */
  readonly cases?: readonly string[]
  /** How the model is run; by the semantics unless given. */
  readonly run?: Run
  /** `f32`: the original's answer. `f64`: where there is one, its answer in float64; `run` is then the semantics in f64 unless given. */
  readonly precision?: Precision
}

/**
 * Issue 3, point 5 asks for 1e-4 in f32. In f64 what is left is the float32 of the original's timestep embedding: half an ulp of an
 * angle below 1000 is 3e-5, of which the model's output keeps less than a third.
 */
const tolerances: Readonly<Record<Precision, number>> = { f32: 1e-4, f64: 1e-5 }

const relative = (got: ArrayLike<number>, want: ArrayLike<number>): number => {
  const error = largest(got, want)
  let scale = 0
  for (let i = 0; i < want.length; i++) scale = Math.max(scale, Math.abs(want[i]!))
  return scale === 0 ? error : error / scale
}

const checkCase = async (dir: string, name: string, io: Case, options: ModelOptions): Promise<Check[]> => {
  const { precision = 'f32', run = onHost(precision) } = options
  const tolerance = tolerances[precision]
  const named = `models/${name}`
  const known = rows[io.class]
  if (known === undefined)
    return [{ name: named, error: NaN, tolerance, pass: true, skipped: `${io.class} is not there yet` }]
  try {
    const recorded = await readRecording(join(dir, name, 'io.safetensors'))
    // Noise that the original drew is among its outputs, and an input of ours.
    const drawn = prefixed(recorded, 'out.').filter(([k]) => k.endsWith('.noise'))
    const tensors = [...prefixed(recorded, 'in.'), ...drawn].map(([k, r]) => [k, inputOf(r)] as const)
    const given = { ...Object.fromEntries(tensors), ...known.scalars(io.scalar_inputs ?? {}) }
    const got = await run(await known.load(join(dir, io.weights_in)), given)
    return prefixed(recorded, 'out.').map(([key, r]): Check => {
      const output = `${named} ${key}`
      const values = got[key]
      const exact = precision === 'f64' && io.main_output === `out.${key}` ? recorded.get('out64') : undefined
      if (values === undefined) return { name: output, error: NaN, tolerance, pass: false, why: 'is not computed' }
      const error = relative(values, (exact ?? r).values)
      return { name: output, error, tolerance, pass: error <= tolerance }
    })
  } catch (error) {
    return [
      { name: named, error: NaN, tolerance, pass: false, why: error instanceof Error ? error.message : `${error}` },
    ]
  }
}

/** Every recorded call of a directory laid out like reference/open/models: max |ours − theirs| / max |theirs| of every output. */
export const checkModels = async (dir: string, options: ModelOptions = {}): Promise<readonly Check[]> => {
  const names = (await readdir(dir)).filter((n) => existsSync(join(dir, n, 'io.json'))).sort()
  const out: Check[] = []
  for (const name of names) {
    const io = JSON.parse(await readFile(join(dir, name, 'io.json'), 'utf8')) as Case
    if (options.classes?.includes(io.class) === false || options.cases?.includes(name) === false) continue
    out.push(...(await checkCase(dir, name, io, options)))
  }
  return out
}
