// A model folder as a GGUF file and back: what is in the file, what llama.cpp makes of it, and what is not let out.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { requires } from '../../../../../../tests/requires.testing.ts';
import { withFree } from '../../../base/free-disk.testing.ts';
import { sha256 } from '../../../base/index.ts';
import { loadModel, loadTokenizer, type Plamo2Config } from '../../../lm/index.ts';
import { namedParameters, tensorAt } from '../../../nn/index.ts';
import { Artefact, GgufFile, ggufTypeLabel } from '../../../store/index.ts';
import { scope } from '../../../torch/index.ts';
import { writeImportance } from '../../importance/index.ts';
import type { ExportGgufConfig } from './config.ts';
import { exportGguf, planExportGguf } from './export-gguf.ts';
import { gateGguf } from './gate-gguf.ts';
import { ExportHome, library } from './gguf.testing.ts';
import { importGguf } from './import-gguf.ts';
import { loadGgufModel } from './read-model.ts';

const home = new ExportHome();
afterAll(() => home[Symbol.dispose]());
const { at } = home;
const llamaCpp = requires(library, 'node-llama-cpp is neither installed nor named by TSUMUGI_NODE_LLAMA_CPP');
const llama = { library, threads: 1 };
const numbers = (values: unknown) => Array.from(values as ArrayLike<number>);

describe('the file', () => {
  const folder = home.model('parts', { tie_word_embeddings: false }, (model) => {
    tensorAt(model, 'model.layers.layers.0.mixer.A_log').fill_(Math.log(3));
    tensorAt(model, 'model.layers.layers.0.post_mlp_norm.weight').fill_(0.25);
    tensorAt(model, 'model.layers.layers.1.pre_mixer_norm.weight').fill_(-0.5);
  });

  it('holds the tensors as llama.cpp has them', async () => {
    await exportGguf(home.config(folder));
    using file = new GgufFile(at('model.gguf'));
    const value = (name: string) => scope(() => numbers(file.tensor(name).data())[0]);
    expect(value('blk.0.ssm_a')).toBeCloseTo(-3, 6);
    expect(value('blk.0.post_ffw_norm')).toBeCloseTo(0.25 + 1 / 5 ** 1.5, 7);
    expect(value('blk.1.attn_norm.weight')).toBe(0.5);
    expect(value('blk.1.post_attention_norm')).toBeCloseTo(0.2, 7);
    expect(value('output_norm.weight')).toBe(1);
    const shape = (name: string) => file.tensors.get(name)?.shape;
    const { vocab_size: V } = new Artefact(folder).config() as unknown as Plamo2Config;
    expect(shape('output.weight')).toEqual([V, 64]); // the checkpoint's has rows up to a multiple of 16
    expect(shape('blk.0.ssm_conv1d.weight')).toEqual([64, 4]);
    expect(shape('blk.1.attn_q_norm.weight')).toEqual([4, 32]);
    expect(shape('blk.0.ssm_dt.bias')).toEqual([2]);
    // Two of both kinds of layers, the embedding, the last norm, the head.
    expect(file.tensors.size).toBe(3 + 2 * (6 + 11) + 2 * (6 + 4));
    const names = [...file.tensors.keys()].filter((name) => name.startsWith('blk.0.') && !name.includes('.weight'));
    expect(names.sort().join(' ')).toBe(
      'blk.0.post_attention_norm blk.0.post_ffw_norm blk.0.ssm_a blk.0.ssm_b_norm blk.0.ssm_c_norm blk.0.ssm_d blk.0.ssm_dt.bias blk.0.ssm_dt_norm',
    );
  });

  it('says what llama.cpp has to know: true head counts, the vocabulary with its padding, the chat template', async () => {
    const template = '{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}';
    const path = at('parts', 'tokenizer_config.json');
    const config = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...config, chat_template: [{ name: 'default', template }] }));
    await exportGguf(home.config(folder));
    writeFileSync(path, JSON.stringify(config));
    using file = new GgufFile(at('model.gguf'));
    const said = (key: string) => file.metadata.get(key);
    expect(said('plamo2.attention.head_count')).toEqual([4, 4, 4, 4]);
    expect(said('plamo2.attention.head_count_kv')).toEqual([0, 2, 0, 2]);
    expect(said('plamo2.ssm.time_step_rank')).toBe(2);
    expect(said('plamo2.ssm.inner_size')).toBe(64);
    expect(said('plamo2.ssm.group_count')).toBe(0);
    expect(said('plamo2.context_length')).toBe(300);
    expect(said('plamo2.rope.freq_base')).toBe(10_000);
    expect(said('general.file_type')).toBe(0);
    expect(said('tokenizer.chat_template')).toBe(template);
    const tokens = said('tokenizer.ggml.tokens') as string[];
    expect(tokens.slice(-6)).toEqual([tokens.at(-6), '[PAD1]', '[PAD2]', '[PAD3]', '[PAD4]', '[PAD5]']);
    expect((said('tokenizer.ggml.token_type') as number[]).slice(0, 6)).toEqual([2, 3, 3, 3, 3, 6]);
    expect((said('tokenizer.ggml.scores') as number[]).at(-1)).toBe(-1000);
    const ids = ['bos', 'eos', 'eot', 'padding', 'unknown'].map((role) => said(`tokenizer.ggml.${role}_token_id`));
    expect(ids).toEqual([1, 2, 4, 3, 0]);
  });

  it('has its lineage beside it, is the same each time, and replaces an older one', async () => {
    const first = await exportGguf(home.config(folder), { commit: 'abc' });
    const bytes = readFileSync(at('model.gguf'));
    const lineage = JSON.parse(readFileSync(at('model.gguf.lineage.json'), 'utf8'));
    expect(lineage).toMatchObject({
      stage: 'export',
      commit: 'abc',
      config: { format: 'gguf', type: 'F32', gate: 'skipped' },
      parents: [{ name: folder, sha256: await new Artefact(folder).hash() }],
      files: { 'model.gguf': { bytes: bytes.length, sha256: sha256(bytes) } },
    });
    const again = await exportGguf(home.config(folder));
    expect(again.sha256).toBe(first.sha256);
    expect(readdirSync(home.folder).filter((name) => name.includes('partial'))).toEqual([]);
  });
});

