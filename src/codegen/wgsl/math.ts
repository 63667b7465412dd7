/**
 * Functions of float32, or of four at once, to a few ulp, with NaN, ±∞ and overflow as the op table has them. WGSL's own may take it that
 * there is no NaN and no ∞, and promise little of exponentials and sines.
 */
import { erfBottom, erfTop, exp2Terms, expTerms, logTerms, tanhBottom, tanhTop } from '../polynomials.ts'
import type { ShaderWriter } from './writer.ts'

/** How many neighbours a value holds. */
export type Lanes = 1 | 2 | 4

/** Types of so many lanes. */
export const types = (lanes: Lanes) =>
  lanes === 1
    ? ({ F: 'f32', I: 'i32', U: 'u32', B: 'bool' } as const)
    : lanes === 2
      ? ({ F: 'vec2f', I: 'vec2i', U: 'vec2u', B: 'vec2<bool>' } as const)
      : ({ F: 'vec4f', I: 'vec4i', U: 'vec4u', B: 'vec4<bool>' } as const)

/** A float32 as a literal. */
export const literal = (x: number): string => {
  const text = String(Math.fround(x))
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`
}

/** The functions that there are. */
export type FunctionName =
  | 'isNaN'
  | 'minimum'
  | 'maximum'
  | 'relu'
  | 'sign'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'softplus'
  | 'sigmoid'
  | 'tanh'
  | 'erf'
  | 'sin'
  | 'cos'
  | 'silu'
  | 'gelu'
  | 'geluTanh'
  | 'geluQuick'
  | 'mish'
  | 'pow'
  | 'toHalf'
  | 'toBrain'
  | 'toInt'
  | 'toUint'
  | 'fromHalf'
  | 'halfBits'
  | 'brainBits'

type Names = ReturnType<typeof types>
type Call = (name: FunctionName) => string

const polynomial = (x: string, terms: readonly number[]): string =>
  terms.slice(0, -1).reduceRight((sum, a) => `(${sum} * ${x} + ${literal(a)})`, literal(terms.at(-1)!))

const rational = ({ F }: Names, name: string, limit: number, top: readonly number[], bottom: readonly number[]) =>
  `fn ${name}(x: ${F}) -> ${F} {
  let c = clamp(x, ${F}(${literal(-limit)}), ${F}(${literal(limit)}));
  let z = c * c;
  let y = clamp(c * ${polynomial('z', top)} / ${polynomial('z', bottom)}, ${F}(-1), ${F}(1));
  return select(y, x, (bitcast<U>(x) & U(0x7fffffffu)) > U(0x7f800000u));
}`

/** sin(x + quarter · π/2) by polynomials on ±π/4 (Cephes), π/2 in three parts (Cody & Waite 1980). */
const sine = ({ F, I }: Names, name: string, quarter: number): string => `fn ${name}(x: ${F}) -> ${F} {
  let n = round(x * ${literal(2 / Math.PI)});
  let r = ((x - n * ${literal(1.5703125)}) - n * ${literal(4.837512969970703125e-4)}) - n * ${literal(7.54978995489188216e-8)};
  let z = r * r;
  let odd = r + r * z * ${polynomial('z', [-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4])};
  let even = ${polynomial('z', [1, -0.5, 4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5])};
  let q = ${I}(n) + ${quarter};
  let y = select(odd, even, (q & ${I}(1)) != ${I}(0));
  let s = select(y, -y, (q & ${I}(2)) != ${I}(0));
  return select(s, ${F}(bitcast<f32>(nan_bits)), (bitcast<U>(x) & U(0x7fffffffu)) >= U(0x7f800000u));
}`

const texts: Readonly<Record<FunctionName, (names: Names, name: string, f: Call) => string>> = {
  isNaN: ({ F, B }: Names, name: string) =>
    `fn ${name}(x: ${F}) -> ${B} { return (bitcast<U>(x) & U(0x7fffffffu)) > U(0x7f800000u); }`,
  minimum: ({ F }: Names, name: string, f: Call) =>
    `fn ${name}(x: ${F}, y: ${F}) -> ${F} { return select(min(x, y), x + y, ${f('isNaN')}(x) | ${f('isNaN')}(y)); }`,
  maximum: ({ F }: Names, name: string, f: Call) =>
    `fn ${name}(x: ${F}, y: ${F}) -> ${F} { return select(max(x, y), x + y, ${f('isNaN')}(x) | ${f('isNaN')}(y)); }`,
  // All but the negative numbers, −∞ among them.
  relu: ({ F }: Names, name: string) =>
    `fn ${name}(x: ${F}) -> ${F} { return select(x, ${F}(0), (bitcast<U>(x) - U(0x80000000u)) <= U(0x7f800000u)); }`,
  sign: ({ F }: Names, name: string) =>
    `fn ${name}(x: ${F}) -> ${F} { return select(select(x, ${F}(-1), x < ${F}(0)), ${F}(1), x > ${F}(0)); }`,
  // eˣ = 2ⁿ eʳ, n = [x / ln 2], with ln 2 in two parts. Cody & Waite 1980.
  exp: ({ F, I }: Names, name: string, f: Call) => `fn ${name}(x: ${F}) -> ${F} {
  let c = clamp(x, ${F}(-87.4), ${F}(88.8));
  let n = round(c * ${literal(Math.LOG2E)});
  let r = (c - n * ${literal(0.693359375)}) + n * ${literal(2.1219444e-4)};
  let y = bitcast<${F}>(bitcast<${I}>(${polynomial('r', expTerms)}) + (${I}(n) << U(23u)));
  let finite = select(y, ${F}(0), x < ${F}(-87.3));
  return select(select(finite, ${F}(bitcast<f32>(inf_bits)), x > ${F}(88.7228)), x, ${f('isNaN')}(x));
}`,
  // (u − 1) · x / ln u for u = eˣ rounded. Kahan, HP-15C handbook.
  expm1: ({ F }: Names, name: string, f: Call) => `fn ${name}(x: ${F}) -> ${F} {
  let u = ${f('exp')}(x);
  let y = select((u - 1) * x / ${f('log')}(u), u - 1, abs(x) > ${F}(10));
  return select(y, x, u == ${F}(1));
}`,
  // e ln 2 + ln m with √½ ≤ m < √2. Cephes, logf.
  log: ({ F, I, B }: Names, name: string) => `fn ${name}(x: ${F}) -> ${F} {
  let tiny = x < ${F}(${literal(2 ** -126)});
  let scaled = bitcast<${I}>(select(x, x * 16777216.0f, tiny));
  let m0 = bitcast<${F}>((scaled & ${I}(0x7fffff)) | ${I}(0x3f800000));
  let large: ${B} = m0 >= ${F}(${literal(Math.SQRT2)});
  let m = select(m0, m0 * 0.5f, large) - 1;
  let e = ${F}((scaled >> U(23u)) - 127) - select(${F}(0), ${F}(24), tiny) + select(${F}(0), ${F}(1), large);
  let z = m * m;
  let low = (m * z * ${polynomial('m', logTerms)} - 0.5f * z) - e * ${literal(2.1219444e-4)};
  let finite = (m + low) + e * ${literal(0.693359375)};
  let bits = bitcast<U>(x);
  let positive = select(finite, x, bits == U(0x7f800000u));
  let some = select(${F}(bitcast<f32>(nan_bits)), positive, bits <= U(0x7f800000u));
  return select(some, ${F}(-bitcast<f32>(inf_bits)), (bits & U(0x7fffffffu)) == U(0u));
}`,
  // ln u · x / (u − 1) for u = 1 + x rounded. Kahan, HP-15C handbook.
  log1p: ({ F }: Names, name: string, f: Call) => `fn ${name}(x: ${F}) -> ${F} {
  let u = x + 1;
  let l = ${f('log')}(u);
  let y = select(l * x / (u - 1), l, u > ${F}(1e30));
  return select(select(y, l, u == ${F}(0)), x, u == ${F}(1));
}`,
  softplus: ({ F }: Names, name: string, f: Call) =>
    `fn ${name}(x: ${F}) -> ${F} { return ${f('relu')}(x) + ${f('log1p')}(${f('exp')}(-abs(x))); }`,
  sigmoid: ({ F }: Names, name: string, f: Call) => `fn ${name}(x: ${F}) -> ${F} { return 1 / (1 + ${f('exp')}(-x)); }`,
  tanh: (names: Names, name: string) => rational(names, name, 9, tanhTop, tanhBottom),
  erf: (names: Names, name: string) => rational(names, name, 4, erfTop, erfBottom),
  sin: (names: Names, name: string) => sine(names, name, 0),
  cos: (names: Names, name: string) => sine(names, name, 1),
  silu: ({ F }: Names, name: string, f: Call) => `fn ${name}(x: ${F}) -> ${F} { return x / (1 + ${f('exp')}(-x)); }`,
  geluQuick: ({ F }: Names, name: string, f: Call) =>
    `fn ${name}(x: ${F}) -> ${F} { return x / (1 + ${f('exp')}(-1.702f * x)); }`,
  gelu: ({ F }: Names, name: string, f: Call) =>
    `fn ${name}(x: ${F}) -> ${F} { return 0.5f * x * (1 + ${f('erf')}(x * ${literal(Math.SQRT1_2)})); }`,
  geluTanh: ({ F }: Names, name: string, f: Call) =>
    `fn ${name}(x: ${F}) -> ${F} { return 0.5f * x * (1 + ${f('tanh')}(${literal(Math.sqrt(2 / Math.PI))} * (x + 0.044715f * (x * x * x)))); }`,
  mish: ({ F }: Names, name: string, f: Call) =>
    `fn ${name}(x: ${F}) -> ${F} { return x * ${f('tanh')}(${f('softplus')}(x)); }`,
  // n log₂ … in two parts, then 2 to that power. FreeBSD, e_powf.c.
  pow: ({ F, I, B }: Names, name: string, f: Call) => `fn ${name}(x: ${F}, y: ${F}) -> ${F} {
  let a = abs(x);
  let tiny = a < ${F}(${literal(2 ** -126)});
  let given = bitcast<${I}>(select(a, a * 16777216.0f, tiny));
  let j = given & ${I}(0x7fffff);
  let middle: ${B} = (j > ${I}(0x1cc471)) & (j < ${I}(0x5db3d7));
  let high: ${B} = j >= ${I}(0x5db3d7);
  let e = ${F}((given >> U(23u)) - 127) - select(${F}(0), ${F}(24), tiny) + select(${F}(0), ${F}(1), high);
  let m = bitcast<${F}>((j | ${I}(0x3f800000)) - select(${I}(0), ${I}(0x00800000), high));
  let base = select(${F}(1), ${F}(1.5f), middle);
  let u = m - base;
  let v = 1 / (m + base);
  let s = u * v;
  let sh = bitcast<${F}>(bitcast<U>(s) & U(0xfffff000u));
  let th = bitcast<${F}>(bitcast<U>(m + base) & U(0xfffff000u));
  let tl = m - (th - base);
  let sl = v * ((u - sh * th) - sh * tl);
  let s2 = s * s;
  let r = s2 * s2 * ${polynomial('s2', [6.0000002384e-1, 4.2857143283e-1, 3.3333334327e-1, 2.7272811532e-1, 2.3066075146e-1, 2.0697501302e-1])} + sl * (sh + s);
  let h2 = sh * sh;
  let wh = bitcast<${F}>(bitcast<U>(3 + h2 + r) & U(0xfffff000u));
  let wl = r - ((wh - 3) - h2);
  let p = sh * wh;
  let q = sl * wh + wl * s;
  let ph = bitcast<${F}>(bitcast<U>(p + q) & U(0xfffff000u));
  let pl = q - (ph - p);
  let zh = ${literal(9.6179199219e-1)} * ph;
  let zl = ${literal(4.7017383622e-6)} * ph + pl * ${literal(9.6179670095e-1)} + select(${F}(0), ${F}(${literal(1.56322085e-6)}), middle);
  let dh = select(${F}(0), ${F}(${literal(5.84960938e-1)}), middle);
  let lh = bitcast<${F}>(bitcast<U>(((zh + zl) + dh) + e) & U(0xfffff000u));
  let ll = zl - (((lh - e) - dh) - zh);
  let yc = clamp(y, ${F}(-1e30f), ${F}(1e30f));
  let yh = bitcast<${F}>(bitcast<U>(yc) & U(0xfffff000u));
  let w = yh * lh;
  let t = (yc - yh) * lh + yc * ll;
  let n = round(clamp(w + t, ${F}(-151), ${F}(130)));
  let g = clamp((w - n) + t, ${F}(-0.6f), ${F}(0.6f));
  let k = ${I}(n);
  let k2 = k >> U(1u);
  let scale = bitcast<${F}>((k2 + 127) << U(23u)) * bitcast<${F}>((k - k2 + 127) << U(23u));
  let size = select(select(${polynomial('g', exp2Terms)} * scale, ${F}(0), w + t < ${F}(-150)), ${F}(bitcast<f32>(inf_bits)), w + t >= ${F}(128));
  let bx = bitcast<U>(x) & U(0x7fffffffu);
  let by = bitcast<U>(y) & U(0x7fffffffu);
  let up = (bitcast<U>(y) >> U(31u)) == U(0u);
  let none = ${F}(0);
  let inf = ${F}(bitcast<f32>(inf_bits));
  var z = size;
  z = select(z, select(inf, none, up), bx == U(0u));
  z = select(z, select(none, inf, up), bx == U(0x7f800000u));
  z = select(z, select(select(none, inf, (a > ${F}(1)) == up), ${F}(1), a == ${F}(1)), by == U(0x7f800000u));
  let whole = (trunc(y) == y) & (by < U(0x7f800000u));
  let odd = whole & (abs(y) < ${F}(16777216)) & ((bitcast<U>(${I}(clamp(y, ${F}(-16777216), ${F}(16777216)))) & U(1u)) == U(1u));
  let negative = (bitcast<U>(x) >> U(31u)) == U(1u);
  z = select(z, -z, negative & odd);
  let nothing = negative & !whole & (bx != U(0u)) & (bx != U(0x7f800000u)) & (by != U(0x7f800000u));
  z = select(z, ${F}(bitcast<f32>(nan_bits)), nothing | ${f('isNaN')}(x) | ${f('isNaN')}(y));
  return select(z, ${F}(1), (by == U(0u)) | (x == ${F}(1)));
}`,
  // To 11 bits of significand or, below 2⁻¹⁴, to multiples of 2⁻²⁴; halves to even.
  toHalf: ({ F }: Names, name: string) => `fn ${name}(x: ${F}) -> ${F} {
  let a = bitcast<U>(x) & U(0x7fffffffu);
  let even = bitcast<${F}>((a + U(0xfffu) + ((a >> U(13u)) & U(1u))) & U(0xffffe000u));
  let small = round(bitcast<${F}>(a) * 16777216.0f) * ${literal(2 ** -24)};
  let size = select(select(even, small, a < U(0x38800000u)), ${F}(bitcast<f32>(inf_bits)), a >= U(0x477ff000u));
  let y = bitcast<${F}>(bitcast<U>(size) | (bitcast<U>(x) & U(0x80000000u)));
  return select(y, x, a > U(0x7f800000u));
}`,
  toBrain: ({ F }: Names, name: string) => `fn ${name}(x: ${F}) -> ${F} {
  let u = bitcast<U>(x);
  let y = bitcast<${F}>((u + U(0x7fffu) + ((u >> U(16u)) & U(1u))) & U(0xffff0000u));
  return select(y, x, (u & U(0x7fffffffu)) > U(0x7f800000u));
}`,
  // Saturating; NaN is 0.
  toInt: ({ F, I }: Names, name: string) => `fn ${name}(x: ${F}) -> ${I} {
  let y = select(select(${I}(clamp(x, ${F}(-2147483648), ${F}(2147483520))), ${I}(2147483647), x >= ${F}(2147483648)), ${I}(-2147483648), x <= ${F}(-2147483648));
  return select(y, ${I}(0), (bitcast<U>(x) & U(0x7fffffffu)) > U(0x7f800000u));
}`,
  toUint: ({ F }: Names, name: string) => `fn ${name}(x: ${F}) -> U {
  let y = select(select(U(clamp(x, ${F}(0), ${F}(4294967040))), U(4294967295u), x >= ${F}(4294967296)), U(0u), x <= ${F}(0));
  return select(y, U(0u), (bitcast<U>(x) & U(0x7fffffffu)) > U(0x7f800000u));
}`,
  // The lower 16 bits of a word as a binary16, widened exactly.
  fromHalf: ({ F }: Names, name: string) => `fn ${name}(h: U) -> ${F} {
  let m = h & U(0x7fffu);
  let normal = (m << U(13u)) + select(U(0x38000000u), U(0x70000000u), m >= U(0x7c00u));
  let size = select(bitcast<U>(${F}(m) * ${literal(2 ** -24)}), normal, m >= U(0x400u));
  return bitcast<${F}>(size | ((h & U(0x8000u)) << U(16u)));
}`,
  // Of what toHalf gives, in the lower 16 bits.
  halfBits: ({ F }: Names, name: string, f: Call) => `fn ${name}(x: ${F}) -> U {
  let h = ${f('toHalf')}(x);
  let a = bitcast<U>(h) & U(0x7fffffffu);
  let normal = select((a - U(0x38000000u)) >> U(13u), U(0x7c00u), a >= U(0x47800000u));
  let size = select(normal, U(bitcast<${F}>(a) * 16777216.0f), a < U(0x38800000u));
  return select(size, U(0x7e00u), a > U(0x7f800000u)) | ((bitcast<U>(h) >> U(16u)) & U(0x8000u));
}`,
  brainBits: ({ F }: Names, name: string, f: Call) =>
    `fn ${name}(x: ${F}) -> U { return select(bitcast<U>(${f('toBrain')}(x)) >> U(16u), U(0x7fc0u), ${f('isNaN')}(x)); }`,
}

/** Adds a function to a shader, with those it calls; its name there. */
export const mathFunction = (to: ShaderWriter, name: FunctionName, lanes: Lanes): string =>
  to.function(lanes === 1 ? `${name}_` : `${name}_${lanes}`, (own) => {
    const names = types(lanes)
    const text = texts[name](names, own, (other) => mathFunction(to, other, lanes))
    if (text.includes('nan_bits')) to.private('nan_bits', '0x7fc00000u')
    if (text.includes('inf_bits')) to.private('inf_bits', '0x7f800000u')
    return text.replaceAll(/\bU\b/g, names.U)
  })
