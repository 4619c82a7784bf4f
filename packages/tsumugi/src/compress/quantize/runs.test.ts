// What a run of quantization leaves and finds: layers that were done, another run's layers, the model that changes meanwhile, and what
// its settings make of the folder.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { withFree } from '../../base/free-disk.testing.ts';
import { idsRow, loadModel, type QuantizedLinear, saveModel, tokenLogprobs } from '../../lm/index.ts';
import { tinyModelOfFile } from '../../lm/tiny-model.testing.ts';
import { type Linear, moduleAt } from '../../nn/index.ts';
import { Artefact } from '../../store/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';
import { calibrationTexts } from '../importance/index.ts';
import { Probes } from '../probes.ts';
import {
  gptq,
  Hessian,
  planQuantizeModel,
  type QuantizeConfigInput,
  type QuantizeOptions,
  quantizeModel,
} from './index.ts';
import { rounded } from './round.ts';

const tiny = tinyModelOfFile();
const home = mkdtempSync(join(tmpdir(), 'tsumugi-quantize-runs-'));
afterAll(() => rmSync(home, { recursive: true }));
const at = (...names: string[]) => join(home, ...names);
const text = [at('文.txt')];
beforeAll(() => {
  cpSync(tiny.folder, at('model'), { recursive: true });
  writeFileSync(text[0]!, '吾輩は猫である。名前はまだない。山に川、海に月。犬が火を、鳥は水をにくむ。\n'.repeat(12));
});
beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', at('cache')));

const small = { groupSize: 16, tokens: 200, sequenceLength: 50, gate: false } as const;
const make = (name: string, config: QuantizeConfigInput = {}, options: QuantizeOptions = {}, model = at('model')) =>
  quantizeModel(model, at(name), { ...small, ...config }, options);
const bytesOf = (name: string) => readFileSync(at(name, 'model.safetensors'));
const settingsOf = (name: string) => JSON.parse(readFileSync(at(name, 'config.json'), 'utf8'));
const inProj = 'model.layers.layers.0.mixer.in_proj';

/** Ends a run before layer 2 of three. */
const cut = new Error('cut off');
const untilLayer2: QuantizeOptions = {
  onProgress: ({ phase, layer }) => {
    if (phase === 'quantizing' && layer === 2) throw cut;
  },
};

it('takes the layers that were done as they lie, and forgets those of another model, text or choice', async () => {
  const gptqText = { method: 'gptq' } as const;
  const begin = async (config: QuantizeConfigInput, options: QuantizeOptions) =>
    await expect(make('cut', config, { ...untilLayer2, ...options })).rejects.toBe(cut);
  await begin(gptqText, { text });
  const layers = ['layer-00000.safetensors', 'layer-00001.safetensors'].map((name) => at('cut.quantizing', name));
  const inodes = layers.map((path) => statSync(path).ino);
  const seen: number[] = [];
  const { resumedLayers } = await make('cut', gptqText, {
    text,
    onProgress: ({ done, total }) => {
      if (existsSync(layers[1]!)) expect(layers.map((path) => statSync(path).ino)).toEqual(inodes);
      seen.push(done / total);
    },
  });
  expect([resumedLayers, seen.length, seen.at(-1)]).toEqual([2, 10, 1]);

  await begin(gptqText, { text });
  writeFileSync(at('other.txt'), '名前はまだない。\n'.repeat(30));
  expect((await make('cut', gptqText, { text: [at('other.txt')] })).resumedLayers, 'another text').toBe(0);

  await begin({}, {});
  using model = tiny.load();
  scope(() => void (moduleAt(model, inProj) as Linear).weight.detach().mul_(1.5));
  saveModel(at('another'), model, { tokenizerFolder: tiny.folder });
  expect((await make('cut', {}, {}, at('another'))).resumedLayers, 'another model').toBe(0);
  expect(bytesOf('cut').equals((await make('whole', {}, {}, at('another'))) && bytesOf('whole'))).toBe(true);

  // Another target gives other bits; here by the costs that are kept, under equal settings.
  const target = { targetBits: 10.5, sensitivityTokens: 20 };
  await begin(target, { text });
  const kept = at('cache', 'tsumugi', 'sensitivity');
  for (const name of readdirSync(kept)) {
    const file = JSON.parse(readFileSync(join(kept, name), 'utf8'));
    for (const layer of file.layers)
      for (const [path, kl] of Object.entries(layer)) layer[path] = /in_proj|qkv_proj/.test(path) ? kl : { 4: 0, 8: 0 };
    writeFileSync(join(kept, name), JSON.stringify(file));
  }
  expect((await make('cut', target, { text })).resumedLayers, 'other bits').toBe(0);
});