describe('llama.cpp', llamaCpp, () => {
  it.each<[string, Partial<Plamo2Config>]>([
    ['a tied head', {}],
    ['a head of its own, full attention, one key/value head', {
      ...{ tie_word_embeddings: false, full_attention_idx: [1, 3], num_key_value_heads: 1, rope_theta: 1e6 },
      ...{ rope_local_theta: 1e6, max_position_embeddings: 400 },
    }],
    ['other places of the attention layers', { num_hidden_layers: 5, mamba_step: 4 }],
  ])('answers as the model does at every position: %s', async (_, changes) => {
    const folder = home.model('same', changes);
    const { gate, plan } = await exportGguf(home.config(folder, { gate: true }), { llama });
    expect(gate!.loadedBy).toMatch(/^llama.cpp/);
    expect(gate!.maxKl).toBeLessThan(1e-8);
    expect(gate!.meanKl).toBeLessThan(gate!.limits.meanKl);
    expect([gate!.top1Agreement, gate!.sameText, gate!.prompts.length]).toEqual([1, 8, 8]);
    expect(gate!.prompts.map(({ source }) => source).join('')).not.toBe('');
    expect(plan.context).toBe(changes.max_position_embeddings ?? 300);
  }); // biome-ignore format: a table

  it.each(['Q8_0', 'Q4_K_M', 'Q5_K_M'] as const)('runs %s', async (type) => {
    const folder = home.model('wide', { hidden_size: 256, intermediate_size: 512 });
    const { gate, bytes } = await exportGguf(home.config(folder, { gate: true, type }), { llama });
    expect(gate!.meanKl).toBeLessThan(0.05);
    expect(gate!.meanKl).toBeGreaterThan(1e-8);
    expect(bytes).toBeLessThan(0.45 * 4 * namedSize(folder));
  });

  it('finds out a file that answers otherwise, and shows the worst prompt', async () => {
    const folder = home.model('honest');
    await exportGguf(home.config(folder));
    const other = home.model('other', {}, (model) => void tensorAt(model, 'model.layers.layers.2.mixer.D').fill_(-2));
    using model = loadModel(other);
    const tokenizer = loadTokenizer(other);
    const gate = gateGguf({ file: at('model.gguf'), model, tokenizer, type: 'F32', context: 300, ...llama });
    const refused = {
      code: 'parity-gate',
      message: expect.stringMatching(/the mean divergence .* 0.001 is allowed. Worst .*→ source/),
    };
    await expect(gate).rejects.toMatchObject(refused);
  });
});

