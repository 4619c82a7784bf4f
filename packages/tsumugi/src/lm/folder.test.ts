// Model folders: out and in again, and every way they can be wrong.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { golden } from '../../../../tests/files.ts';
import { CheckpointError, TsumugiError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import { namedParameters, tensorAt } from '../nn/index.ts';
import { openSafetensors, writeSafetensors, writeSharded } from '../store/index.ts';
import { byteText, type Piece, SPECIAL_NAMES, writeTokenizer } from '../text/index.ts';
import { type DType, noGrad, Rng, randn, scope, type Tensor, zeros } from '../torch/index.ts';
import { type Plamo2Config, publishedConfig } from './config.ts';
import { endIds } from './engine/text-request.ts';
import { loadModel, loadTokenizer, saveModel } from './folder.ts';
import { generateText } from './generate.ts';
import { initialWeights } from './init.ts';
import { Plamo2 } from './model.ts';
import { preset } from './presets.ts';
import { tensorShapes } from './tensor-shapes.ts';

const tiny = preset('mini', {
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  hidden_size_per_head: 8,
  mamba_num_heads: 2,
  mamba_d_state: 4,
  vocab_size: 270,
});
const untied: Plamo2Config = { ...tiny, tie_word_embeddings: false };
const EMBEDDING = 'model.embed_tokens.weight';
const HEAD = 'lm_head.weight';
const Q_NORM = 'model.layers.layers.1.mixer.q_weight';
const TOGETHER = 'Check that config.json and the weights belong together.';

let home: string;
let folder: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-folder-'));
  folder = join(home, 'model');
});
afterEach(() => rmSync(home, { recursive: true }));

const bytesOf = (model: Plamo2) => new Map(namedParameters(model).map(([name, tensor]) => [name, tensor.bytes()]));

/** A folder with these tensors, however wrong. */
function writeFolder(config: Plamo2Config, change: (tensors: Map<string, Tensor>) => void, sharded = false): void {
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(publishedConfig(config)));
  scope(() => {
    const tensors = new Map([...tensorShapes(config)].map(([name, shape]) => [name, zeros(shape)]));
    change(tensors);
    if (sharded) writeSharded(folder, tensors, { maxShardBytes: 2000 });
    else writeSafetensors(join(folder, 'model.safetensors'), tensors);
  });
}

function pieces(extra: number): Piece[] {
  const special = [SPECIAL_NAMES.unk, SPECIAL_NAMES.bos, SPECIAL_NAMES.eos, SPECIAL_NAMES.pad];
  return [
    ...special.map((text, id): Piece => ({ text, score: 0, type: id === 0 ? 'UNKNOWN' : 'CONTROL' })),
    ...Array.from({ length: 256 }, (_, byte): Piece => ({ text: byteText(byte), score: 0, type: 'BYTE' })),
    ...Array.from({ length: extra }, (_, k): Piece => ({ text: `語${k}`, score: -k, type: 'NORMAL' })),
  ];
}

