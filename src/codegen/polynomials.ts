/** Coefficients of the functions that every code generator writes itself, lowest power first. */

/** eʳ on |r| ≤ ln 2 / 2. Cephes, expf. */
export const expTerms: readonly number[] = [
  1, 1, 5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.98756915e-4,
]

/** 2ᶠ on |f| ≤ ½, to 1.4e-7; the first is 1, so that powers of two are exact, 2¹²⁸ = ∞ among them. */
export const exp2Terms: readonly number[] = [
  1, 0.6931469670638337, 0.24022119723936974, 0.05550713275012207, 0.00967554133055859, 0.0013276471503117608,
]

/** ln (1 + m) = m − m²/2 + m³ · these, for √½ ≤ 1 + m < √2. Cephes, logf. */
export const logTerms: readonly number[] = [
  3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1, -1.2420140846e-1,
  1.167699874e-1, -1.151461031e-1, 7.0376836292e-2,
]

// Rational minimax approximations of tanh and erf. Eigen, MathFunctionsImpl.h.

/** tanh x = x · these of x² over `tanhBottom` of x², for |x| ≤ 9. */
export const tanhTop: readonly number[] = [
  4.89352455891786e-3, 6.37261928875436e-4, 1.48572235717979e-5, 5.12229709037114e-8, -8.60467152213735e-11,
  2.00018790482477e-13, -2.76076847742355e-16,
]
/** See `tanhTop`. */
export const tanhBottom: readonly number[] = [
  4.89352518554385e-3, 2.268434632439e-3, 1.18534705686654e-4, 1.19825839466702e-6,
]

/** erf x = x · these of x² over `erfBottom` of x², for |x| ≤ 4. */
export const erfTop: readonly number[] = [
  -1.60960333262415e-2, -2.95459980854025e-3, -7.34990630326855e-4, -5.69250639462346e-5, -2.10102402082508e-6,
  2.77068142495902e-8, -2.72614225801306e-10,
]
/** See `erfTop`. */
export const erfBottom: readonly number[] = [
  -1.42647390514189e-2, -7.37332916720468e-3, -1.68282697438203e-3, -2.13374055278905e-4, -1.45660718464996e-5,
]

// Sines and cosines of float32, in float64. FreeBSD, k_sinf.c and k_cosf.c.

/** sin r = r (1 + z · these of z), z = r², for |r| ≤ π/4. */
export const sinTerms: readonly number[] = [
  -0.166666666416265235595, 0.0083333293858894631756, -0.000198393348360966317347, 0.0000027183114939898219064,
]
/** cos r = 1 + z · these of z. */
export const cosTerms: readonly number[] = [
  -0.49999999725103100312, 0.0416666233237390631894, -0.00138867637746099294692, 0.0000243904487962774090654,
]
