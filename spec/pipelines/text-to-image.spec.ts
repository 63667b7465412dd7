import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Memory } from '../../src/backend/backend.ts'
import { compile, counts, dispose, read } from '../../src/backend/compile.ts'
import { backend } from '../../src/backend/select.ts'
import { ConfigError } from '../../src/errors.ts'
import { toImages, type Image } from '../../src/image/image.ts'
import { ControlNetModel } from '../../src/models/controlnet.ts'
import { UNet2DConditionModel } from '../../src/models/unet2d-condition.ts'
import { load, loadModel, orThrow } from '../../src/params/load.ts'
import { controlToImage } from '../../src/pipelines/control.ts'
import { imageToImage } from '../../src/pipelines/image-to-image.ts'
import { inpaint } from '../../src/pipelines/inpaint.ts'
import type { PromptRequest } from '../../src/pipelines/request.ts'
import { StableDiffusion, StableDiffusionXL } from '../../src/pipelines/stable-diffusion.ts'
import { textToImage } from '../../src/pipelines/text-to-image.ts'
import { drawWith } from '../../src/pipelines/unconditional.ts'
import { seed } from '../../src/random/generator.ts'
import { eulerAncestralScheduler } from '../../src/schedulers/euler-ancestral.ts'
import { unipcScheduler } from '../../src/schedulers/unipc.ts'
import { randn } from '../../src/tensor/noise.ts'
import { tensor } from '../../src/tensor/tensor.ts'

const recorded = (path: string): string =>
  fileURLToPath(new URL(`../reference/data/pipelines/${path}`, import.meta.url))
const on = { backend: 'wasm' } as const
const options = { ...on, scheduler: unipcScheduler, steps: 3 }
const small = { width: 32, height: 32 } as const

let sd: StableDiffusion
let xl: StableDiffusionXL
let draw: ReturnType<typeof textToImage>
beforeAll(async () => {
  sd = await orThrow(load(StableDiffusion, recorded('sd')))
  xl = await orThrow(load(StableDiffusionXL, recorded('sdxl')))
  draw = textToImage(sd, options)
})

describe('a request', () => {
  it.each<readonly [string, object]>([
    ['width', { width: 31 }],
    ['width', { width: 0 }],
    ['height', { height: -8 }],
    ['height', { height: NaN }],
    ['height', { height: 32.5 }],
    ['negative', { negative: ['one', 'two', 'three'] }],
    ['negative', { prompt: ['a cat', 'a dog'], negative: ['nothing'] }],
    ['clipSkip', { clipSkip: 99 }],
  ])('whose %s cannot be is a ConfigError: %j', async (field, wrong) => {
    const request: PromptRequest = { prompt: 'a cat', ...wrong }
    const failure: unknown = await draw(request, seed(0)).catch((e: unknown) => e)
    expect(failure).toBeInstanceOf(ConfigError)
    expect((failure as ConfigError).message).toContain(field)
  })
  it('whose second prompts do not match the first is a ConfigError', async () => {
    const both = textToImage(xl, options)
    await expect(both({ prompt: 'a cat', prompt2: ['a', 'b'] }, seed(0))).rejects.toBeInstanceOf(ConfigError)
    await expect(both({ prompt: 'a cat', negative2: ['a', 'b'], negative: '' }, seed(0))).rejects.toThrow('negative2')
  })
  it('for a scheduler that nobody knows is a ConfigError, when the pipeline is made', () => {
    expect(() => textToImage(sd, { scheduler: 'euler_z' })).toThrow(ConfigError)
    expect(() => textToImage({ ...sd, scheduler: { ...sd.scheduler, _class_name: 'Unheard' } })).toThrow('Unheard')
  })
  it('for another number of pictures than there are seeds is refused', async () => {
    await expect(draw({ prompt: 'a cat', count: 3 }, [seed(0), seed(1)])).rejects.toThrow('2 seeds for a batch of 3')
  })
  it('that is a text is one whose prompt it is', async () => {
    expect(await draw('a cat', seed(0))).toEqual(await draw({ prompt: 'a cat' }, seed(0)))
  })
})

