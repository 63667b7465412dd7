/** The diagonal Gaussian that an encoder gives for every latent. */
import { chunk, clamp } from '../../tensor/nn.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** A normal distribution with a mean and a variance of its own for every element, [N, C, H, W] each. */
export type DiagonalGaussian = {
  readonly mean: Tensor
  /** ln σ², kept within [−30, 20]. */
  readonly logvar: Tensor
  readonly std: Tensor
  readonly variance: Tensor
  /** Its most likely value, the mean. */
  readonly mode: () => Tensor
  /** A draw, mean + σ · noise, from standard normal `noise` [N, C, H, W]. */
  readonly sample: (noise: Tensor) => Tensor
  /** The divergence from `other`, or from the standard normal if not given, in nats: [N]. Kingma & Welling 2014, appendix B. */
  readonly kl: (other?: DiagonalGaussian) => Tensor
  /** −ln p(x) of a sample x [N, C, H, W], in nats: [N]. */
  readonly nll: (x: Tensor) => Tensor
}

const total = (x: Tensor): Tensor => x.sum(1, 2, 3).mul(0.5).reshape(-1) // [N]

/** Moments [N, 2 C, H, W], means before logarithms of variances, as a distribution. */
export const diagonalGaussian = (moments: Tensor): DiagonalGaussian => {
  const [mean, unbounded] = chunk(moments, 2, 1) as [Tensor, Tensor]
  const logvar = clamp(-30, 20)(unbounded)
  const [std, variance] = [logvar.mul(0.5).exp(), logvar.exp()]
  return {
    mean,
    logvar,
    std,
    variance,
    mode: () => mean,
    sample: (noise) => mean.add(std.mul(noise)),
    kl: (other) =>
      other === undefined
        ? total(mean.square().add(variance).sub(1).sub(logvar))
        : total(
            mean
              .sub(other.mean)
              .square()
              .div(other.variance)
              .add(variance.div(other.variance))
              .sub(1)
              .sub(logvar)
              .add(other.logvar),
          ),
    nll: (x) => total(logvar.add(Math.log(2 * Math.PI)).add(x.sub(mean).square().div(variance))),
  }
}
