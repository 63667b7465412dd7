import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { guide, guideBy, guidance, rescaleGuidance, together, type Guided } from '../../src/pipelines/guide.ts'
import type { Denoiser } from '../../src/pipelines/sample.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { list } from '../support/host.ts'

type Told = { readonly bias: Tensor; readonly gain: Tensor }

/** Answers that depend on the sample, the time and everything they are told, and on nothing of the rest of the batch. */
const denoise: Denoiser<Told> = (x, t, { bias, gain }) =>
  x
    .mul(gain)
    .add(bias)
    .add(x.permute(0, 2, 1).mul(0.1))
    .mul(t)

const [n, rows] = [2, 3]
const values = (count: number) =>
  fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: count, maxLength: count })
const sample = values(n * rows * rows).map((v) => tensor(v, [n, rows, rows]))
const told = fc.record({
  bias: values(n * rows * rows).map((v) => tensor(v, [n, rows, rows])),
  gain: values(n).map((v) => tensor(v, [n, 1, 1])),
})
const scale = fc.double({ min: -3, max: 15, noNaN: true })
const t = 0.7

const close = (got: Tensor, want: Tensor, digits = 9): void => {
  const [a, b] = [list(got), list(want)]
  expect(a.length).toBe(b.length)
  a.forEach((v, i) => expect(v).toBeCloseTo(b[i]!, digits))
}
const at = (x: Tensor, given: Guided<Told>): Tensor => guide(denoise)(x, t, given)
const forAll = fc.assert
const deviation = (x: readonly number[]): number => {
  const mean = x.reduce((a, b) => a + b, 0) / x.length
  return Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (x.length - 1))
}

describe('guidance', () => {
  it('is affine in w', () =>
    forAll(
      fc.property(
        sample,
        told,
        told,
        scale,
        scale,
        fc.double({ min: -1, max: 2, noNaN: true }),
        (x, positive, negative, a, b, r) => {
          const of = (w: number): Tensor => at(x, { positive, negative, scale: w })
          close(
            of((1 - r) * a + r * b),
            of(a)
              .mul(1 - r)
              .add(of(b).mul(r)),
          )
        },
      ),
    ))
  it('is the positive answer at w = 1 and the negative one at w = 0', () =>
    forAll(
      fc.property(sample, told, told, (x, positive, negative) => {
        close(at(x, { positive, negative, scale: 1 }), denoise(x, t, positive))
        close(at(x, { positive, negative, scale: 0 }), denoise(x, t, negative))
        close(at(x, { positive, negative }), denoise(x, t, positive))
      }),
    ))
  it('moves away from the negative answer where w > 1', () =>
    forAll(
      fc.property(sample, told, told, (x, positive, negative) => {
        const [towards, away] = [denoise(x, t, positive), denoise(x, t, negative)]
        close(at(x, { positive, negative, scale: 3 }).sub(towards), towards.sub(away).mul(2))
      }),
    ))
  it('does not depend on w where both conditions are the same', () =>
    forAll(
      fc.property(sample, told, scale, (x, same, w) => {
        const guided = at(x, { positive: same, negative: same, scale: w })
        close(guided, denoise(x, t, same))
      }),
    ))
  it('leaves a denoiser alone that has nothing to turn away from', () =>
    forAll(
      fc.property(sample, told, scale, (x, positive, w) => {
        expect(list(at(x, { positive, scale: w, rescale: 1 }))).toEqual(list(denoise(x, t, positive)))
      }),
    ))
  it('does not mix samples: a batch is its samples one by one', () =>
    forAll(
      fc.property(sample, told, told, scale, (x, positive, negative, w) => {
        const one = (y: Tensor, i: number): Tensor => y.slice(0, i, i + 1)
        const of = (c: Told, i: number): Told => ({ bias: one(c.bias, i), gain: one(c.gain, i) })
        const whole = at(x, { positive, negative, scale: w, rescale: 0.5 })
        for (let i = 0; i < n; i++) {
          const alone = at(one(x, i), { positive: of(positive, i), negative: of(negative, i), scale: w, rescale: 0.5 })
          expect(list(one(whole, i))).toEqual(list(alone))
        }
      }),
    ))
})

