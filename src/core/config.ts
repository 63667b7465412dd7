/** The vocabulary of config codecs: fields with the original's defaults, and errors that name the field and what is allowed. */
import { either as E } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { ConfigError } from '../errors.ts'

/** One of a few values. The error lists them. */
export class Literals<A extends string | number | boolean | null> extends t.Type<A, A, unknown> {
  readonly _tag = 'Literals' as const
  readonly values: readonly A[]
  constructor(values: readonly A[]) {
    const is = (u: unknown): u is A => (values as readonly unknown[]).includes(u)
    super(values.map((v) => `${v}`).join(' | '), is, (u, c) => (is(u) ? t.success(u) : t.failure(u, c)), t.identity)
    this.values = values
  }
}

/** One of a few values, as a codec. */
export const oneOf = <const A extends readonly (string | number | boolean | null)[]>(
  ...values: A
): Literals<A[number]> => new Literals(values)

/** The values a codec allows, where it lists them. */
const choices = (codec: t.Decoder<unknown, unknown>): readonly unknown[] | undefined =>
  'values' in codec && Array.isArray(codec.values) ? codec.values : undefined

const wrapped = <A, O>(
  inner: t.Mixed,
  name: string,
  is: (u: unknown) => u is A,
  validate: t.Validate<unknown, A>,
  more: readonly unknown[] = [],
): t.Type<A, O, unknown> => {
  const codec = new t.Type<A, O, unknown>(name, is, validate, inner.encode as t.Encode<A, O>)
  const values = choices(inner)
  return values === undefined ? codec : Object.assign(codec, { values: [...values, ...more] })
}

/** A codec whose missing value (absent or undefined, but not null) is the original's default. */
export const defaulted = <C extends t.Mixed>(
  codec: C,
  value: t.TypeOf<C>,
): t.Type<t.TypeOf<C>, t.OutputOf<C>, unknown> =>
  wrapped(codec, codec.name, codec.is as (u: unknown) => u is t.TypeOf<C>, (u, c) =>
    u === undefined ? t.success(value) : (codec.validate(u, c) as t.Validation<t.TypeOf<C>>),
  )

/** A codec that takes null too. */
export const nullable = <C extends t.Mixed>(codec: C): t.Type<t.TypeOf<C> | null, t.OutputOf<C> | null, unknown> =>
  wrapped(
    codec,
    `${codec.name} or null`,
    (u): u is t.TypeOf<C> | null => u === null || codec.is(u),
    (u, c) => (u === null ? t.success(null) : (codec.validate(u, c) as t.Validation<t.TypeOf<C>>)),
    [null],
  )

/** A codec of values that older configs spell otherwise: `respell` gives the present spelling. */
export const respelled = <C extends t.Mixed>(
  codec: C,
  respell: (u: unknown) => unknown,
): t.Type<t.TypeOf<C>, t.OutputOf<C>, unknown> =>
  wrapped(
    codec,
    codec.name,
    codec.is as (u: unknown) => u is t.TypeOf<C>,
    (u, c) => codec.validate(respell(u), c) as t.Validation<t.TypeOf<C>>,
  )

/** A whole number from `least` on. */
export const integer = (least = -Infinity): t.Type<number, number, unknown> => {
  const is = (u: unknown): u is number => Number.isInteger(u) && (u as number) >= least
  const name = least === -Infinity ? 'a whole number' : `a whole number from ${least}`
  return new t.Type(name, is, (u, c) => (is(u) ? t.success(u) : t.failure(u, c)), t.identity)
}

/** Two or more fields that contradict each other: the one to blame, why, and what it could be instead. */
export type Contradiction = { readonly field: string; readonly why: string; readonly allowed?: readonly string[] }

/** A codec of configs whose fields must also agree; every disagreement becomes a `ConfigError` of its field. */
export const consistent = <P extends t.Props>(
  codec: t.TypeC<P>,
  contradictions: (config: t.TypeOf<t.TypeC<P>>) => readonly Contradiction[],
): t.Type<t.TypeOf<t.TypeC<P>>, unknown, unknown> & { readonly props: P } => {
  type A = t.TypeOf<t.TypeC<P>>
  const failure = (config: A, c: t.Context, { field, why, allowed = [] }: Contradiction): t.ValidationError => {
    const value = (config as Readonly<Record<string, unknown>>)[field]
    return { value, context: t.appendContext(c, field, new Literals(allowed), value), message: why }
  }
  const validate: t.Validate<unknown, A> = (u, c) =>
    pipe(
      codec.validate(u, c),
      E.chain((config: A) => {
        const found = contradictions(config)
        return found.length === 0 ? t.success(config) : t.failures(found.map((f) => failure(config, c, f)))
      }),
    )
  const is = (u: unknown): u is A => codec.is(u) && contradictions(u).length === 0
  return Object.assign(new t.Type<A, unknown, unknown>(codec.name, is, validate, t.identity), { props: codec.props })
}

/** A config as decoded: the known fields, and the names of those that the codec does not know, which are kept in `raw`. */
export type Decoded<A> = {
  readonly config: A
  readonly unknown: readonly string[]
  readonly raw: Readonly<Record<string, unknown>>
}

const allowedBy = (codec: t.Decoder<unknown, unknown>): readonly string[] =>
  choices(codec)?.map((v) => `${v}`) ?? [codec.name]

/** The `ConfigError` of the first thing a codec objects to. */
export const configError = (errors: t.Errors): ConfigError => {
  const [error] = errors
  const entries = error?.context.filter((e) => e.key !== '') ?? []
  const path = entries.map((e) => e.key)
  const last = error?.context.at(-1)
  const allowed = [
    ...new Set(
      errors.flatMap((e) => (e.value === error?.value && e.context.at(-1) ? allowedBy(e.context.at(-1)!.type) : [])),
    ),
  ]
  const why = error?.message ?? (error?.value === undefined ? 'is missing' : 'is not supported')
  return new ConfigError(path.join('.') || (last?.type.name ?? 'config'), error?.value, allowed, why)
}

/** A JSON value as a config: missing keys get their defaults, keys the codec does not know are named, a bad value is a `ConfigError`. */
export const decodeConfig = <A>(
  codec: t.Type<A, unknown, unknown> & { readonly props: t.Props },
  json: unknown,
): E.Either<ConfigError, Decoded<A>> => {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return E.left(new ConfigError('config', json, ['an object'], 'is no config'))
  const raw = json as Readonly<Record<string, unknown>>
  return pipe(
    codec.decode(raw),
    E.mapLeft(configError),
    E.map((config) => ({
      config,
      raw,
      unknown: Object.keys(raw).filter((k) => !k.startsWith('_') && !Object.hasOwn(codec.props, k)),
    })),
  )
}
