// Folders for the hub: the weights as they were, the settings as published, a card that tells what is known and no path.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { withFree } from '../../../base/free-disk.testing.ts';
import { sha256 } from '../../../base/index.ts';
import { initialWeights, loadModel, Plamo2, preset, saveModel } from '../../../lm/index.ts';
import { TinyModel } from '../../../lm/tiny-model.testing.ts';
import { namedParameters } from '../../../nn/index.ts';
import { Artefact, openSafetensors } from '../../../store/index.ts';
import { scope } from '../../../torch/index.ts';
import { quantizeModel } from '../../quantize/index.ts';
import { exportHf, planExportHf } from './index.ts';

const commit = 'f'.repeat(40);
let home: string;
let tiny: TinyModel;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-秘密-'));
  tiny = new TinyModel();
});
afterEach(() => {
  tiny[Symbol.dispose]();
  rmSync(home, { recursive: true });
});
const at = (...names: string[]) => join(home, ...names);
const json = (...names: string[]) => JSON.parse(readFileSync(at(...names), 'utf8'));
const card = (folder: string) => {
  const text = readFileSync(at(folder, 'README.md'), 'utf8');
  const [, head, body] = /^---\n(.*?)\n---\n(.*)$/s.exec(text)!;
  return { head: parse(head!), body: body! };
};

/** The weights of a folder, each tensor by the hash of its bytes. */
function weightsOf(folder: string): Record<string, string> {
  using weights = openSafetensors(folder);
  return Object.fromEntries(
    weights.names.toSorted().map((name) => [name, scope(() => sha256(weights.tensor(name).bytes()))]),
  );
}

/** A model of a run with everything in its lineage that has a path. */
function made(): string {
  using model = tiny.load();
  const hub = at('hub', 'models--pfnet--plamo-2-1b', 'snapshots', commit);
  saveModel(at('runs', 'my-run', 'model'), model, {
    tokenizerFolder: tiny.folder,
    lineage: {
      stage: 'extend',
      seed: 7,
      commit: '0123456789abcdef',
      config: { out: at('runs'), model: hub },
      parents: [{ name: hub, sha256: 'a'.repeat(64) }],
      data: [{ name: at('secret-folder', 'neko-shards'), sha256: 'b'.repeat(64) }],
    },
  });
  return at('runs', 'my-run', 'model');
}

it('writes the weights as they were, in shards of a size, with the published settings', async () => {
  const source = made();
  const { files, bytes } = await exportHf(source, at('out'), { maxShardBytes: 20_000 });
  const shards = files.filter((name) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(name));
  expect(shards.length).toBeGreaterThan(2);
  // A tensor that is larger has a shard to itself; beside the tensors there is the header.
  using whole = openSafetensors(at('out'));
  const largest = Math.max(...whole.names.map((name) => whole.info(name).bytes));
  for (const name of shards) expect(statSync(at('out', name)).size).toBeLessThan(Math.max(20_000, largest) + 8192);
  expect(files.filter((name) => !shards.includes(name))).toEqual([
    'README.md',
    'config.json',
    'generation_config.json',
    'lineage.json',
    'model.safetensors.index.json',
    'tokenizer.jsonl',
    'tokenizer_config.json',
  ]);
  expect(weightsOf(at('out'))).toEqual(weightsOf(source));
  expect(bytes).toBe(json('out', 'model.safetensors.index.json').metadata.total_size);
  expect(json('out', 'config.json')).toMatchObject({
    architectures: ['Plamo2ForCausalLM'],
    model_type: 'plamo2',
    hidden_size: 32,
    torch_dtype: 'float32',
    sliding_window: 8,
    auto_map: { AutoModelForCausalLM: 'pfnet/plamo-2-1b--modeling_plamo.Plamo2ForCausalLM' },
  });
  expect(json('out', 'generation_config.json')).toEqual(json('runs', 'my-run', 'model', 'generation_config.json'));
  expect(readFileSync(at('out', 'tokenizer.jsonl'))).toEqual(readFileSync(join(source, 'tokenizer.jsonl')));
  using again = loadModel(at('out'));
  expect(namedParameters(again).length).toBeGreaterThan(10);
});