describe('pictures', () => {
  const differ = (a: Image, b: Image): number => Math.max(...a.rgba.map((v, i) => Math.abs(v - b.rgba[i]!)))

  it('are as many as prompts and their counts, of the size asked for', async () => {
    const pictures = await draw.all({ prompt: ['a cat', 'a dog'], count: 2, width: 48, height: 32 }, seed(0))
    expect(pictures.map((p) => [p.width, p.height])).toEqual(Array.from({ length: 4 }, () => [48, 32]))
  })
  it('from seeds of their own are those drawn alone', async () => {
    const stochastic = textToImage(sd, { ...options, scheduler: eulerAncestralScheduler })
    const both = await stochastic.all({ prompt: 'a cat', count: 2 }, [seed(3), seed(4)])
    for (const [i, s] of [3, 4].entries())
      expect(differ(both[i]!, await stochastic('a cat', seed(s)))).toBeLessThanOrEqual(1)
  })
  it('of several prompts are those of each, prompt by prompt', async () => {
    const request = { prompt: ['a cat', 'a dog'], count: 2 }
    const all = await draw.all(
      request,
      [1, 2, 3, 4].map((n) => seed(n)),
    )
    expect(differ(all[1]!, await draw('a cat', seed(2)))).toBeLessThanOrEqual(1)
    expect(differ(all[2]!, await draw('a dog', seed(3)))).toBeLessThanOrEqual(1)
  })
  it('from latents of one own are those of the seed that draws them', async () => {
    const latents = randn(seed(5), [1, 4, 16, 16])
    const size = { width: 32, height: 32 }
    const given = await draw({ prompt: 'a cat', latents, ...size }, seed(0))
    expect(given).toEqual(await draw({ prompt: 'a cat', ...size }, seed(5)))
  })
  it('may be guided in a way of their own', async () => {
    const unguided = textToImage(sd, { ...options, combine: (positive) => positive })
    const [got, want] = [await unguided('a cat', seed(0)), await draw({ prompt: 'a cat', guidance: 1 }, seed(0))]
    expect(differ(got, want)).toBeLessThanOrEqual(1)
    expect(differ(want, await draw('a cat', seed(0)))).toBeGreaterThan(1)
  })
})

describe('a run', () => {
  it('tells of every step, whose latents can be decoded', async () => {
    const steps: number[] = []
    const shapes: (readonly number[])[] = []
    const previews: Promise<readonly Image[]>[] = []
    const last = await draw.all({ prompt: 'a cat', count: 2, ...small }, seed(0), {
      onStep: ({ step, sample }) => {
        steps.push(step)
        shapes.push(sample.shape)
        previews.push(toImages(draw.decode(sample)))
      },
    })
    expect(steps).toEqual([1, 2, 3])
    expect(shapes.every((s) => s.join() === [2, 4, small.height / 2, small.width / 2].join())).toBe(true)
    expect((await Promise.all(previews)).at(-1)).toEqual(last)
  })
  it('streams its states and returns the last latents', async () => {
    const fold = draw.states('a cat', seed(0))
    const seen: number[] = []
    for (;;) {
      const next = await fold.next()
      if (next.done === true) {
        expect(await toImages(draw.decode(next.value))).toEqual(await draw.all('a cat', seed(0)))
        break
      }
      seen.push(next.value.step)
    }
    expect(seen).toEqual([1, 2, 3])
  })
  it('stops between two steps when it is aborted, with the reason that was given', async () => {
    const controller = new AbortController()
    const steps: number[] = []
    const onStep = ({ step }: { readonly step: number }): void => {
      steps.push(step)
      if (step === 2) controller.abort(new Error('enough'))
    }
    await expect(draw('a cat', seed(0), { signal: controller.signal, onStep })).rejects.toThrow('enough')
    expect(steps).toEqual([1, 2])
    await expect(draw('a cat', seed(0), { signal: AbortSignal.abort() })).rejects.toThrow('abort')
  })
  it('traces nothing new for other prompts, guidance and seeds', async () => {
    await draw({ prompt: 'a cat', guidance: 7 }, seed(0))
    const before = counts.traces
    await draw({ prompt: 'a dog with a hat', guidance: 3, negative: 'blurry' }, seed(1))
    await draw('a house', seed(2))
    expect(counts.traces - before).toBe(0)
  })
})