const namedSize = (folder: string): number => {
  using model = loadModel(folder);
  return namedParameters(model).reduce((sum, [, tensor]) => sum + tensor.numel(), 0);
};

it('is read back here where node-llama-cpp is missing: every weight as it was', async () => {
  const folder = home.model('back', { tie_word_embeddings: false });
  await exportGguf(home.config(folder));
  const imported = at('imported');
  const { tensors, lineage } = await importGguf({ model: at('model.gguf'), out: imported });
  expect(lineage).toMatchObject({ stage: 'import', parents: [{ sha256: sha256(readFileSync(at('model.gguf'))) }] });
  using before = loadModel(folder);
  using after = loadModel(imported);
  using direct = loadGgufModel(at('model.gguf'));
  expect(after.config).toEqual(before.config);
  const named = namedParameters(before);
  expect(tensors).toBe(named.length);
  const others = [after, direct].map((model) => new Map(namedParameters(model)));
  for (const [name, tensor] of named)
    for (const other of others) {
      // The head's rows beyond the vocabulary are not in the file.
      const rows = name === 'lm_head.weight' ? before.config.vocab_size : tensor.size(0);
      const off = scope(() =>
        other
          .get(name)!
          .narrow(0, 0, rows)
          .sub(tensor.narrow(0, 0, rows))
          .abs()
          .amax()
          .item(),
      );
      expect(off, name).toBeLessThan(3e-7);
    }
  expect(loadTokenizer(imported).vocabulary.pieces).toEqual(loadTokenizer(folder).vocabulary.pieces);
});