it('tells in its card where the model comes from, and no path of this machine', async () => {
  const source = made();
  const hash = await new Artefact(source).hash();
  await exportHf(source, at('out'), {
    name: 'me/first',
    licence: 'apache-2.0',
    evaluations: [{ name: 'jcommonsenseqa', metric: 'accuracy', value: 0.51234, low: 0.4, high: 0.6, samples: 1119 }],
  });
  const { head, body } = card('out');
  expect(head).toEqual({
    license: 'apache-2.0',
    language: ['ja'],
    base_model: ['pfnet/plamo-2-1b'],
    base_model_relation: 'finetune',
    pipeline_tag: 'text-generation',
    library_name: 'transformers',
    tags: ['plamo2', 'tsumugi'],
  });
  expect(body).toContain('# me/first\n');
  expect(body).toContain(`| my-run/model | extend | pfnet/plamo-2-1b@${commit} | 7 | 0123456789ab | \`${hash}\` |`);
  expect(body).toContain(`| pfnet/plamo-2-1b@${commit} | – | – | – | – | \`${'a'.repeat(64)}\` |`);
  expect(body).toContain(`| neko-shards | my-run/model | \`${'b'.repeat(64)}\` |`);
  expect(body).toContain('| jcommonsenseqa | accuracy | 0.5123 | 0.4000 to 0.6000 | 1,119 |');
  expect(body).toContain('AutoModelForCausalLM.from_pretrained("me/first", trust_remote_code=True)');
  expect(body).toContain('vllm serve me/first');
  expect(body).toContain('npx tsumugi generate --model me/first');
  for (const name of readdirSync(at('out')))
    expect(readFileSync(at('out', name)).includes(Buffer.from('tsumugi-秘密-')), name).toBe(false);
  expect(json('out', 'lineage.json')).toMatchObject({
    stage: 'export',
    parents: [{ name: 'my-run/model', sha256: hash }],
    data: [],
  });
});

it('counts in the card what the model is', async () => {
  await exportHf(tiny.folder, at('out'));
  using model = tiny.load();
  const count = namedParameters(model).reduce((sum, [, tensor]) => sum + tensor.numel(), 0);
  expect(card('out').body).toContain(
    `${count.toLocaleString('en')} parameters, 3 layers (2 Mamba, 1 attention: a window of 8 tokens), hidden size 32`,
  );
  expect(card('out').head).not.toHaveProperty('license');
  expect(card('out').head).not.toHaveProperty('base_model');
  expect(card('out').body).toContain('Not stated.');
});

it('rounds the weights when it is asked to, and says so', async () => {
  const evaluations = [{ name: 'held-out', metric: 'bits', value: 3 }];
  const result = await exportHf(tiny.folder, at('out'), { dtype: 'bfloat16', evaluations });
  expect(json('out', 'config.json').torch_dtype).toBe('bfloat16');
  using source = openSafetensors(tiny.folder);
  using out = openSafetensors(at('out'));
  expect(result.bytes).toBe(source.names.reduce((sum, name) => sum + source.info(name).bytes, 0) / 2);
  scope(() => {
    for (const name of source.names)
      expect(out.tensor(name).bytes(), name).toEqual(source.tensor(name).to('bfloat16').bytes());
  });
  expect(card('out').body).toContain('Measured with the weights in float32, before they were rounded to bfloat16.');
});

it('carries licence and languages of the models it is made from', async () => {
  writeFileSync(join(tiny.folder, 'README.md'), '---\nlicense: mit\nlanguage:\n- ja\n- en\n---\n# T\n');
  using model = tiny.load();
  const sha = await new Artefact(tiny.folder).hash();
  saveModel(at('child'), model, {
    tokenizerFolder: tiny.folder,
    lineage: { stage: 'sft', parents: [{ name: tiny.folder, sha256: sha }] },
  });
  expect((await planExportHf(at('child'))).licence).toBe('mit');
  expect((await planExportHf(tiny.folder)).licence).toBe('mit');
  await exportHf(tiny.folder, at('out'));
  expect(card('out').head).toMatchObject({ license: 'mit', language: ['ja', 'en'] });
  writeFileSync(join(tiny.folder, 'README.md'), '---\nlicense: other\n---\n'); // it is not the parent any more
  expect((await planExportHf(at('child'))).licence).toBe(null);
  writeFileSync(join(tiny.folder, 'README.md'), '---\nlicense: [\n---\n');
  expect((await planExportHf(tiny.folder)).licence).toBe(null);
});