describe('both answers', () => {
  const seen: { readonly shape: readonly number[]; readonly bias: readonly number[] }[] = []
  const watched: Denoiser<Told> = (x, time, given) => {
    seen.push({ shape: x.shape, bias: list(given.bias) })
    return denoise(x, time, given)
  }
  const [x, positive, negative] = [1, 2, 3].map((v) => tensor(Array(9).fill(v) as number[], [1, 3, 3])) as [
    Tensor,
    Tensor,
    Tensor,
  ]
  const gain = tensor([1], [1, 1, 1])
  const both = { positive: { bias: positive, gain }, negative: { bias: negative, gain } }

  it('come from one batch of twice the size, negatives first', () => {
    guide(watched)(x, t, { ...both, scale: 5 })
    expect(seen).toEqual([{ shape: [2, 3, 3], bias: [...list(negative), ...list(positive)] }])
  })
  it('may be combined in another way, which is told the scale and the time', () => {
    const asked: unknown[] = []
    const mean = guideBy((a, b, w, time) => {
      asked.push([w, time])
      return a.add(b).div(2)
    })
    close(mean(denoise)(x, t, { ...both, scale: 5 }), guide(denoise)(x, t, { ...both, scale: 0.5 }))
    expect(asked).toEqual([[5, t]])
    expect(guideBy(guidance)(denoise)(x, t, both).shape).toEqual([1, 3, 3])
  })
  it('are refused where their conditions differ in what they hold, or in what is no tensor', () => {
    const held = { ...both, negative: { bias: negative } as Told }
    expect(() => guide(denoise)(x, t, held)).toThrow('differ in what they hold')
    expect(() => together({ a: x, k: 1 }, { a: x, k: 2 })).toThrow('differ in k')
  })
})

describe('rescaled guidance', () => {
  const phi = fc.double({ min: 0, max: 1, noNaN: true })
  // Answers that are all but constant have no contrast to restore.
  const lively = sample.filter(
    (x) => deviation(list(x.slice(0, 0, 1))) > 0.1 && deviation(list(x.slice(0, 1, 2))) > 0.1,
  )
  const deviations = (x: Tensor): readonly number[] =>
    Array.from({ length: n }, (_, i) => deviation(list(x.slice(0, i, i + 1))))

  it('has the standard deviation of the positive answer at φ = 1, sample by sample', () =>
    forAll(
      fc.property(lively, lively, (guided, positive) => {
        const got = deviations(rescaleGuidance(guided, positive, 1))
        deviations(positive).forEach((want, i) => expect(got[i]).toBeCloseTo(want, 9))
      }),
    ))
  it('is guidance itself at φ = 0, and affine in φ', () =>
    forAll(
      fc.property(lively, lively, phi, (guided, positive, f) => {
        const of = (p: number): Tensor => rescaleGuidance(guided, positive, p)
        close(of(0), guided)
        close(
          of(f),
          of(0)
            .mul(1 - f)
            .add(of(1).mul(f)),
        )
      }),
    ))
  it('changes nothing but the length of the answer', () =>
    forAll(
      fc.property(lively, lively, phi, (guided, positive, f) => {
        const got = rescaleGuidance(guided, positive, f)
        const perSample = (of: readonly number[]): Tensor => tensor(of, [n, 1, 1], 'f32')
        close(got.mul(perSample(deviations(guided))), guided.mul(perSample(deviations(got))), 5)
      }),
    ))
  it('is what the guided denoiser does when it is told φ', () =>
    forAll(
      fc.property(lively, told, told, phi, (x, positive, negative, f) => {
        const [plain, towards] = [at(x, { positive, negative, scale: 4 }), denoise(x, t, positive)]
        close(at(x, { positive, negative, scale: 4, rescale: f }), rescaleGuidance(plain, towards, f))
      }),
    ))
})
