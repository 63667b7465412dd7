import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { compile, counts, read } from '../../src/backend/compile.ts'
import { decodeConfig } from '../../src/core/config.ts'
import { CheckpointError } from '../../src/errors.ts'
import { unet2dCondition, UNet2DConditionModel } from '../../src/models/unet2d-condition.ts'
import { expectedOf, initialise } from '../../src/params/codec.ts'
import { memory } from '../../src/params/files/memory.ts'
import { loadLora } from '../../src/params/lora/load.ts'
import { applyLora, withLora, type Lora } from '../../src/params/lora/lora.ts'
import { loraName } from '../../src/params/lora/names.ts'
import { targetsOf } from '../../src/params/lora/targets.ts'
import { plan } from '../../src/passes/plan.ts'
import { seed } from '../../src/random/generator.ts'
import { conv2d, linear } from '../../src/tensor/nn.ts'
import { randn } from '../../src/tensor/noise.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { trace } from '../../src/tensor/trace.ts'
import { leaves } from '../../src/tensor/tree.ts'
import { list } from '../support/host.ts'
import { bytesOf, left, right, written } from './written.ts'

const values = (shape: readonly number[], from: number): Float32Array =>
  Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(from + 7 * i))

/** A file of F32 tensors of these shapes, or scalars of these values. */
const file = (tensors: Readonly<Record<string, readonly number[] | number>>, metadata?: object): Uint8Array => {
  let at = 0
  const data = Object.values(tensors).map((t, i) => (typeof t === 'number' ? Float32Array.of(t) : values(t, i)))
  const header = Object.entries(tensors).map(([name, t], i) => {
    const start = at
    at += data[i]!.byteLength
    return [name, { dtype: 'F32', shape: typeof t === 'number' ? [] : t, data_offsets: [start, at] }] as const
  })
  return written({ ...Object.fromEntries(header), ...(metadata && { __metadata__: metadata }) }, bytesOf(...data))
}
const loaded = (tensors: Parameters<typeof file>[0], metadata?: object, onNotes?: (n: readonly string[]) => void) =>
  right(
    loadLora(memory('a LoRA', { 'x.safetensors': file(tensors, metadata) }), {
      file: 'x.safetensors',
      ...(onNotes && { onNotes }),
    }),
  )
const refused = async (tensors: Parameters<typeof file>[0]): Promise<CheckpointError> => {
  const result = await loadLora(memory('a LoRA', { 'x.safetensors': file(tensors) }), { file: 'x.safetensors' })()
  if (E.isRight(result) || !(result.left instanceof CheckpointError)) throw new Error('was expected to be refused')
  return result.left
}
const close = (a: Tensor, b: Tensor): void => {
  const want = list(b)
  expect(a.shape).toEqual(b.shape)
  list(a).forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 5))
}
const x = (shape: readonly number[], from: number): Tensor => tensor(values(shape, from), shape)

const q = 'mid_block.attentions.0.transformer_blocks.0.attn1.to_q'
const flat = q.replaceAll('.', '_')
const at = (weight: Tensor) => ({
  mid_block: { attentions: [{ transformer_blocks: [{ attn1: { to_q: { weight } } }] }] },
})
const weightOf = (params: ReturnType<typeof at>): Tensor =>
  params.mid_block.attentions[0]!.transformer_blocks[0]!.attn1.to_q.weight
const names = {
  kohya: [`lora_unet_${flat}.lora_down.weight`, `lora_unet_${flat}.lora_up.weight`],
  peft: [`unet.${q}.lora_A.weight`, `unet.${q}.lora_B.weight`],
  'peft with the name of an adapter': [
    `base_model.model.${q}.lora_A.x.weight`,
    `base_model.model.${q}.lora_B.x.weight`,
  ],
  'attention processors': [
    `unet.${q.replace('to_q', 'processor.to_q_lora')}.down.weight`,
    `unet.${q.replace('to_q', 'processor.to_q_lora')}.up.weight`,
  ],
  diffusers: [`unet.${q}.lora.down.weight`, `unet.${q}.lora.up.weight`],
  'the original SDXL': [
    'lora_unet_middle_block_1_transformer_blocks_0_attn1_to_q.lora_down.weight',
    'lora_unet_middle_block_1_transformer_blocks_0_attn1_to_q.lora_up.weight',
  ],
} as const