describe('device memory', () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const probe = compile((x: ReturnType<typeof tensor>) => x.add(1), on)
  /** What is held when the queue has come to rest: the last disposal waits its turn. */
  const held = async (): Promise<Memory> => {
    const x = probe(tensor([0]))
    await read(x)
    dispose(x)
    for (let i = 0; i < 20; i++) await new Promise((done) => setImmediate(done))
    return (await backend('wasm')).memory()
  }
  const expectSteady = async (run: (n: number) => Promise<unknown>, times = 20): Promise<void> => {
    await run(0)
    collectGarbage() // what other tests have left behind, so that it does not go during this one
    await held()
    const after = await held()
    for (let n = 1; n <= times; n++) await run(n)
    expect(await held()).toEqual(after)
  }
  const picture = async (): Promise<Image> => draw({ prompt: 'a cat', ...small }, seed(9))
  const mask: Image = { ...small, rgba: new Uint8ClampedArray(4 * 32 * 32).map((_, i) => (i % 128 < 64 ? 0 : 255)) }

  it('is after twenty pictures what it was after one', () =>
    expectSteady((n) => draw({ prompt: `a cat ${n}`, guidance: 2 + n, ...small }, seed(n))))
  it('likewise of several pictures, with weights', () =>
    expectSteady((n) => draw.all({ prompt: ['a (cat:1.2)', 'a dog'], count: 2, ...small }, seed(n)), 5))
  it('likewise of two text encoders', async () => {
    const both = textToImage(xl, options)
    await expectSteady((n) => both({ prompt: 'a cat', negative: 'a dog', ...small }, seed(n)), 5)
    await expectSteady((n) => both({ prompt: 'a cat', ...small }, seed(n)), 5)
  })
  it('likewise of pictures from pictures', async () => {
    const [image, redraw] = [await picture(), imageToImage(sd, options)]
    await expectSteady((n) => redraw({ prompt: 'a cat', image, strength: 0.7, count: 2 }, seed(n)), 5)
  })
  it('likewise of parts of pictures, by a UNet of 4 channels and by one of 9', async () => {
    const image = await picture()
    const unet = await orThrow(loadModel(UNet2DConditionModel, recorded('inpaint9_unet')))
    for (const of of [inpaint(sd, options), inpaint({ ...sd, unet }, options)]) {
      await expectSteady((n) => of({ prompt: 'a cat', image, mask }, seed(n)), 5)
      await expectSteady((n) => of({ prompt: 'a cat', image, mask, strength: 0.7, count: 2 }, seed(n)), 5)
    }
  })
  it('likewise of pictures that follow pictures', async () => {
    const [image, net] = [await picture(), await orThrow(loadModel(ControlNetModel, recorded('controlnet')))]
    const follow = controlToImage(sd, net, options)
    await expectSteady((n) => follow({ prompt: 'a cat', image }, seed(n)), 5)
  })
  it('likewise where a run is aborted, or refused, or its listener fails', () =>
    expectSteady(async (n) => {
      const controller = new AbortController()
      const abort = (): void => controller.abort(new Error('enough'))
      const aborted = draw({ prompt: 'a cat', ...small }, seed(n), { signal: controller.signal, onStep: abort })
      await expect(aborted).rejects.toThrow('enough')
      const failing = (): never => {
        throw new Error('broken')
      }
      await expect(draw({ prompt: 'a cat', ...small }, seed(n), { onStep: failing })).rejects.toThrow('broken')
      await expect(draw({ prompt: 'a cat', width: 33 }, seed(n))).rejects.toThrow('width')
    }, 5))
  it('likewise where the loop over its states is left, once the state is disposed', () =>
    expectSteady(async (n) => {
      for await (const { state } of draw.states({ prompt: 'a cat', ...small }, seed(n))) {
        dispose(state)
        break
      }
    }, 5))
  it('likewise of pictures from noise alone, drawn or aborted', async () => {
    const noisy = drawWith(unipcScheduler({}, 3), (x, t) => x.mul(0.3).mul(x.mul(0).add(t).div(1000)), [3, 8, 8])
    await expectSteady(async (n) => {
      await noisy.batch(2)(seed(n), on)
      const controller = new AbortController()
      const aborted = noisy(seed(n), { ...on, signal: controller.signal, onStep: () => controller.abort() })
      await expect(aborted).rejects.toThrow('abort')
    })
  })
})
