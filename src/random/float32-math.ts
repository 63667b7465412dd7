/**
 * log, sin and cos in float32 as torch's AVX2 kernels compute them (Cephes' coefficients in Pommier's SSE scheme, with fused
 * multiply-adds), so that normals agree to the last bit. A fused multiply-add is formed in float64, where the product is exact.
 */

const f = Math.fround
const fma = (a: number, b: number, c: number): number => f(a * b + c)

const logarithm = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(f)
const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)
const smallest = f(1.17549435e-38)
const rootHalf = f(0.707106781186547524)
const [low, high] = [f(-2.1219444e-4), f(0.693359375)]

/** ln x of a float32 x > 0, as float32. */
export const log32 = (x: number): number => {
  float[0] = Math.max(x, smallest)
  let e = (bits[0]! >>> 23) - 126
  bits[0] = (bits[0]! & 0x807fffff) | 0x3f000000
  let m = float[0]!
  if (m < rootHalf) {
    e -= 1
    m = f(f(m - 1) + m)
  } else m = f(m - 1)
  const z = f(m * m)
  let y = logarithm[0]!
  for (let i = 1; i < logarithm.length; i++) y = fma(y, m, logarithm[i]!)
  y = fma(f(y * m), z, f(e * low))
  y = fma(-z, 0.5, y)
  return fma(e, high, f(m + y))
}

const [dp1, dp2, dp3] = [f(-0.78515625), f(-2.4187564849853515625e-4), f(-3.77489497744594108e-8)]
const fourOverPi = f(1.27323954473516)
const [c0, c1, c2] = [f(2.443315711809948e-5), f(-1.388731625493765e-3), f(4.166664568298827e-2)]
const [s0, s1, s2] = [f(-1.9515295891e-4), f(8.3321608736e-3), f(-1.6666654611e-1)]

/** The last results of `sincos32`: a pair without an allocation. */
export const pair = { sin: 0, cos: 0 }

/** sin x and cos x of a small float32 x ≥ 0, as float32, left in `pair`. */
export const sincos32 = (x: number): void => {
  const j = (Math.trunc(f(x * fourOverPi)) + 1) & ~1
  const r = fma(j, dp3, fma(j, dp2, fma(j, dp1, x)))
  const z = f(r * r)
  const c = f(fma(f(fma(fma(c0, z, c1), z, c2) * z), z, f(z * -0.5)) + 1)
  const s = fma(f(fma(fma(s0, z, s1), z, s2) * z), r, r)
  const straight = (j & 2) === 0
  const [sine, cosine] = straight ? [s, c] : [c, s]
  pair.sin = j & 4 ? -sine : sine
  pair.cos = ((j - 2) & 4) === 0 ? -cosine : cosine
}