describe('saveModel and loadModel', () => {
  it.each([
    ['one file', tiny, undefined],
    ['shards', tiny, 2000],
    ['an untied head', untied, undefined],
  ])('bring every tensor and setting back: %s', (_name, config, maxShardBytes) => {
    writeTokenizer(join(home, 'tokenizer'), pieces(3));
    using model = new Plamo2(config, initialWeights(1));
    const lineage = saveModel(folder, model, {
      tokenizerFolder: join(home, 'tokenizer'),
      lineage: { stage: 'test', seed: 1 },
      maxShardBytes,
    });
    expect(lineage).toMatchObject({ stage: 'test', seed: 1 });
    expect(existsSync(join(folder, 'model.safetensors.index.json'))).toBe(maxShardBytes !== undefined);
    using loaded = loadModel(folder);
    expect(loaded.config).toEqual(config);
    expect(bytesOf(loaded)).toEqual(bytesOf(model));
    expect(loadTokenizer(folder).vocabSize).toBe(263);
    expect(loadTokenizer(folder).paddingIds).toBe(7);
    const json = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;
    expect(json('generation_config.json')).toEqual({ bos_token_id: 1, eos_token_id: 2 });
    expect(json('config.json')).toMatchObject({ model_type: 'plamo2', torch_dtype: 'float32', vocab_size: 270 });
  });

  it('converts to another dtype while loading', () => {
    {
      using model = new Plamo2(tiny, initialWeights(1));
      saveModel(folder, model);
    }
    using half = loadModel(folder, { dtype: 'bfloat16' });
    expect(new Set(namedParameters(half).map(([, tensor]) => tensor.dtype))).toEqual(new Set(['bfloat16']));
    saveModel(join(home, 'half'), half);
    expect(JSON.parse(readFileSync(join(home, 'half', 'config.json'), 'utf8'))).toMatchObject({
      torch_dtype: 'bfloat16',
    });
  });

  it('does not write through to the file', () => {
    using model = new Plamo2(tiny, initialWeights(1));
    saveModel(folder, model);
    {
      using loaded = loadModel(folder);
      scope(() => void namedParameters(loaded)[0]![1].detach().fill_(7));
    }
    using again = loadModel(folder);
    expect(bytesOf(again)).toEqual(bytesOf(model));
  });

  it('replaces its own folder, but nothing else', () => {
    using first = new Plamo2(tiny, initialWeights(1));
    using second = new Plamo2(tiny, initialWeights(2));
    saveModel(folder, first);
    saveModel(folder, second);
    using loaded = loadModel(folder);
    expect(bytesOf(loaded)).toEqual(bytesOf(second));
    writeFileSync(join(home, 'notes.txt'), 'mine');
    expect(thrown(TsumugiError, () => saveModel(home, first)).fields).toMatchObject({ path: home });
    expect(readdirSync(home).sort()).toEqual(['model', 'notes.txt']);
  });

  it('brings what a tokenizer folder says beside its pieces, where it says something', () => {
    const tokenizer = join(home, 'tokenizer');
    writeTokenizer(tokenizer, pieces(3));
    const place = (at: string) => join(at, 'tokenizer_config.json');
    const says = { bos_token: '<|plamo:bos|>', of_mine: 3 };
    writeFileSync(place(tokenizer), JSON.stringify(says));
    using model = new Plamo2(tiny, initialWeights(1));
    expect(saveModel(folder, model, { tokenizerFolder: tokenizer }).stage).toBe('save');
    expect(JSON.parse(readFileSync(place(folder), 'utf8'))).toMatchObject(says);
    rmSync(place(tokenizer));
    saveModel(folder, model, { tokenizerFolder: tokenizer });
    expect(existsSync(place(folder))).toBe(false);
  });

  it('does not write a model whose tensors are not those of its config', () => {
    const refused = 'the model has the tensors that its config says';
    using model = new Plamo2(tiny, initialWeights(1));
    const { config } = model;
    for (const other of [
      { ...config, vocab_size: 269 }, // one shape
      { ...config, qk_norm: false }, // fewer tensors, all of them there
      { ...config, num_hidden_layers: 3 }, // more tensors
    ]) {
      Object.defineProperty(model, 'config', { value: other, configurable: true });
      expect(() => saveModel(folder, model)).toThrow(refused);
    }
    expect(existsSync(folder)).toBe(false);
  });

  it('writes nothing when the tokenizer has more pieces than the model has rows', () => {
    writeTokenizer(join(home, 'tokenizer'), pieces(11));
    using model = new Plamo2(tiny, initialWeights(1));
    const error = thrown(TsumugiError, () => saveModel(folder, model, { tokenizerFolder: join(home, 'tokenizer') }));
    expect(error.message).toContain('has 271 pieces, but the model has a vocabulary of 270');
    expect(readdirSync(home)).toEqual(['tokenizer']);
  });
});