it('ends when the model changes meanwhile, and leaves no folder', async () => {
  cpSync(at('model'), at('changing'), { recursive: true });
  const weights = at('changing', 'model.safetensors');
  const onProgress: QuantizeOptions['onProgress'] = ({ done, total }) => {
    if (done !== total) return;
    const bytes = readFileSync(weights);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(weights, bytes);
  };
  await expect(make('of-changing', {}, { onProgress }, at('changing'))).rejects.toThrow(
    'model.safetensors was changed while it was in use',
  );
  expect(existsSync(at('of-changing'))).toBe(false);
});

it('is refused on a full disk, and into its own model by any name', async () => {
  const { diskBytes } = planQuantizeModel(at('model'), small);
  {
    using _ = withFree(diskBytes);
    await expect(make('full')).rejects.toThrow('are free at');
  }
  expect(readdirSync(home).filter((name) => name.startsWith('full'))).toEqual([]);
  using _ = withFree(diskBytes + 1);
  await make('full');
  await expect(quantizeModel(at('model'), `${home}/./model`, small)).rejects.toThrow('is a model that is read');
});

it('sees as much of the text as is asked for, in pieces as long, and says in the lineage what it was', async () => {
  const of = async (name: string, config: QuantizeConfigInput) => {
    await make(name, { method: 'gptq', ...config }, { text, recipe: 'few', commit: 'c0ffee' });
    return bytesOf(name);
  };
  const plain = await of('plain', {});
  expect((await of('fewer', { tokens: 100 })).equals(plain)).toBe(false);
  expect((await of('shorter', { sequenceLength: 25 })).equals(plain)).toBe(false);
  expect(new Artefact(at('plain')).lineage()).toMatchObject({
    recipe: 'few',
    commit: 'c0ffee',
    parents: [{ name: at('model'), sha256: await new Artefact(at('model')).hash() }],
    data: [{ name: '文.txt' }],
  });
  await make('shards', {}, { maxShardBytes: 20_000 });
  expect(existsSync(at('shards', 'model.safetensors.index.json'))).toBe(true);
});

it('lets each layer see the text as the layers before it, rounded, make it', async () => {
  await make('layers', { method: 'gptq', keptType: 'float32' }, { text });
  const path = 'model.layers.layers.1.mixer.qkv_proj';
  const tokenizer = tiny.loadTokenizer();
  const pieces = await calibrationTexts(text, tokenizer, { sequenceLength: 50, maxTokens: 200, whole: true });
  using source = tiny.load();
  using few = loadModel(at('layers'));
  const codes = (model: typeof source): Tensor => {
    using hessian = new Hessian(32);
    {
      using probes = new Probes(model);
      probes.watch(path, (input) => hessian.add(input));
      noGrad(() => pieces.forEach((ids) => void scope(() => void model.forward(idsRow(ids)))));
    }
    return gptq((moduleAt(source, path) as Linear).weight.detach(), hessian.value(), {
      ...{ bits: 4, groupSize: 16, symmetric: true, leastZero: 1 },
    }).codes;
  };
  scope(() => {
    const linear = moduleAt(few, path) as QuantizedLinear;
    const made = linear.dequantized();
    const expected = codes(few);
    const scales = (linear['scales'] as Tensor).float(); // [groups, out]
    const read = expected
      .float()
      .sub(8)
      .reshape([2, 16, -1])
      .mul(scales.unsqueeze(1))
      .reshape([32, -1])
      .transpose(0, 1);
    expect(read.ne(made).sum().item()).toBe(0);
    expect(codes(source).ne(expected).sum().item()).toBeGreaterThan(0);
  });
});

