/** What a model is, to the loader: a codec for its config, and from the config a codec for its parameters. */
import type * as t from 'io-ts'
import type { ParamCodec } from './codec.ts'

/** One architecture: everything needed to read a checkpoint of it. */
export type Architecture<C, P> = {
  /** The name in `_class_name` and in model_index.json. */
  readonly className: string
  /** Decodes config.json; missing keys get the original's defaults. */
  readonly config: t.Type<C, unknown, unknown> & { readonly props: t.Props }
  /** The parameters that a config calls for. */
  readonly params: (config: C) => ParamCodec<P>
  /** The present name of a tensor under an old one (`query` → `to_q`); names it does not know it returns unchanged. */
  readonly rename: (name: string) => string
}

/** A model as loaded: its decoded config and its parameters. Functions of it are pure. */
export type Model<C, P> = { readonly config: C; readonly params: P }