describe('a model that llama.cpp cannot express is refused with the reason', () => {
  it.each<[string, Partial<Plamo2Config>, { context?: number }, RegExp]>([
    ['a longer text than the window', {}, { context: 302 }, /302 tokens is longer than the attention window of 300/],
    [
      'a window beside full layers',
      { full_attention_idx: [1], rope_local_theta: 1e6 },
      { context: 500 },
      /window of 300/,
    ],
    ['no QK-norm', { qk_norm: false }, {}, /"qk_norm": false/],
    ['two RoPE bases', { full_attention_idx: [1] }, {}, /different RoPE bases \(1000000 and 10000/],
    ['another ε', { rms_norm_eps: 1e-5 }, {}, /rms_norm_eps is 0.00001; llama.cpp norms queries and keys with it/],
    ['no Mamba layer', { mamba_enabled: false }, {}, /no Mamba layers/],
  ])('%s', (_, changes, { context }, message) => {
    const folder = home.model('refused', changes);
    expect(() => planExportGguf({ ...home.config(folder), context })).toThrow(message);
  });

  it('and one whose windows allow it is not', () => {
    const folder = home.model('allowed', { full_attention_idx: [1], rope_theta: 1e4 });
    expect(planExportGguf({ ...home.config(folder), context: 301 }).context).toBe(301);
    expect(planExportGguf(home.config(home.model('full', { full_attention_idx: [1, 3] }))).context).toBe(32_768);
  });
});

it('leaves nothing behind when it is stopped', async () => {
  const folder = home.model('stopped');
  const stop = () => {
    throw new Error('stopped');
  };
  await expect(exportGguf(home.config(folder, { out: at('s.gguf') }), { onProgress: stop })).rejects.toThrow('stopped');
  expect(readdirSync(home.folder).filter((name) => name.startsWith('s.gguf'))).toEqual([]);
});

it('leaves nothing behind when it is stopped while it is compared, or its model changes meanwhile', async () => {
  const folder = home.model('stopped-late');
  const during = (phase: string, act: () => void) =>
    exportGguf(home.config(folder, { out: at('l.gguf'), gate: phase === 'comparing' }), {
      llama: library ? llama : undefined,
      onProgress: (doing) => {
        if (doing === phase) act();
      },
    });
  const stop = () => {
    throw new Error('stopped');
  };
  await expect(during('comparing', stop)).rejects.toThrow('stopped');
  const path = at('stopped-late', 'model.safetensors');
  const changed = readFileSync(path);
  changed[changed.length - 1]! ^= 1;
  const change = () => writeFileSync(path, changed);
  await expect(during('writing', change)).rejects.toThrow('was changed while it was in use');
  expect(readdirSync(home.folder).filter((name) => name.startsWith('l.gguf'))).toEqual([]);
});

it('is refused before it begins when the disk is too small', async () => {
  const folder = home.model('large');
  const config = home.config(folder, { out: at('f.gguf') });
  const { bytes } = planExportGguf(config);
  {
    using _ = withFree(bytes);
    await expect(exportGguf(config)).rejects.toMatchObject({ code: 'disk-full' });
  }
  expect(existsSync(at('f.gguf'))).toBe(false);
  using _ = withFree(bytes + 1);
  expect((await exportGguf(config)).bytes).toBeGreaterThan(bytes);
});

it('weighs errors by the text that it is given, and says in the lineage what was asked for', async () => {
  const folder = home.model('weighed');
  writeFileSync(at('text.txt'), '吾輩は猫である。名前はまだ無い。'.repeat(20));
  const made = async (changes: Partial<ExportGgufConfig>) => {
    await exportGguf(home.config(folder, { type: 'Q4_0', ...changes }));
    return readFileSync(at('model.gguf'));
  };
  const said = () => JSON.parse(readFileSync(at('model.gguf.lineage.json'), 'utf8')).config;
  const plain = await made({});
  expect(said()).toEqual({ format: 'gguf', type: 'Q4_0', gate: 'skipped' });
  const weighed = await made({ text: [at('text.txt')], calibrationTokens: 64, saveImatrix: at('i.gguf'), context: 99 });
  expect(said()).toMatchObject({ text: [at('text.txt')], calibrationTokens: 64, context: 99 });
  expect((await made({ text: [at('text.txt')], calibrationTokens: 64 })).equals(plain)).toBe(false);
  expect((await made({ imatrix: at('i.gguf'), context: 99 })).equals(weighed)).toBe(true);
  expect(said()).toMatchObject({ imatrix: at('i.gguf') });
});

it('is compared no further than the window lets it see', async () => {
  const folder = home.model('windowed', { attention_window_size: 8 });
  await exportGguf(home.config(folder));
  using model = loadModel(folder);
  const tokenizer = loadTokenizer(folder);
  const given = { file: at('model.gguf'), model, tokenizer, type: 'F32' as const, context: 300 };
  const { positions } = await gateGguf({ ...given, ...(library ? llama : {}) });
  expect(positions).toBe(8 * 5); // of nine places, four for what is written
});

it('comes back with its chat template and the ids that begin and end a text', async () => {
  const folder = home.model('template');
  const path = at('template', 'tokenizer_config.json');
  const template = '{{ bos_token }}';
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), chat_template: template }));
  await exportGguf(home.config(folder));
  await importGguf({ model: at('model.gguf'), out: at('with template') });
  const back = new Artefact(at('with template'));
  expect(back.tokenizerConfig()).toMatchObject({ chat_template: template });
  expect(back.generationConfig()).toMatchObject({ bos_token_id: 1, eos_token_id: 2 });
});

it('does not write over what is no GGUF file, and needs a tokenizer', async () => {
  const folder = home.model('taken');
  writeFileSync(at('notes.txt'), 'mine, and longer');
  await expect(exportGguf(home.config(folder, { out: at('notes.txt') }))).rejects.toMatchObject({
    code: 'place-taken',
  });
  mkdirSync(at('empty'));
  const remedy = `Name a file: --out ${at('empty')}/model.gguf`;
  await expect(exportGguf(home.config(folder, { out: at('empty') }))).rejects.toMatchObject({ remedy });
  const bare = home.model('bare');
  writeFileSync(at('bare', 'tokenizer.jsonl'), '');
  await expect(exportGguf(home.config(bare))).rejects.toThrow('the byte token <0x00> is missing');
});

it('names a weight that went wrong', async () => {
  const folder = home.model(
    'nan',
    {},
    (model) => void tensorAt(model, 'model.layers.layers.1.mlp.down_proj.weight').fill_(Number.NaN),
  );
  await expect(exportGguf(home.config(folder, { type: 'Q8_0' }))).rejects.toMatchObject({
    code: 'weight-range',
    message: expect.stringContaining('model.layers.layers.1.mlp.down_proj.weight'),
  });
});

