// GGUF files of others: gate and up apart, 0 heads in Mamba layers, names with other endings, a repeated head; and what is not PLaMo 2's.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadModel } from '../../../lm/index.ts';
import { namedParameters } from '../../../nn/index.ts';
import { GgufFile, type GgufTensor, type GgufTyped, quantizePieces, writeGguf } from '../../../store/index.ts';
import { scope, type Tensor } from '../../../torch/index.ts';
import { exportGguf } from './export-gguf.ts';
import { ExportHome } from './gguf.testing.ts';
import { importGguf } from './import-gguf.ts';

const home = new ExportHome();
const place = mkdtempSync(join(tmpdir(), 'tsumugi-foreign-'));
const path = join(place, 'foreign.gguf');
afterAll(() => {
  home[Symbol.dispose]();
  rmSync(place, { recursive: true });
});

let folder: string;
beforeAll(async () => {
  folder = home.model('model', { attention_window_size: 256 });
  await exportGguf(home.config(folder));
});

const typed = (key: string, value: unknown): GgufTyped => {
  if (typeof value === 'string') return { string: value };
  if (typeof value === 'boolean') return { bool: value };
  if (typeof value === 'number')
    return Number.isInteger(value) && !/eps|freq/.test(key) ? { u32: value } : { f32: value };
  const list = value as (string | number)[];
  if (typeof list[0] === 'string') return { strings: list as string[] };
  return key.endsWith('scores') ? { f32s: list as number[] } : { i32s: list as number[] };
};

interface Foreign {
  metadata?: Record<string, unknown>;
  /** Names and values of the tensors in a tensor's place; none to leave it out. */
  tensors?: (name: string, value: Tensor) => [string, Tensor][];
  type?: (name: string) => GgufTensor['type'];
  more?: GgufTensor[];
}

/** Our file, written again as another converter would. */
async function rewrite({ metadata = {}, tensors, type = () => 'F32', more = [] }: Foreign): Promise<void> {
  using file = new GgufFile(home.at('model.gguf'));
  const said = { ...Object.fromEntries(file.metadata), 'tsumugi.config': undefined, ...metadata };
  const entries = Object.entries(said).filter(([, value]) => value !== undefined);
  const kept: Tensor[] = [];
  const all = [...file.tensors.keys()].flatMap((name) => {
    const pairs = scope(() => {
      const value = file.tensor(name);
      return (tensors?.(name, value) ?? [[name, value]]).map(
        ([name, part]) => [name, part.contiguous().keep()] as const,
      );
    });
    kept.push(...pairs.map(([, value]) => value));
    return pairs.map(([name, value]): GgufTensor => {
      const chosen = type(name);
      return { name, type: chosen, shape: value.shape, pieces: () => quantizePieces(chosen, value) };
    });
  });
  await writeGguf(path, Object.fromEntries(entries.map(([key, value]) => [key, typed(key, value)])), [...all, ...more]);
  for (const tensor of kept) tensor.dispose();
}

const imported = async () => {
  const out = join(place, `out-${Math.random()}`);
  await importGguf({ model: path, out });
  return loadModel(out);
};

it('are read, and the model is the same', async () => {
  await rewrite({
    metadata: { 'plamo2.attention.head_count': [0, 4, 0, 4] },
    tensors(name, value) {
      if (!name.endsWith('ffn_up.weight')) return [[name.replace(/post_ffw_norm$/, 'post_ffw_norm.weight'), value]];
      const half = value.size(0) / 2;
      return [
        [name.replace('ffn_up', 'ffn_gate'), value.narrow(0, 0, half)],
        [name, value.narrow(0, half, half)],
      ];
    },
    more: [{ name: 'rope_freqs.weight', type: 'F32', shape: [1], pieces: () => [new Uint8Array(4)] }],
  });
  using before = loadModel(folder);
  using after = await imported();
  const { rope_theta, max_position_embeddings, mamba_chunk_size, ...rest } = before.config; // not in such a file
  expect(after.config).toMatchObject(rest);
  const values = new Map(namedParameters(after));
  for (const [name, tensor] of namedParameters(before))
    expect(
      scope(() => values.get(name)!.sub(tensor).abs().amax().item()),
      name,
    ).toBeLessThan(3e-7);
});

it('are dequantized', async () => {
  await rewrite({
    type: (name) => (name.endsWith('ffn_up.weight') ? 'Q8_0' : name === 'token_embd.weight' ? 'BF16' : 'F32'),
  });
  using before = loadModel(folder);
  using after = await imported();
  const off = (path: string) => {
    const [a, b] = [before, after].map((model) => new Map(namedParameters(model)).get(path)!);
    return scope(() => a!.sub(b!).abs().amax().item() / a!.abs().amax().item());
  };
  expect(off('model.layers.layers.0.mlp.gate_up_proj.weight')).toBeGreaterThan(0);
  expect(off('model.layers.layers.0.mlp.gate_up_proj.weight')).toBeLessThan(0.5 / 127 + 1e-3);
  expect(off('model.embed_tokens.weight')).toBeLessThan(2 ** -8);
});

it.each<[string, Foreign, RegExp]>([
  ['another architecture', { metadata: { 'general.architecture': 'llama' } }, /is a model of the architecture "llama"/],
  ['one part of several', { metadata: { 'split.count': 3 } }, /is one of 3 parts of a model \(split.count\)/],
  ['an adapter', { metadata: { 'general.type': 'adapter' } }, /is an adapter, no model/],
  ['no size', { metadata: { 'plamo2.ssm.state_size': undefined } }, /does not say plamo2.ssm.state_size/],
  ['another number of layers', { metadata: { 'plamo2.attention.head_count_kv': [0, 2] } }, /has 2 values of plamo2.attention/],
  ['Mamba layers elsewhere', { metadata: { 'plamo2.attention.head_count_kv': [2, 2, 0, 0] } }, /where no mamba_step/],
  ['a tensor too few', { tensors: (name, value) => (name === 'blk.1.ffn_down.weight' ? [] : [[name, value]]) }, /lacks the tensor "blk.1.ffn_down.weight"/],
  ['one too many', { more: [{ name: 'blk.0.ffn_exps', type: 'F32', shape: [1], pieces: () => [new Uint8Array(4)] }] }, /holds the tensor "blk.0.ffn_exps"/],
  ['another shape', { metadata: { 'plamo2.feed_forward_length': 90 } }, /"blk.0.ffn_up.weight" of the shape \[192, 64\], but its metadata ask for \[180, 64\]/],
  ['no tokenizer', { metadata: { 'tokenizer.ggml.model': 'gpt2' } }, /holds no tokenizer of PLaMo 2/],
])('are refused with the reason: %s', async (_, foreign, message) => {
  await rewrite(foreign);
  await expect(imported()).rejects.toThrow(message);
}); // biome-ignore format: a table
