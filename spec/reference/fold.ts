/**
 * A recorded fold against ours, in two ways.
 *
 * **Each step alone**, from the sample that was recorded before it: its sample is within 1e-4 of the recorded one, the picture of the last
 * one within 2/255. A fault of a model, of guidance, of a mask or of a scheduler is in a single step, where nothing has magnified rounding
 * yet. This has no exception.
 *
 * **The run as a whole**, from noise to the picture: every sample within 1e-3, the picture within 2/255. Some folds cannot be held to that
 * by anybody: what float32 leaves undecided in an answer of their model moves the next answer by more, and the end by far more. Whether a
 * fold that misses the bound is such a one is measured: it runs again a few times with answers moved at random by that little (see
 * `rounding.ts`), and may part from the recording by twice of what these runs part from it. A fold whose steps were not recorded is held to
 * the bound, whatever it magnifies.
 */
import { read } from '../../src/backend/compile.ts'
import { byteOf, toImages, type Image } from '../../src/image/image.ts'
import type { DrawPrompt } from '../../src/pipelines/latent-pipeline.ts'
import type { PromptRequest } from '../../src/pipelines/request.ts'
import type { Seed } from '../../src/random/generator.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { compared, largest, type Check } from './result.ts'
import { fromRecorded, nudged, unchanged, type Change } from './rounding.ts'
import type { Recorded } from './safetensors.ts'

/** What samples may err by, of their largest value: after a fold, and after a single step, which is what a model may. Bytes of a picture. */
const bounds = { fold: 1e-3, step: 1e-4, picture: 2 }

/** How many runs say how far rounding takes a fold. */
const nudges = 8

/** A run: its samples after each step as far as they were asked for, the last one, and the pictures. */
export type Followed = {
  readonly steps: readonly Float32Array[]
  readonly latents: Float32Array
  readonly images: readonly Image[]
}

/** Runs a pipeline, and keeps the samples of its first `steps` steps. */
export const followed = async (draw: DrawPrompt<PromptRequest>, request: PromptRequest, seeds: Seed | readonly Seed[], steps = 0): Promise<Followed> => {
  const fold = draw.states(request, seeds, {})
  const samples: Float32Array[] = []
  for (;;) {
    const next = await fold.next()
    if (next.done === true) return { steps: samples, latents: await read(next.value), images: await toImages(draw.decode(next.value)) }
    if (samples.length < steps) samples.push(await read(next.value.sample))
  }
}

/** The worst difference of bytes between pictures and recorded ones in [0, 1], NHWC. */
export const differ = (images: readonly Image[], { values, shape }: Recorded): number => {
  const [n, h, w] = shape as [number, number, number, number]
  if (images.length !== n || images.some((i) => i.width !== w || i.height !== h)) return Infinity
  let most = 0
  values.forEach((v, i) => {
    const pixel = Math.floor(i / 3)
    const ours = images[Math.floor(pixel / (h * w))]!.rgba[4 * (pixel % (h * w)) + (i % 3)]!
    most = Math.max(most, Math.abs(ours - byteOf(2 * v - 1)))
  })
  return most
}

/** What was recorded of a fold; the samples after each step, [steps, …], where there are any. */
export type RecordedFold = { readonly steps: Tensor | undefined; readonly latents: Recorded['values']; readonly image: Recorded }

type Values = ArrayLike<number>

const span = (values: Values): number => Array.from(values).reduce((m, v) => Math.max(m, Math.abs(v)), 1e-12)
const relative = (got: Values, want: Values): number => largest(got, want) / span(want)
const most = (values: readonly number[]): number => values.reduce((m, v) => (v <= m ? m : v), 0) // NaN is most

/** A fold against its recording; `run` runs it with a change. */
export const checkFold = async (label: string, run: (change: Change) => Promise<Followed>, recorded: RecordedFold): Promise<readonly Check[]> => {
  const rows = recorded.steps === undefined ? [] : rowsOf(await read(recorded.steps), recorded.steps.shape[0]!)
  const free = await run(unchanged)
  const whole = span(rows.flatMap((row) => [...row]))
  const errors = rows.map((row, i) => largest(free.steps[i] ?? [], row) / whole)
  const latents = relative(free.latents, recorded.latents)
  const picture = differ(free.images, recorded.image)
  const strict = [
    ...(recorded.steps === undefined ? [] : [compared(`${label} every step`, most(errors), bounds.fold)]),
    compared(`${label} latents`, latents, bounds.fold),
    compared(`${label} pictures, of 255`, picture, bounds.picture),
  ]
  if (recorded.steps === undefined) return strict

  const single = await run(fromRecorded(recorded.steps))
  const alone = [
    compared(`${label} each step alone`, most(rows.map((row, i) => relative(single.steps[i] ?? [], row))), bounds.step),
    compared(`${label} latents of the last step alone`, relative(single.latents, recorded.latents), bounds.step),
    compared(`${label} pictures of the last step alone, of 255`, differ(single.images, recorded.image), bounds.picture),
  ]
  // What is wrong in a single step is wrong, whatever the fold makes of it.
  if (strict.every((c) => c.pass) || !alone.every((c) => c.pass)) return [...alone, ...strict]

  const moved: Followed[] = []
  for (let i = 0; i < nudges; i++) moved.push(await run(nudged(i)))
  const allowed = rows.map((_, i) => Math.max(bounds.fold, 2 * most(moved.map((m) => largest(m.steps[i]!, free.steps[i]!) / whole))))
  const parts = most(moved.map((m) => relative(m.latents, free.latents)))
  const bytes = most(moved.map((m) => most(m.images.map(({ rgba }, i) => largest(rgba, free.images[i]!.rgba)))))
  // The step that is nearest its bound, or furthest beyond.
  const worst = errors.reduce((w, e, i) => (e / allowed[i]! <= errors[w]! / allowed[w]! ? w : i), 0)
  const said = `(rounding alone moves the latents by ${parts.toPrecision(2)}, the picture by ${bytes}/255)`
  return [
    ...alone,
    compared(`${label} every step, of which ${worst + 1} is the worst ${said}`, errors[worst]!, allowed[worst]!),
    compared(`${label} latents ${said}`, latents, Math.max(bounds.fold, 2 * parts)),
    compared(`${label} pictures, of 255 ${said}`, picture, Math.max(bounds.picture, 2 * bytes)),
  ]
}

const rowsOf = (values: Float32Array, n: number): readonly Float32Array[] =>
  Array.from({ length: n }, (_, i) => values.subarray((i * values.length) / n, ((i + 1) * values.length) / n))
