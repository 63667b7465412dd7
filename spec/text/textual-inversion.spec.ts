import { fileURLToPath } from 'node:url'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { decodeConfig } from '../../src/core/config.ts'
import { CheckpointError, ConfigError } from '../../src/errors.ts'
import { clipText, CLIPTextModel } from '../../src/models/clip-text.ts'
import { initialise } from '../../src/params/codec.ts'
import { loadEmbedding, type TextualInversion } from '../../src/params/embedding.ts'
import { memory } from '../../src/params/files/memory.ts'
import { seed } from '../../src/random/generator.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { clipTokenizer } from '../../src/text/clip-tokenizer.ts'
import { withEmbeddings } from '../../src/text/textual-inversion.ts'
import { bytes, dictOf, op, tensor as pickled, zip } from '../params/pickles.ts'
import { bytesOf, left, right, written } from '../params/written.ts'
import { tokenizerIn } from '../reference/tokenizers.ts'
import { list } from '../support/host.ts'

const data = fileURLToPath(new URL('../reference/data/tokenizers', import.meta.url))
const tokenizer = await tokenizerIn(`${data}/clip_small`, clipTokenizer)
const config = decodeConfig(CLIPTextModel.config, {
  vocab_size: tokenizer.size,
  hidden_size: 4,
  intermediate_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  eos_token_id: tokenizer.encode('').at(-1)!,
})
if (E.isLeft(config)) throw config.left
const text_encoder = {
  config: config.right.config,
  params: initialise(CLIPTextModel.params(config.right.config), seed(1)),
}
const parts = { tokenizer, text_encoder, other: 'kept' }

const vectors = (count: number, width = 4): Tensor =>
  tensor(
    Array.from({ length: count * width }, (_, i) => Math.cos(i)),
    [count, width],
  )
const table = (encoder: typeof text_encoder): Tensor => encoder.params.text_model.embeddings.token_embedding.weight
const inside = (ids: readonly number[]): readonly number[] => ids.slice(1, -1)
const n = tokenizer.size

describe('a checkpoint with learned words', () => {
  const style: TextualInversion = { token: '<style>', vectors: vectors(3) }
  const thing: TextualInversion = { token: '<thing>', vectors: vectors(1).mul(2).reshape(4) }
  const sd = withEmbeddings(parts, [style, thing])

  it('has their vectors after those it had, and the rest as it was', () => {
    expect(table(sd.text_encoder).shape).toEqual([n + 4, 4])
    expect(sd.text_encoder.config.vocab_size).toBe(n + 4)
    expect(list(table(sd.text_encoder), 'f32').slice(0, 4 * n)).toEqual(list(table(text_encoder), 'f32'))
    const added = [...list(vectors(3), 'f32'), ...list(vectors(1).mul(2), 'f32')]
    expect(list(table(sd.text_encoder), 'f32').slice(4 * n)).toEqual(added)
    expect(sd.text_encoder.params.text_model.encoder).toBe(text_encoder.params.text_model.encoder)
    expect(sd.other).toBe('kept')
    expect([tokenizer.size, table(text_encoder).shape[0]]).toEqual([n, n])
  })
  it('reads a word as all of its vectors, as diffusers does', () => {
    const ids = (text: string): readonly number[] => inside(sd.tokenizer.encode(text))
    const words = inside(tokenizer.encode('a photo in'))
    expect(ids('a photo in <style>')).toEqual([...words, n, n + 1, n + 2])
    expect(ids('<thing><style> <thing>')).toEqual([n + 3, n, n + 1, n + 2, n + 3])
    // diffusers looks for the word in the text as it was written.
    expect(ids('<STYLE>')).toEqual([n])
    expect(ids('style')).toEqual(inside(tokenizer.encode('style')))
    expect(sd.tokenizer.encode('<style>', { maxLength: 4 }).slice(1, 3)).toEqual([n, n + 1])
    expect(sd.tokenizer.decode(ids('<style>')).replaceAll(' ', '')).toBe('<style><style>_1<style>_2')
    expect(inside(sd.tokenizer.withTokens(['<more>']).encode('<more> <style>'))).toEqual([n + 4, n, n + 1, n + 2])
  })
  it('encodes a word as what its vectors say', () => {
    const [word, copy] = [tokenizer.idOf('.</w>')!, '<copy>']
    const same = withEmbeddings(parts, [{ token: copy, vectors: table(text_encoder).slice(0, word, word + 1) }])
    const states = (sd: typeof parts, text: string): number[] => {
      const ids = sd.tokenizer.encode(text)
      return list(clipText(sd.text_encoder)(tensor([...ids], [1, ids.length], 'i32')).lastHiddenState)
    }
    expect(states(same, 'a <copy>')).toEqual(states(parts, 'a .'))
  })
  it('gives each encoder of SDXL its own vectors', () => {
    const xl = { ...parts, tokenizer_2: tokenizer, text_encoder_2: text_encoder }
    const {
      tokenizer: first,
      tokenizer_2: second,
      text_encoder_2: encoder,
    } = withEmbeddings(xl, [{ token: '<x>', vectors: vectors(1), vectors2: vectors(2) }])
    expect(inside(first.encode('<x>'))).toEqual([n])
    expect(inside(second.encode('<x>'))).toEqual([n, n + 1])
    expect(table(encoder).shape).toEqual([n + 2, 4])
  })
  it('fills up a table that ends before the tokenizer does', () => {
    const short = { ...parts, tokenizer: tokenizer.withTokens(['<one>', '<two>']) }
    const rows = list(table(withEmbeddings(short, [{ token: '<x>', vectors: vectors(1) }]).text_encoder), 'f32')
    expect(rows.slice(4 * n)).toEqual([...Array.from({ length: 8 }, () => 0), ...list(vectors(1), 'f32')])
  })
  it('takes no word twice, and no vectors of another width or encoder', () => {
    expect(() => withEmbeddings(sd, [thing])).toThrow(ConfigError)
    expect(() => withEmbeddings(parts, [{ ...style, token: '.</w>' }])).toThrow(/a word of the tokenizer already/)
    expect(() => withEmbeddings(parts, [{ token: '<x>', vectors: vectors(2, 5) }])).toThrow(CheckpointError)
    expect(() => withEmbeddings(parts, [{ token: '<x>', vectors2: vectors(1) }])).toThrow(/second text encoder/)
  })
})