it('keeps what must be exact in more bits, and says which rows fit no block', async () => {
  const folder = home.model('types', { hidden_size: 256, intermediate_size: 320 });
  const { notes } = planExportGguf({ ...home.config(folder), type: 'Q4_K' });
  expect(notes).toEqual([
    'ffn_down.weight is Q5_0 instead of Q4_K: its rows of 320 have no whole blocks of Q4_K',
    'attn_output.weight is Q5_0 instead of Q4_K: its rows of 128 have no whole blocks of Q4_K',
  ]);
  await exportGguf(home.config(folder, { type: 'Q4_K' }));
  using file = new GgufFile(at('model.gguf'));
  const types = Object.fromEntries([...file.tensors].map(([name, { type }]) => [name, ggufTypeLabel(type)]));
  expect(types).toMatchObject({
    'token_embd.weight': 'Q4_K', 'output_norm.weight': 'F32', 'blk.0.ssm_in.weight': 'Q4_K', 'blk.0.ssm_out.weight': 'BF16',
    'blk.0.ssm_x.weight': 'Q8_0', 'blk.0.ssm_dt.weight': 'F32', 'blk.0.ssm_conv1d.weight': 'F32', 'blk.1.attn_qkv.weight': 'Q4_K',
    'blk.1.attn_q_norm.weight': 'F32', 'blk.1.ffn_down.weight': 'Q5_0',
  }); // biome-ignore format: a table
});

describe('an importance matrix', () => {
  const folder = home.model('weighed');
  const text = at('文.txt');
  writeFileSync(text, '吾輩は猫である。名前はまだない。\n'.repeat(20));
  const make = (changes: Parameters<typeof home.config>[1]) =>
    exportGguf(home.config(folder, { type: 'Q8_0', ...changes }));

  it('is in the lineage by its texts, or by its file', async () => {
    await make({ text: [text], saveImatrix: at('imatrix.gguf') });
    const data = () => JSON.parse(readFileSync(at('model.gguf.lineage.json'), 'utf8')).data;
    expect(data()).toEqual([{ name: text, sha256: sha256(readFileSync(text)) }]);
    await make({ imatrix: at('imatrix.gguf') });
    expect(data()).toEqual([{ name: at('imatrix.gguf'), sha256: sha256(readFileSync(at('imatrix.gguf'))) }]);
  });

  it('is refused where it has no effect, is of another model, or would be written over something', async () => {
    const refused = (changes: Parameters<typeof home.config>[1], code: string) =>
      expect(make(changes)).rejects.toMatchObject({ code });
    await refused({ type: 'F16', imatrix: at('imatrix.gguf') }, 'no-effect');
    await refused({ saveImatrix: at('other.gguf') }, 'no-effect');
    await refused({ text: [text], saveImatrix: text }, 'place-taken');
    await refused({ text: [text], saveImatrix: `${folder}/config.json` }, 'place-taken');
    await refused({ text: [text], saveImatrix: at('model.gguf') }, 'one-place');
    const means = new Map([['blk.0.attn_q.weight', Float32Array.of(1, 2)]]);
    await writeImportance(at('llama.gguf'), { means, tokens: 10, texts: [] });
    await refused({ imatrix: at('llama.gguf') }, 'imatrix-names');
    expect(readFileSync(text, 'utf8')).toMatch(/^吾輩/);
  });
});

it('names a token beyond the vocabulary, which llama.cpp could not find', async () => {
  const folder = home.model('beyond');
  const path = `${folder}/config.json`;
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), eos_token_id: 99_999 }));
  await expect(exportGguf(home.config(folder))).rejects.toThrow(/eos_token_id is 99999, and its vocabulary has/);
});

it('takes plain settings, and names those that are none', async () => {
  const folder = home.model('plain');
  const { plan } = await exportGguf({ model: folder, out: at('model.gguf'), type: 'F32', gate: false });
  expect(plan.type).toBe('F32');
  await expect(exportGguf({ model: folder, out: at('x.gguf'), type: 'Q3_K' as 'F32' })).rejects.toThrow(
    /exportGguf: "type" is "Q3_K"/,
  );
});