describe('a linear map under a LoRA', () => {
  const w = x([3, 5], 1)
  for (const [convention, [down, up]] of Object.entries(names))
    it(`is the map and its change, by the names of ${convention}`, async () => {
      const lora = await loaded({ [down]: [2, 5], [up]: [3, 2] })
      const changed = weightOf(applyLora(at(w), [{ lora, weight: 0.5 }], 'unet'))
      const input = x([4, 5], 2)
      const beside = linear({ weight: x([3, 2], 1) })(linear({ weight: x([2, 5], 0) })(input)).mul(0.5)
      close(linear({ weight: changed })(input), linear({ weight: w })(input).add(beside))
    })
  it('is changed by alpha / rank, wherever alpha is written', async () => {
    const [down, up] = names.peft
    const factors = { [down]: [2, 5], [up]: [3, 2] }
    const plain = weightOf(applyLora(at(w), [{ lora: await loaded(factors), weight: 1 }], 'unet')).sub(w)
    const by = async (lora: Promise<Lora>, scale: number): Promise<void> =>
      close(weightOf(applyLora(at(w), [{ lora: await lora, weight: 1 }], 'unet')).sub(w), plain.mul(scale))
    const settings = (s: object): object => ({ lora_adapter_metadata: JSON.stringify(s) })
    await by(loaded({ ...factors, [`unet.${q}.alpha`]: 3 }), 3 / 2)
    await by(loaded(factors, settings({ 'unet.lora_alpha': 8, 'unet.r': 2 })), 4)
    await by(loaded(factors, settings({ 'unet.lora_alpha': 8, 'unet.alpha_pattern': { 'attn1.to_q': 5 } })), 5 / 2)
    await by(loaded(factors, settings({ 'unet.lora_alpha': 8, 'unet.use_rslora': true })), 8 / Math.sqrt(2))
  })
  it('has rows of learned lengths under DoRA', async () => {
    const [down, up] = names.peft
    const lora = await loaded({ [down]: [2, 5], [up]: [3, 2], [`unet.${q}.lora_magnitude_vector.weight`]: [3] })
    const changed = weightOf(applyLora(at(w), [{ lora, weight: 0.5 }], 'unet'))
    close(changed.square().sum(1).sqrt().reshape(3), x([3], 2).abs())
  })
})

describe('a convolution under a LoRA', () => {
  const input = x([2, 3, 6, 5], 4)
  const params = (weight: Tensor) => ({ up_blocks: [{ resnets: [{ conv1: { weight } }] }] })
  const changed = async (weight: Tensor, tensors: Parameters<typeof file>[0]): Promise<Tensor> => {
    const lora = await loaded(tensors)
    return applyLora(params(weight), [{ lora, weight: 1 }], 'unet').up_blocks[0]!.resnets[0]!.conv1.weight
  }
  const name = 'lora_unet_up_blocks_0_resnets_0_conv1'

  it('is that and a narrow convolution beside it', async () => {
    const w = x([4, 3, 3, 3], 1)
    const lora = await changed(w, {
      [`${name}.lora_down.weight`]: [2, 3, 3, 3],
      [`${name}.lora_up.weight`]: [4, 2, 1, 1],
    })
    const narrow = conv2d({ weight: x([2, 3, 3, 3], 0) }, { padding: 1 })(input)
    const beside = conv2d({ weight: x([4, 2, 1, 1], 1) })(narrow)
    close(conv2d({ weight: lora }, { padding: 1 })(input), conv2d({ weight: w }, { padding: 1 })(input).add(beside))
  })
  it('of 1×1 may be written as a linear map, and the other way round', async () => {
    const factors = { [`${name}.lora_down.weight`]: [2, 3], [`${name}.lora_up.weight`]: [4, 2] }
    const asConvolution = { [`${name}.lora_down.weight`]: [2, 3, 1, 1], [`${name}.lora_up.weight`]: [4, 2, 1, 1] }
    close(await changed(x([4, 3, 1, 1], 1), factors), (await changed(x([4, 3], 1), asConvolution)).reshape(4, 3, 1, 1))
  })
  it('has a core of its own under LoCon', async () => {
    const w = x([4, 3, 3, 3], 1)
    const lora = await changed(w, {
      [`${name}.lora_down.weight`]: [2, 3, 1, 1],
      [`${name}.lora_mid.weight`]: [2, 2, 3, 3],
      [`${name}.lora_up.weight`]: [4, 2, 1, 1],
    })
    const inner = conv2d({ weight: x([2, 2, 3, 3], 1) }, { padding: 1 })(conv2d({ weight: x([2, 3, 1, 1], 0) })(input))
    const beside = conv2d({ weight: x([4, 2, 1, 1], 2) })(inner)
    close(conv2d({ weight: lora }, { padding: 1 })(input), conv2d({ weight: w }, { padding: 1 })(input).add(beside))
  })
})