describe('a file of a learned word', () => {
  const file = (...tensors: readonly (readonly [string, readonly number[]])[]): Uint8Array => {
    let at = 0
    const header = tensors.map(([name, shape]) => {
      const start = at
      at += 4 * shape.reduce((x, d) => x * d, 1)
      return [name, { dtype: 'F32', shape, data_offsets: [start, at] }] as const
    })
    return written(Object.fromEntries(header), bytesOf(Float32Array.from({ length: at / 4 }, (_, i) => i)))
  }
  const read = (path: string, content: Uint8Array, token?: string) =>
    loadEmbedding(memory('here', { [path]: content }), { file: path, ...(token && { token }) })

  it('names it, or has it named', async () => {
    const own = await right(read('x.safetensors', file(['<thing>', [1, 4]])))
    expect([own.token, own.vectors?.shape]).toEqual(['<thing>', [1, 4]])
    const given = await right(read('x.safetensors', file(['emb_params', [3, 4]]), '<style>'))
    expect([given.token, list(given.vectors!)]).toEqual(['<style>', Array.from({ length: 12 }, (_, i) => i)])
    const nameless = await read('x.safetensors', file(['emb_params', [3, 4]]))()
    expect(nameless).toMatchObject({ _tag: 'Left', left: { _tag: 'ConfigError', field: 'token' } })
  })
  it('may be found under its usual name', async () => {
    const files = memory('here', { 'learned_embeds.safetensors': file(['<thing>', [4]]) })
    expect((await right(loadEmbedding(files))).token).toBe('<thing>')
  })
  it("may hold the vectors of SDXL's two encoders", async () => {
    const both = await right(read('x.safetensors', file(['clip_g', [2, 6]], ['clip_l', [2, 4]]), '<x>'))
    expect([both.vectors?.shape, both.vectors2?.shape]).toEqual([
      [2, 4],
      [2, 6],
    ])
  })

  const archive = (pickle: Uint8Array): Uint8Array =>
    zip([
      { name: 'style/data.pkl', data: pickle },
      { name: 'style/data/0', data: bytesOf(Float32Array.from({ length: 8 }, (_, i) => i)) },
    ])
  it("may be one of the web UI's, in a pickle that is read and not run", async () => {
    const params = bytes(op.emptyDict, op.text('*'), pickled('0', 8, [2, 4], [4, 1]), op.setItem)
    const pickle = dictOf({ string_to_param: params, name: op.text('my-style'), step: op.int(500) })
    const found = await right(read('style.pt', archive(pickle)))
    expect([found.token, list(found.vectors!)]).toEqual(['my-style', [0, 1, 2, 3, 4, 5, 6, 7]])
    expect((await right(read('style.pt', archive(pickle), '<s>'))).token).toBe('<s>')
    const outside = bytes(op.emptyDict, op.text('*'), pickled('0', 8, [2, 4], [4, 1], 4), op.setItem)
    expect((await left(read('x.pt', archive(dictOf({ string_to_param: outside }))))).problem).toBe('corrupt')
  })
  it('is refused where it is something else', async () => {
    const model = await left(read('x.safetensors', file(['a.weight', [1]], ['b.weight', [1]])))
    expect(model.message).toMatch(/a\.weight, b\.weight, and no one embedding/)
    expect((await left(read('x.safetensors', file(['a', [1, 1, 1]])))).problem).toBe('corrupt')
    expect((await left(read('x.pt', archive(dictOf({ epoch: op.int(1) }))))).message).toMatch(/string_to_param/)
  })
})