it("points to the code of the repository that a model's own settings point to", async () => {
  const snapshot = at('hub', 'models--someone--plamo', 'snapshots', commit);
  mkdirSync(snapshot, { recursive: true });
  for (const name of readdirSync(tiny.folder))
    writeFileSync(join(snapshot, name), readFileSync(join(tiny.folder, name)));
  const config = {
    ...JSON.parse(readFileSync(join(snapshot, 'config.json'), 'utf8')),
    auto_map: { AutoConfig: 'modeling_plamo.PlamoConfig', AutoModel: 'x/y--m.C' },
  };
  writeFileSync(join(snapshot, 'config.json'), JSON.stringify(config));
  await exportHf(snapshot, at('out'));
  expect(json('out', 'config.json').auto_map).toEqual({
    AutoConfig: 'someone/plamo--modeling_plamo.PlamoConfig',
    AutoModel: 'x/y--m.C',
  });
  expect(card('out').head.base_model).toEqual(['someone/plamo']);
});

it('states no licence where parents have different ones', async () => {
  using model = tiny.load();
  const parents: { name: string; sha256: string }[] = [];
  for (const licence of ['mit', 'apache-2.0']) {
    saveModel(at(licence), model, { tokenizerFolder: tiny.folder });
    writeFileSync(at(licence, 'README.md'), `---\nlicense: ${licence}\n---\n`);
    parents.push({ name: at(licence), sha256: await new Artefact(at(licence)).hash() });
  }
  saveModel(at('both'), model, { tokenizerFolder: tiny.folder, lineage: { stage: 'merge', parents } });
  expect((await planExportHf(at('both'))).licence).toBe(null);
  await exportHf(at('both'), at('out'));
  expect(card('out').body).toContain('| both | merge | mit, apache-2.0 |');
});

it('names no code for a model without QK-norm, which no other program knows', async () => {
  const config = preset('mini', {
    hidden_size: 32,
    num_hidden_layers: 2,
    vocab_size: tiny.loadTokenizer().vocabSize,
    qk_norm: false,
  });
  using model = new Plamo2(config, initialWeights(1));
  saveModel(at('plain'), model, { tokenizerFolder: tiny.folder });
  await exportHf(at('plain'), at('out'));
  expect(json('out', 'config.json')).not.toHaveProperty('auto_map');
  expect(json('out', 'tokenizer_config.json')).not.toHaveProperty('auto_map');
  expect(card('out').body).toContain('other programs cannot run it');
  expect(card('out').body).not.toContain('vllm serve');
});

