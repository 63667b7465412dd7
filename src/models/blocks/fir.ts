/** Half and double size through the low-pass filter [1, 3, 3, 1] / 8 along both axes. Karras et al. 2020 (StyleGAN2), appendix B. */
import { conv2d } from '../../tensor/nn.ts'
import { concat, tensor, type Tensor } from '../../tensor/tensor.ts'

/** One plane a time: the filter as a convolution kernel, its sum the gain. It is symmetric, so correlation is convolution. */
const kernel = (gain: number): { readonly weight: Tensor } => {
  const taps = [1, 3, 3, 1]
  const square = taps.flatMap((a) => taps.map((b) => (a * b * gain) / 64))
  return { weight: tensor(square, [1, 1, 4, 4]) }
}
const unit = kernel(1)
const quadruple = kernel(4)

const planes = (x: Tensor): Tensor => x.reshape(-1, 1, ...x.shape.slice(2))
const images = (like: Tensor, y: Tensor): Tensor => y.reshape(...like.shape.slice(0, 2), ...y.shape.slice(2))

/** A zero after every row and every column. */
const spread = (x: Tensor): Tensor => {
  const [n, , h, w] = x.shape as [number, number, number, number]
  return x
    .reshape(n, h, 1, w, 1)
    .pad([0, 0, 0, 0, 0], [0, 0, 1, 0, 1])
    .reshape(n, 1, 2 * h, 2 * w)
}

/** One more row and column on every side, mirrored at the border without repeating it. */
const reflect = (x: Tensor): Tensor =>
  [2, 3].reduce((y, axis) => concat([y.slice(axis, 1, 2), y, y.slice(axis, -2, -1)], axis), x)

/** Filtered, every second pixel: [N, C, H, W] → [N, C, H / 2, W / 2]. Outside the image is zero. */
export const firDown = (x: Tensor): Tensor => images(x, conv2d(unit, { stride: 2, padding: 1 })(planes(x)))

/** Zeros between the pixels, filtered: [N, C, H, W] → [N, C, 2 H, 2 W]. Outside the image is zero. */
export const firUp = (x: Tensor): Tensor => images(x, conv2d(quadruple, { padding: [2, 1, 2, 1] })(spread(planes(x))))

/** `firDown` with the image mirrored at its borders, as in k-diffusion. */
export const mirrorDown = (x: Tensor): Tensor => images(x, conv2d(unit, { stride: 2 })(reflect(planes(x))))

/** `firUp` with the image mirrored at its borders, as in k-diffusion. */
export const mirrorUp = (x: Tensor): Tensor => {
  const [, , h, w] = x.shape as [number, number, number, number]
  const filtered = conv2d(quadruple)(spread(reflect(planes(x)))) // [N C, 1, 2 H + 1, 2 W + 1]
  return images(x, filtered.slice(2, 0, 2 * h).slice(3, 0, 2 * w))
}