const config = decodeConfig(UNet2DConditionModel.config, {
  block_out_channels: [4, 8],
  down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
  layers_per_block: 1,
  norm_num_groups: 2,
  attention_head_dim: 2,
  cross_attention_dim: 6,
})
if (E.isLeft(config)) throw config.left
const codec = UNet2DConditionModel.params(config.right.config)
const unet = { config: config.right.config, params: initialise(codec, seed(1)) }
/** A LoRA of rank 2 of every matrix and kernel. */
const everywhere = (alpha: number): Promise<Lora> =>
  loaded(
    Object.fromEntries(
      [...expectedOf(codec)].flatMap(([path, [out, ...rest]]): (readonly [string, readonly number[] | number])[] => {
        if (rest.length === 0) return []
        const name = `lora_unet_${path.replace(/\.weight$/, '').replaceAll('.', '_')}`
        const up = rest.length === 3 ? [out!, 2, 1, 1] : [out!, 2]
        return [
          [`${name}.lora_down.weight`, [2, ...rest]],
          [`${name}.lora_up.weight`, up],
          [`${name}.alpha`, alpha],
        ]
      }),
    ),
  )

describe('a whole model under LoRAs', () => {
  const sample = randn(seed(2), [1, 4, 4, 4])
  const encoderHiddenStates = randn(seed(3), [1, 5, 6])
  const predict = (params: typeof unet.params): Tensor =>
    unet2dCondition({ ...unet, params })({ sample, timestep: 500, encoderHiddenStates })

  it('has a target for every matrix and kernel, and keeps all others', async () => {
    const lora = await everywhere(1)
    const under = new Map(leaves(applyLora(unet.params, [{ lora, weight: 1 }], 'unet')))
    for (const [path, leaf] of leaves(unet.params))
      expect((under.get(path) as Tensor) === leaf, path).toBe((leaf as Tensor).shape.length === 1)
  })
  it('is itself where the weights are zero, and adds LoRAs up', async () => {
    const [a, b] = [await everywhere(1), await everywhere(3)]
    const none = leaves(applyLora(unet.params, [{ lora: a, weight: 0 }], 'unet'))
    expect(none).toEqual(leaves(unet.params))
    const both = applyLora(
      unet.params,
      [
        { lora: a, weight: 0.1 },
        { lora: b, weight: -0.05 },
      ],
      'unet',
    )
    const once = applyLora(unet.params, [{ lora: a, weight: 0.1 }], 'unet')
    close(predict(both), predict(applyLora(once, [{ lora: b, weight: -0.05 }], 'unet')))
  })
  it('is traced once for every weight, and once for every LoRA of the same ranks', async () => {
    const [a, b] = [await everywhere(1), await everywhere(3)]
    const run = compile((lora: Lora, weight: number) => predict(applyLora(unet.params, [{ lora, weight }], 'unet')), {
      backend: 'host',
    })
    const before = counts.traces
    for (const [lora, weight] of [
      [a, 0],
      [a, 0.1],
      [a, -0.2],
      [b, 0.1],
    ] as const) {
      const want = list(predict(applyLora(unet.params, [{ lora, weight }], 'unet')), 'f32')
      const got = await read(run(lora, weight))
      got.forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 3))
    }
    expect(counts.traces - before).toBe(1)
  })
  it('multiplies the factors once, and of constant weights adds once too', () => {
    const lora = {
      unet: { [flat]: { name: 'q', down: x([2, 5], 0), up: x([3, 2], 1), alpha: 2 } },
      text_encoder: {},
      text_encoder_2: {},
    }
    const ops = (weight: number | undefined): string[] =>
      plan(
        trace(
          (h: Tensor, w: number) =>
            linear({ weight: weightOf(applyLora(at(x([3, 5], 1)), [{ lora, weight: weight ?? w }], 'unet')) })(h),
          [x([1, 5], 2), 1],
        ).graph,
      ).steps.map(({ node }) => (node._tag === 'Map' ? node.op : node._tag))
    expect(ops(0.5).filter((op) => op === 'Dot' || op === 'add' || op === 'mul')).toEqual(['Dot'])
    expect(
      ops(undefined)
        .filter((op) => op === 'Dot' || op === 'add' || op === 'mul')
        .sort(),
    ).toEqual(['Dot', 'add', 'mul'])
  })
})