it('refuses a model that changes while it is written', async () => {
  const source = made();
  const change = () => {
    const path = join(source, 'config.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('2', '3'));
  };
  let told = 0;
  const work = exportHf(source, at('out'), { onProgress: () => void (told++ === 0 && change()) });
  await expect(work).rejects.toThrow('was changed while it was in use');
  expect(readdirSync(home).sort()).toEqual(['runs']);
});

it('gives equal bytes for equal models, and a plan that says what comes', async () => {
  const told: number[] = [];
  const options = {
    maxShardBytes: 20_000,
    onProgress: ({ doneBytes }: { doneBytes: number }) => void told.push(doneBytes),
  };
  const plan = await planExportHf(tiny.folder, options);
  const first = await exportHf(tiny.folder, at('out'), options);
  expect(plan).toMatchObject({ bytes: first.bytes, parameters: first.parameters });
  expect(plan.shards).toBe(first.files.filter((name) => /^model-.*\.safetensors$/.test(name)).length);
  expect(told.at(-1)).toBe(plan.bytes);
  await exportHf(tiny.folder, at('out'), options);
  await exportHf(tiny.folder, at('b', 'out'), options);
  for (const name of first.files.filter((each) => each !== 'lineage.json'))
    expect(readFileSync(at('b', 'out', name)), name).toEqual(readFileSync(at('out', name)));
});

it('is refused on a full disk, into its own model by another name, and with a tokenizer that is none', async () => {
  const { diskBytes } = await planExportHf(tiny.folder);
  {
    using _ = withFree(diskBytes - 1);
    await expect(exportHf(tiny.folder, at('out'))).rejects.toMatchObject({ code: 'disk-full' });
  }
  symlinkSync(tiny.folder, at('link'));
  await expect(exportHf(tiny.folder, at('link'))).rejects.toThrow('is a model that is read');
  writeFileSync(join(tiny.folder, 'tokenizer.jsonl'), '["<|plamo:unk|>", 0, "UNKNOWN"]\n');
  await expect(exportHf(tiny.folder, at('out'))).rejects.toThrow('tokenizer.jsonl');
  expect(readdirSync(home)).toEqual(['link']);
});

it("takes generation settings and a card's head as they are, whatever ends their lines", async () => {
  const generation = { bos_token_id: 1, eos_token_id: 2, temperature: 0.7 };
  writeFileSync(join(tiny.folder, 'generation_config.json'), JSON.stringify(generation));
  writeFileSync(join(tiny.folder, 'README.md'), '---\r\nlicense: mit\r\n---\r\n# T\r\n');
  await exportHf(tiny.folder, at('out'));
  expect(json('out', 'generation_config.json')).toEqual(generation);
  expect(card('out').head.license).toBe('mit');
});

it('keeps a bar in a name from ending a cell, and says what kind of model a stage makes of another', async () => {
  using model = tiny.load();
  const hub = at('hub', 'models--pfnet--plamo-2-1b', 'snapshots', commit);
  const heads: Record<string, unknown> = {};
  for (const stage of ['quantize', 'merge', 'sft', 'prune']) {
    const lineage = {
      stage,
      parents: [{ name: hub, sha256: 'a'.repeat(64) }],
      data: [{ name: 'a|b', sha256: 'b'.repeat(64) }],
    };
    saveModel(at(stage), model, { tokenizerFolder: tiny.folder, lineage });
    await exportHf(at(stage), at(`${stage}-out`));
    heads[stage] = card(`${stage}-out`).head.base_model_relation;
    expect(card(`${stage}-out`).body).toContain(`| a\\|b | ${stage} |`);
  }
  expect(heads).toEqual({ quantize: 'quantized', merge: 'merge', sft: 'finetune', prune: undefined });
});

it('refuses what cannot be, and writes nothing', async () => {
  await expect(exportHf(tiny.folder, tiny.folder)).rejects.toThrow('is a model that is read');
  await expect(exportHf(home, at('out'))).rejects.toThrow('is not a model folder');
  await expect(exportHf(tiny.folder, at('out'), { shards: 2 } as object)).rejects.toThrow('shards');
  await expect(exportHf(tiny.folder, at('out'), { maxShardBytes: 0 })).rejects.toThrow('maxShardBytes');
  writeFileSync(at('taken'), '');
  await expect(exportHf(tiny.folder, at('taken'))).rejects.toThrow('taken');
  rmSync(join(tiny.folder, 'tokenizer.jsonl'));
  await expect(exportHf(tiny.folder, at('out'))).rejects.toThrow('tokenizer.jsonl');
  expect(readdirSync(home)).toEqual(['taken']);
});

it.each([
  ['gptq', {}],
  ['fp8', { format: 'fp8', bits: 8 }],
] as const)('writes a model in few bits as it is: %s', async (layout, settings) => {
  await quantizeModel(tiny.folder, at('few'), { ...settings, gate: false });
  const { parameters, bytes } = await exportHf(at('few'), at('out'), { maxShardBytes: 20_000 });
  expect(weightsOf(at('out'))).toEqual(weightsOf(at('few')));
  expect(json('out', 'config.json').quantization_config).toEqual(json('few', 'config.json').quantization_config);
  expect(json('out', 'config.json').quantization_config.quant_method).toBe(layout);
  using model = tiny.load();
  expect(parameters).toBe(model.parameters().reduce((sum, each) => sum + each.numel(), 0));
  const sizes = (folder: string) => {
    using weights = openSafetensors(at(folder));
    return weights.names.reduce((sum, name) => sum + weights.info(name).bytes, 0);
  };
  expect(bytes).toBe(sizes('few'));
  loadModel(at('out'))[Symbol.dispose]();
  await expect(exportHf(at('few'), at('other'), { dtype: 'bfloat16' })).rejects.toMatchObject({
    code: 'quantized-model',
  });
});

it('refuses a type that weights do not fit into, and one that there is not', async () => {
  using model = tiny.load();
  scope(() => void model.parameters()[0]!.detach().fill_(3.4e38));
  saveModel(at('loud'), model, { tokenizerFolder: tiny.folder });
  await expect(exportHf(at('loud'), at('out'), { dtype: 'bfloat16' })).rejects.toMatchObject({ code: 'weight-range' });
  await expect(exportHf(at('loud'), at('out'), { dtype: 'int8' as 'float32' })).rejects.toThrow(/dtype/);
  await exportHf(at('loud'), at('out'));
});

it('leaves a clone of a repository alone that it would have replaced', async () => {
  await exportHf(tiny.folder, at('clone'));
  mkdirSync(at('clone', '.git'));
  await expect(exportHf(tiny.folder, at('clone'))).rejects.toThrow(/besides what would be replaced: \.git/);
  expect(readdirSync(at('clone'))).toContain('.git');
});
