// Mean squares by hand, and their files: ours, llama.cpp's, and its older ones.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { initialWeights, Plamo2, preset } from '../../lm/index.ts';
import { TinyModel } from '../../lm/tiny-model.testing.ts';
import { namedModules, tensorAt } from '../../nn/index.ts';
import { GgufFile, type GgufTensor, writeGguf } from '../../store/index.ts';
import { noGrad, scope, tensor } from '../../torch/index.ts';
import { calibrationTexts, collectActivations, readImportance, writeImportance } from './index.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-imatrix-'));
afterAll(() => rmSync(home, { recursive: true }));
const at = (name: string) => join(home, name);

const config = preset('mini', {
  ...{ hidden_size: 8, intermediate_size: 6, num_hidden_layers: 2, num_attention_heads: 1, num_key_value_heads: 1 },
  ...{ hidden_size_per_head: 4, mamba_num_heads: 2, mamba_d_state: 2, vocab_size: 16 },
});

it('is the mean square of what enters each matrix', async () => {
  using model = new Plamo2(config, initialWeights(0));
  const before = [...namedModules(model)].map(([, module]) => module);
  const texts = [[1, 2, 3], [], [4, 5]];
  const seen: number[] = [];
  const { means, tokens } = await collectActivations(model, texts, { onText: (done) => void seen.push(done) });
  expect(tokens).toBe(5);
  expect(seen).toEqual([1, 2, 3]);
  // The first mixer's input: the normed embedding, whose offset is 1 and whose weight is 0.
  const expected = new Float64Array(8);
  const table = scope(() => tensorAt(model, 'model.embed_tokens.weight').data() as Float32Array);
  for (const id of [1, 2, 3, 4, 5]) {
    const row = table.subarray(8 * id, 8 * id + 8);
    const rms = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / 8 + config.rms_norm_eps);
    for (const [i, value] of row.entries()) expected[i]! += (value / rms) ** 2 / 5;
  }
  const found = means.get('model.layers.layers.0.mixer.in_proj')!;
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  const widths = [...means].map(([path, { length }]) => `${path.replace('model.layers.layers.', '')} ${length}`);
  expect(widths.sort()).toEqual([
    '0.mixer.bcdt_proj 8', '0.mixer.dt_proj 64', '0.mixer.in_proj 8', '0.mixer.out_proj 8', '0.mlp.down_proj 6',
    '0.mlp.gate_up_proj 8', '1.mixer.o_proj 4', '1.mixer.qkv_proj 8', '1.mlp.down_proj 6', '1.mlp.gate_up_proj 8',
    'model.embed_tokens 8',
  ]); // biome-ignore format: a table
  // The head's input: normed, so its channels' mean squares average 1.
  const head = means.get('model.embed_tokens')!;
  expect(head.reduce((sum, value) => sum + value, 0) / 8).toBeCloseTo(1, 3);
  expect([...namedModules(model)].map(([, module]) => module)).toEqual(before);
});

it('leaves the model as it was when it is stopped, and needs a token', async () => {
  using model = new Plamo2(config, initialWeights(0));
  const logits = () => noGrad(() => scope(() => model.logits(model.forward(tensor([[1n, 2n]]))).tolist()));
  const before = logits();
  const stop = () => {
    throw new Error('stop');
  };
  await expect(collectActivations(model, [[1], [2]], { onText: stop })).rejects.toThrow('stop');
  await expect(collectActivations(model, [[]])).rejects.toMatchObject({ code: 'no-calibration-text' });
  expect(logits()).toEqual(before);
});

