/** Keys of transformers' configs that say nothing about what a model computes. */
import * as t from 'io-ts'

const inert = [
  ...[
    'architectures',
    'model_type',
    'dtype',
    'torch_dtype',
    'transformers_version',
    'tie_word_embeddings',
    'use_cache',
  ],
  ...['initializer_factor', 'initializer_range', 'attention_dropout', 'classifier_dropout', 'dropout', 'dropout_rate'],
  ...[
    'bos_token_id',
    'eos_token_id',
    'pad_token_id',
    'decoder_start_token_id',
    'n_positions',
    'output_past',
    'task_specific_params',
  ],
  ...['num_decoder_layers', 'is_decoder', 'is_encoder_decoder', 'scale_decoder_outputs', 'gradient_checkpointing'],
]

/** A codec of configs that also knows, and does not decode, the keys that transformers writes into every config. */
export const withInertKeys = <A>(
  codec: t.Type<A, unknown, unknown> & { readonly props: t.Props },
): t.Type<A, unknown, unknown> & { readonly props: t.Props } =>
  Object.assign(new t.Type<A, unknown, unknown>(codec.name, codec.is, codec.validate, codec.encode), {
    props: { ...Object.fromEntries(inert.map((key) => [key, t.unknown])), ...codec.props },
  })