describe('loadModel refuses', () => {
  const mlp = 'model.layers.layers.1.mlp.down_proj.weight';

  it.each([
    ['missing-tensor', mlp, (t: Map<string, Tensor>) => void t.delete(mlp), `the weights lack "${mlp}" [16, 24]`],
    [
      'missing-tensor',
      mlp,
      (t: Map<string, Tensor>) => {
        t.set(`${mlp}s`, t.get(mlp)!);
        t.delete(mlp);
      },
      `Is "${mlp}s" meant?`,
    ],
    [
      'unexpected-tensor',
      'model.extra',
      (t: Map<string, Tensor>) => void t.set('model.extra', zeros([2, 3])),
      'the weights hold "model.extra" [2, 3], which the model in config.json does not have',
    ],
    [
      'wrong-shape',
      EMBEDDING,
      (t: Map<string, Tensor>) => void t.set(EMBEDDING, zeros([271, 16])),
      `"${EMBEDDING}" has the shape [271, 16] in the weights, but config.json asks for [270, 16]`,
    ],
    [
      'wrong-dtype',
      EMBEDDING,
      (t: Map<string, Tensor>) => void t.set(EMBEDDING, zeros([270, 16], { dtype: 'int8' })),
      `"${EMBEDDING}" holds int8 values`,
    ],
  ])('%s, naming it', (code, path, change, message) => {
    for (const sharded of [false, true]) {
      writeFolder(tiny, change, sharded);
      const error = thrown(TsumugiError, () => loadModel(folder));
      expect(error).toBeInstanceOf(CheckpointError);
      expect(error).toMatchObject({ code, fields: { path } });
      expect(error.message).toContain(message);
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    [
      'a head that is missing',
      untied,
      (t: Map<string, Tensor>) => void t.delete(HEAD),
      'Set "tie_word_embeddings" to true in config.json, or add the head.',
    ],
    [
      'norms of queries that are missing',
      tiny,
      (t: Map<string, Tensor>) => void t.delete(Q_NORM),
      'Set "qk_norm" to false in config.json if the model was trained without it; or get the folder again.',
    ],
    ['another tensor that is missing', tiny, (t: Map<string, Tensor>) => void t.delete('model.norm.weight'), TOGETHER],
    [
      'norms of queries that the config denies',
      { ...tiny, qk_norm: false },
      (t: Map<string, Tensor>) => void t.set(Q_NORM, zeros([2, 8])),
      'Set "qk_norm" to true in config.json, or take it out.',
    ],
    [
      'norms of queries in a layer that has none',
      tiny,
      (t: Map<string, Tensor>) => void t.set('model.layers.layers.0.mixer.q_weight', zeros([2, 8])),
      TOGETHER,
    ],
    [
      'a tensor that is no norm, of a model without them',
      { ...tiny, qk_norm: false },
      (t: Map<string, Tensor>) => void t.set('model.odd_weights', zeros([2])),
      TOGETHER,
    ],
    ['a tensor of another shape', tiny, (t: Map<string, Tensor>) => void t.set(EMBEDDING, zeros([271, 16])), TOGETHER],
    [
      'integers',
      tiny,
      (t: Map<string, Tensor>) => void t.set(EMBEDDING, zeros([270, 16], { dtype: 'int8' })),
      'Get the weights in a floating-point format.',
    ],
    ['a head of another shape', tiny, (t: Map<string, Tensor>) => void t.set(HEAD, zeros([3, 16])), TOGETHER],
  ])('%s, with what to do', (_, config, change, remedy) => {
    writeFolder(config, change);
    expect(thrown(CheckpointError, () => loadModel(folder)).remedy).toBe(remedy);
  });

  it('a head of another shape, naming both', () => {
    writeFolder(tiny, (tensors) => void tensors.set(HEAD, zeros([3, 16])));
    expect(thrown(CheckpointError, () => loadModel(folder)).message).toContain(
      `"${HEAD}" has the shape [3, 16] in the weights, but config.json asks for [272, 16]`,
    );
  });

  it('options of others, in both directions', () => {
    using model = new Plamo2(tiny, initialWeights(1));
    expect(() => loadModel(folder, { dtypes: 'float32' } as object)).toThrow('loadModel: there is no option "dtypes"');
    expect(thrown(TsumugiError, () => saveModel(folder, model, { tokenizer: 'x' } as object))).toMatchObject({
      message: expect.stringContaining('saveModel: there is no option "tokenizer"'),
      remedy: 'Write { tokenizerFolder }, the folder that writeTokenizer wrote.',
    });
  });

  it('folders that hold no model, and configs with mistakes', () => {
    expect(thrown(TsumugiError, () => loadModel(folder)).message).toContain(`${folder} does not exist`);
    expect(thrown(TsumugiError, () => loadModel(home)).message).toContain('has no config.json');
    mkdirSync(folder);
    const config = (value: unknown) => writeFileSync(join(folder, 'config.json'), JSON.stringify(value));
    config({ ...publishedConfig(tiny), hiden_size: 16 });
    expect(thrown(TsumugiError, () => loadModel(folder)).message).toContain('Did you mean "hidden_size"?');
    config({ model_type: 'llama' });
    expect(thrown(TsumugiError, () => loadModel(folder)).message).toContain('model_type is "llama"');
    config(publishedConfig(tiny));
    expect(thrown(TsumugiError, () => loadModel(folder)).message).toContain('holds no .safetensors file');
    expect(thrown(TsumugiError, () => loadTokenizer(folder)).message).toContain('there is no tokenizer at');
  });
});

describe('a tied model with a head in its file', () => {
  /** The embedding, with rows of padding after it and one number changed. */
  const headed = (rows: number, change?: [row: number, value: number], dtype: DType = 'float32') =>
    writeFolder({ ...tiny, vocab_size: 270 }, (tensors) => {
      const embedding = randn([270, 16], new Rng(3));
      tensors.set(EMBEDDING, embedding);
      const head = zeros([rows, 16]);
      head.narrow(0, 0, Math.min(rows, 270)).copy_(embedding.narrow(0, 0, Math.min(rows, 270)));
      if (rows > 270) head.narrow(0, 270, rows - 270).fill_(5);
      if (change) head.select(0, change[0]).select(0, 7).fill_(change[1]);
      tensors.set(HEAD, head.to(dtype));
    });

  it.each([270, 272])('loads when it is the embedding, of %i rows', (rows) => {
    headed(rows);
    using model = loadModel(folder);
    expect(model.lm_head).toBeUndefined();
  });

  it('loads when it is the embedding in another dtype', () => {
    headed(272, undefined, 'bfloat16');
    loadModel(folder).dispose();
  });

  it('is refused with both choices when it differs, and loads by either', () => {
    headed(272, [269, 2]);
    const error = thrown(TsumugiError, () => loadModel(folder));
    expect(error).toMatchObject({ code: 'untied-head', fields: { path: HEAD } });
    expect(error.message).toContain('differs from it (first in row 269)');
    expect(error.remedy).toBe(
      'Set "tie_word_embeddings" to false in config.json to use the head; or take the head out of the file to use the embedding for both.',
    );
    const config = join(folder, 'config.json');
    writeFileSync(config, JSON.stringify({ ...publishedConfig(tiny), tie_word_embeddings: false }));
    using model = loadModel(folder);
    expect(tensorAt(model, 'lm_head.weight').shape).toEqual([272, 16]);
  });

  it('is refused when it holds NaN', () => {
    headed(272, [3, Number.NaN]);
    expect(thrown(TsumugiError, () => loadModel(folder)).message).toContain('first in row 3');
  });

  it('does not advise what would not load', () => {
    headed(270, [0, 2]);
    expect(thrown(TsumugiError, () => loadModel(folder)).remedy).toBe(
      'Take the head out of the file to use the embedding for both.',
    );
  });

  it.each([269, 271, 288])('is refused with %i rows', (rows) => {
    headed(rows);
    expect(thrown(TsumugiError, () => loadModel(folder))).toMatchObject({
      code: 'wrong-shape',
      fields: { path: HEAD },
    });
  });
});

describe('what ends a text', () => {
  const ends = (config: object, generation?: object): readonly number[] => {
    rmSync(folder, { recursive: true, force: true });
    writeFolder(tiny, () => {});
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...publishedConfig(tiny), ...config }));
    if (generation) writeFileSync(join(folder, 'generation_config.json'), JSON.stringify(generation));
    writeTokenizer(folder, pieces(3));
    using model = loadModel(folder);
    const tokenizer = loadTokenizer(folder, model.config);
    // BOS and EOS of the tokenizer always do.
    const found = endIds(tokenizer, model.config);
    expect(found).toContain(1);
    return found.filter((id) => id !== 1);
  };

  it('is the eos_token_id of both configs: one, several, none', () => {
    expect(ends({})).toEqual([2]);
    expect(ends({ eos_token_id: [2, 4] })).toEqual([2, 4]);
    expect(ends({ eos_token_id: 9 })).toEqual([2, 9]);
    expect(ends({ eos_token_id: null, bos_token_id: null })).toEqual([2]);
    expect(ends({ eos_token_id: 2 }, { eos_token_id: [2, 7] })).toEqual([2, 7]);
    expect(ends({ eos_token_id: [2, 4] }, { eos_token_id: null })).toEqual([2, 4]);
  });

  it('stops the writing at any of them', () => {
    expect(ends({ eos_token_id: [2, 4] })).toEqual([2, 4]);
    using model = loadModel(folder);
    // Zero weights: every logit is 0, and greedy takes the first id that may be picked.
    noGrad(() => scope(() => void model.model.norm.weight.fill_(1)));
    noGrad(() => scope(() => void tensorAt(model, EMBEDDING).fill_(1)));
    noGrad(() => scope(() => void tensorAt(model, EMBEDDING).select(0, 4).fill_(2)));
    const writing = generateText(model, loadTokenizer(folder, model.config), '語1', { maxTokens: 3 });
    expect(writing.next()).toEqual({ value: 'end', done: true });
  });

  it('is written as it was read, and mistakes are named in words', () => {
    ends({ eos_token_id: [2, 4] });
    using model = loadModel(folder);
    saveModel(join(home, 'again'), model);
    for (const name of ['config.json', 'generation_config.json'])
      expect(JSON.parse(readFileSync(join(home, 'again', name), 'utf8'))).toMatchObject({ eos_token_id: [2, 4] });
    expect(() => ends({ eos_token_id: 'x' })).toThrow(/"eos_token_id": expected a token id, a list of them, or null/);
    expect(() => ends({}, { eos_token_id: [2.5] })).toThrow(/generation_config.json: "eos_token_id/);
  });
});

const fixtures = golden('plamo2');

it.each(['samba', 'full-attention', 'dense'])('loads the golden checkpoint %s as it is', (name) => {
  using model = loadModel(join(fixtures, name));
  using file = openSafetensors(join(fixtures, name, 'model.safetensors'));
  const parameters = namedParameters(model);
  expect(parameters.map(([path]) => path).sort()).toEqual([...file.names].sort());
  scope(() => {
    for (const [path, tensor] of parameters) expect(tensor.bytes()).toEqual(file.tensor(path).bytes());
  });
});