it('comes back from its file, which is llama.cpp’s', async () => {
  const means = new Map([
    ['blk.0.ffn_up.weight', Float32Array.of(0.5, 2, 0)],
    ['blk.1.ffn_up.weight', Float32Array.of(1)],
  ]);
  await writeImportance(at('m.gguf'), { means, tokens: 600, texts: ['猫.txt'] });
  expect(readImportance(at('m.gguf'))).toEqual({ means, tokens: 600, texts: ['猫.txt'] });
  using file = new GgufFile(at('m.gguf'));
  expect(scope(() => file.tensor('blk.0.ffn_up.weight.in_sum2').tolist())).toEqual([[300, 1200, 0]]);
  expect(file.tensors.get('blk.0.ffn_up.weight.counts')!.shape).toEqual([1, 1]);
  const said = ['general.type', 'imatrix.chunk_count', 'imatrix.chunk_size'].map((key) => file.metadata.get(key));
  expect(said).toEqual(['imatrix', 2, 512]);
});

const f32 = (name: string, ...values: number[]): GgufTensor => ({
  ...{ name, type: 'F32', shape: [1, values.length] },
  pieces: () => [new Uint8Array(Float32Array.from(values).buffer)],
});

it('of llama.cpp: sums by counts, in GGUF and in the older format', async () => {
  await writeGguf(at('llama.gguf'), { 'general.type': { string: 'imatrix' } }, [
    ...[f32('a.weight.in_sum2', 8, 2), f32('a.weight.counts', 4)],
    ...[f32('b.weight.in_sum2', 0, 0), f32('b.weight.counts', 0)], // never used: nothing is known
  ]);
  expect([...readImportance(at('llama.gguf')).means]).toEqual([['a.weight', Float32Array.of(2, 0.5)]]);
  const i32 = (value: number) => Buffer.from(Int32Array.of(value).buffer);
  const sums = Buffer.from(Float32Array.of(6, 3).buffer);
  const dat = Buffer.concat([
    i32(1),
    i32(8),
    Buffer.from('a.weight'),
    i32(3),
    i32(2),
    sums,
    i32(3),
    i32(1),
    Buffer.from('t'),
  ]);
  writeFileSync(at('old.dat'), dat);
  const old = readImportance(at('old.dat'));
  expect([...old.means]).toEqual([['a.weight', Float32Array.of(2, 1)]]);
  expect(old.tokens).toBe(3 * 512);
  for (const length of [2, 20, 30]) {
    writeFileSync(at('cut.dat'), dat.subarray(0, length));
    expect(() => readImportance(at('cut.dat'))).toThrow(expect.objectContaining({ code: 'bad-imatrix' }));
  }
});

it.each<[string, GgufTensor[], RegExp]>([
  ['no sums', [f32('x', 1)], /holds no importance matrix/],
  ['no counts', [f32('a.in_sum2', 1)], /has no counts of "a"/],
  ['counts of experts', [f32('a.in_sum2', 1, 1), f32('a.counts', 1, 1)], /has 2 counts of "a"/],
  ['negative squares', [f32('a.in_sum2', -1), f32('a.counts', 1)], /no means of squares/],
])('is refused: %s', async (_, tensors, message) => {
  await writeGguf(at('bad.gguf'), {}, tensors);
  expect(() => readImportance(at('bad.gguf'))).toThrow(message);
});

it('is measured on the beginnings of documents', async () => {
  using tiny = new TinyModel();
  const tokenizer = tiny.loadTokenizer();
  writeFileSync(at('a.jsonl'), '{"text": "猫犬鳥"}\n{"text": "山川海月日火水"}\n{"text": "木"}\n');
  const options = { sequenceLength: 5, maxTokens: 8 };
  const texts = await calibrationTexts([at('a.jsonl')], tokenizer, options);
  expect(texts.map((ids) => ids.length)).toEqual([4, 4]); // with BOS; the second is cut to what is left
  expect(texts[0]![0]).toBe(tokenizer.bosId);
  const whole = await calibrationTexts([at('a.jsonl')], tokenizer, { sequenceLength: 3, maxTokens: 9, whole: true });
  const [first, second] = ['猫犬鳥', '山川海月日火水'].map((text) => tokenizer.encode(text, { addBos: true }));
  expect(whole).toEqual([first!.slice(0, 3), first!.slice(3), second!.slice(0, 3), second!.slice(3, 5)]);
  await expect(calibrationTexts([at('none.txt')], tokenizer)).rejects.toThrow('none.txt');
});
