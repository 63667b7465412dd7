// Guidance of one's own is a function of two answers. This one drops what of their difference merely makes the answer longer:
// it is what burns colours out at high scales. Sadat et al. 2024, Eliminating Oversaturation, without its momentum.
import { grid, guideBy, load, orThrow, seed, StableDiffusion, textToImage, unipcScheduler, writePng } from 'diffold'
import type { Combine, Tensor } from 'diffold'

const dot = (a: Tensor, b: Tensor): Tensor => a.mul(b).sum(1, 2, 3) // [N, 1, 1, 1]

const projected: Combine = (positive, negative, scale) => {
  const difference = positive.sub(negative)
  const parallel = positive.mul(dot(difference, positive).div(dot(positive, positive)))
  return positive.add(difference.sub(parallel).mul(positive.zero))
}