it('says in config.json how it was rounded', async () => {
  await make('ordered', { method: 'gptq', actOrder: true }, { text });
  expect(settingsOf('ordered').quantization_config).toMatchObject({ desc_act: true, sym: true });
  await make('zeros', { zeroPoint: true });
  expect(settingsOf('zeros').quantization_config).toMatchObject({ desc_act: false, sym: false });
});

it('keeps a zero in the layout of GPTQ where all weights of a group are above 0', async () => {
  using model = tiny.load();
  scope(() => {
    const weight = (moduleAt(model, inProj) as Linear).weight.detach();
    weight.copy_(weight.abs().add(0.01));
  });
  saveModel(at('positive'), model, { tokenizerFolder: tiny.folder });
  await make('above', { zeroPoint: true }, {}, at('positive'));
  using few = loadModel(at('above'));
  scope(() => {
    const expected = rounded((moduleAt(model, inProj) as Linear).weight.detach(), {
      ...{ bits: 4, groupSize: 16, symmetric: false, leastZero: 1 },
    });
    expect((moduleAt(few, inProj) as QuantizedLinear).dequantized().tolist()).toEqual(expected.tolist());
  });
});

it('keeps matrices in a type of 16 bits that they have, and refuses numbers that a type cannot hold', async () => {
  using model = tiny.load();
  const outProj = 'model.layers.layers.0.mixer.out_proj';
  scope(() => void (moduleAt(model, outProj) as Linear).weight.detach().select(0, 0).fill_(1e5));
  saveModel(at('large'), model, { tokenizerFolder: tiny.folder });
  await expect(make('too-large', {}, {}, at('large'))).rejects.toThrow(
    /out_proj.weight" has numbers .*\n.*keptType=bfloat16/,
  );
  expect(existsSync(at('too-large'))).toBe(false);
  using half = loadModel(at('large'), { dtype: 'bfloat16' });
  saveModel(at('half'), half, { tokenizerFolder: tiny.folder });
  await make('of-half', {}, {}, at('half'));
  using weights = new Artefact(at('of-half')).weights();
  expect(weights.info(`${outProj}.weight`).dtype).toBe('bfloat16');
});

it('takes generation_config.json along', async () => {
  await make('generates');
  expect(new Artefact(at('generates')).generationConfig()).toEqual(new Artefact(at('model')).generationConfig());
  expect(new Artefact(at('model')).generationConfig()).toBeDefined();
});

it.each<[QuantizeConfigInput]>([
  [{ format: 'fp8', bits: 8, tensorBits: { in_proj: 4 } }],
  [{ format: 'fp8', bits: 8, zeroPoint: true }],
  [{ format: 'fp8', bits: 8, method: 'gptq' }],
])('FP8 does not go with %j', async (config) => {
  await expect(make('refused', config, { text })).rejects.toThrow('FP8 weights are rounded, and have 8 bits');
});

it('compares on the text in the direction of the source', async () => {
  const { gate } = await make('compared', { gate: true, reportTokens: 40, sequenceLength: 40 }, { text });
  const tokenizer = tiny.loadTokenizer();
  const [ids] = await calibrationTexts(text, tokenizer, { sequenceLength: 40, maxTokens: 40, whole: true });
  const characters = [...tokenizer.decode(ids!.slice(1))].length;
  using source = tiny.load();
  using few = loadModel(at('compared'));
  const bits = (model: typeof source) =>
    -tokenLogprobs(model, ids!).reduce((sum, each) => sum + each, 0) / Math.LN2 / characters;
  const { bitsPerCharacter } = gate!.text!;
  expect(bitsPerCharacter.source).toBeCloseTo(bits(source), 6);
  expect(bitsPerCharacter.artefact).toBeCloseTo(bits(few), 6);
  expect(Math.abs(bits(few) - bits(source))).toBeGreaterThan(1e-5);
});