describe('what does not fit', () => {
  const [down, up] = names.kohya
  it('is named when it is read', async () => {
    const error = await refused({
      [down]: [2, 5],
      'lora_unet_x.hada_w1_a': [2, 2],
      other: [1],
      [`lora_te_y.lora_up.weight`]: [3, 2],
    })
    expect(error.problems).toEqual([
      'lora_unet_x.hada_w1_a: is no tensor of a LoRA that is known here',
      'other: is no tensor of a LoRA that is known here',
      `lora_unet_${flat}: has no up tensor`,
      'lora_te_y: has no down tensor',
    ])
    const [a, b] = names.peft
    const twice = await refused({ [down]: [2, 5], [up]: [3, 2], [a]: [2, 5], [b]: [3, 2] })
    expect(twice.problems).toEqual([
      `${down}: is there under another name too`,
      `${up}: is there under another name too`,
    ])
    expect((await left(loadLora(memory('nothing', {})))).message).toMatch(/pytorch_lora_weights\.safetensors/)
  })
  it('is named when it is applied', async () => {
    const wrong = await loaded({ [down]: [2, 4], [up]: [3, 2] })
    expect(() => applyLora(at(x([3, 5], 1)), [{ lora: wrong, weight: 1 }], 'unet')).toThrow(
      `lora_unet_${flat}: up f32[3,2], down f32[2,4] change f32[3,4], expected f32[3,5], ${q}.weight`,
    )
    const strange = await loaded({
      'lora_unet_nowhere.lora_down.weight': [2, 4],
      'lora_unet_nowhere.lora_up.weight': [3, 2],
    })
    const told: string[] = []
    const w = x([3, 5], 1)
    expect(() => applyLora(at(w), [{ lora: strange, weight: 1 }], 'unet')).toThrow(CheckpointError)
    const same = applyLora(at(w), [{ lora: strange, weight: 1 }], 'unet', { onNotes: (n) => told.push(...n) })
    expect(weightOf(same)).toBe(w)
    expect(told).toEqual(['lora_unet_nowhere: changes no parameter of this unet'])
  })
  it('is a whole model, where the checkpoint has none', async () => {
    const lora = await loaded({ 'lora_te2_x.lora_down.weight': [2, 5], 'lora_te2_x.lora_up.weight': [3, 2] })
    expect(() => withLora({ unet: { params: at(x([3, 5], 1)) } }, [{ lora, weight: 1 }])).toThrow(/text_encoder_2/)
  })
  it('is told of, where diffusers leaves it out too', async () => {
    const told: string[] = []
    await loaded({ [down]: [2, 5], [up]: [3, 2], [`lora_unet_${flat}.dora_scale`]: [3, 1] }, undefined, (n) =>
      told.push(...n),
    )
    expect(told).toEqual([`lora_unet_${flat}.dora_scale: is not used`])
  })
})

describe('names', () => {
  it('of text encoders come with and without a prefix, and by their old names', () => {
    const params = {
      text_model: {
        encoder: { layers: [{ self_attn: { q_proj: { weight: x([2, 2], 0) }, out_proj: { weight: x([2, 2], 1) } } }] },
      },
    }
    const targets = targetsOf(params, 'text_encoder')
    const path = (name: string): string | undefined => targets.get(loraName(name)?.key ?? '')?.path
    const layer = 'text_model.encoder.layers.0.self_attn'
    for (const name of [
      'lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight',
      'text_encoder.encoder.layers.0.self_attn.q_proj.lora_A.weight',
      `text_encoder.${layer}.q_proj.lora_linear_layer.down.weight`,
      `text_encoder.${layer}.to_q_lora.down.weight`,
    ])
      expect(path(name), name).toBe(`${layer}.q_proj.weight`)
    expect(path(`text_encoder.${layer}.to_out_lora.up.weight`)).toBe(`${layer}.out_proj.weight`)
  })
  it('of the original UNet number its blocks through', () => {
    const targets = targetsOf(unet.params, 'unet')
    const original = {
      input_blocks_0_0: 'conv_in',
      input_blocks_1_0_in_layers_2: 'down_blocks.0.resnets.0.conv1',
      input_blocks_1_1_proj_in: 'down_blocks.0.attentions.0.proj_in',
      input_blocks_2_0_op: 'down_blocks.0.downsamplers.0.conv',
      input_blocks_3_0_skip_connection: 'down_blocks.1.resnets.0.conv_shortcut',
      middle_block_2_emb_layers_1: 'mid_block.resnets.1.time_emb_proj',
      output_blocks_1_1_conv: 'up_blocks.0.upsamplers.0.conv',
      output_blocks_3_1_proj_out: 'up_blocks.1.attentions.1.proj_out',
      time_embed_2: 'time_embedding.linear_2',
      out_2: 'conv_out',
    }
    for (const [name, path] of Object.entries(original)) expect(targets.get(name)?.path).toBe(`${path}.weight`)
  })
})
