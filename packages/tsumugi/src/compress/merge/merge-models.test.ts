// A merge of model folders from end to end: what is written, what each YAML setting does, what is refused.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { isMamba, loadModel, loadTokenizer, parseConfig, tensorShapes } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import { liveHandles, noGrad, scope, tensor } from '../../torch/index.ts';
import { firstCharacter, SmallModels } from './merge.testing.ts';
import { type MergeModelsOptions, type MergeProgress, mergeModels, planMergeModels } from './merge-models.ts';

let small: SmallModels;
beforeAll(() => {
  small = new SmallModels();
  for (const [i, name] of ['base', 'a', 'b'].entries()) small.make(name, i + 1);
});
afterAll(() => small[Symbol.dispose]());

let made = 0;
/** Merges, and gives the name of the new model. */
async function merge(yaml: string, options: MergeModelsOptions = {}): Promise<string> {
  const name = `merged-${made++}`;
  await mergeModels(small.yaml(yaml), small.at(name), options);
  return name;
}

const embedding = 'model.embed_tokens.weight';
const inLayer = (layer: number, rest: string) => `model.layers.layers.${layer}.${rest}`;

function expectMix(
  found: string,
  tensor: string,
  parts: readonly (readonly [model: string, weight: number, as?: string])[],
): void {
  const numbers = parts.map(([model, , as = tensor]) => small.numbers(model, as));
  for (const [i, value] of small.numbers(found, tensor).entries())
    expect(value, tensor).toBeCloseTo(
      parts.reduce((sum, [, weight], p) => sum + weight * numbers[p]![i]!, 0),
      6,
    );
}

const linear = `merge_method: linear
models:
  - {model: a, parameters: {weight: 3}}
  - {model: b, parameters: {weight: 1}}
`;

describe('a merged folder', () => {
  it('has the merged tensors, tokenizer and configs, and runs', async () => {
    const name = await merge(linear);
    const shapes = tensorShapes(parseConfig(new Artefact(small.at('a')).config()));
    for (const tensor of shapes.keys())
      expectMix(name, tensor, [
        ['a', 0.75],
        ['b', 0.25],
      ]);
    for (const file of ['tokenizer.jsonl', 'tokenizer_config.json', 'config.json', 'generation_config.json'])
      expect(readFileSync(small.at(name, file)), file).toEqual(readFileSync(small.at('a', file)));
    expect(loadTokenizer(small.at(name)).encode('猫')).toEqual([firstCharacter]);
    using model = loadModel(small.at(name));
    scope(() =>
      noGrad(() =>
        expect(
          model
            .logits(model.forward(tensor([[1, 260]], { dtype: 'int64' })))
            .isfinite()
            .all()
            .item(),
        ).toBe(1),
      ),
    );
  });

  it('knows its parents, its settings and its seed', async () => {
    const name = await merge(linear, { seed: 7, recipe: 'r', set: ['models.0.parameters.weight=1'] });
    const lineage = new Artefact(small.at(name)).lineage()!;
    expect(lineage).toMatchObject({ stage: 'merge', recipe: 'r', seed: 7 });
    expect(lineage.config['merge']).toMatchObject({
      merge_method: 'linear',
      models: [{ model: 'a', parameters: { weight: 1 } }, { model: 'b' }],
    });
    const hashes = await Promise.all(['a', 'b'].map((parent) => new Artefact(small.at(parent)).hash()));
    expect(lineage.parents).toEqual(['a', 'b'].map((parent, i) => ({ name: parent, sha256: hashes[i] })));
  });

  it('is the same byte for byte, whatever was merged before; another seed makes another model', async () => {
    const dare = `merge_method: dare_ties
base_model: base
models: [{model: a}, {model: b}]
parameters: {weight: 0.5, density: 0.5}
`;
    const [first, again, other] = [await merge(dare), await merge(dare), await merge(dare, { seed: 1 })];
    const bytes = (name: string) => readFileSync(small.at(name, 'model.safetensors'));
    expect(bytes(again!).equals(bytes(first!))).toBe(true);
    expect(bytes(other!).equals(bytes(first!))).toBe(false);
  });

  it('is written in shards, and in another type', async () => {
    const name = await merge(`${linear}out_dtype: bfloat16\n`, { maxShardBytes: 40_000 });
    expect(readdirSync(small.at(name)).filter((file) => /model-\d+-of-\d+/.test(file)).length).toBeGreaterThan(1);
    const artefact = new Artefact(small.at(name));
    expect(artefact.config()['torch_dtype']).toBe('bfloat16');
    using weights = artefact.weights();
    expect(new Set(weights.names.map((tensor) => weights.info(tensor).dtype))).toEqual(new Set(['bfloat16']));
    const wide = await merge(linear);
    scope(() => {
      using whole = new Artefact(small.at(wide)).weights();
      for (const tensor of weights.names)
        expect(weights.tensor(tensor).tolist()).toEqual(whole.tensor(tensor).to('bfloat16').tolist());
    });
  });

  it('computes in float64 and writes it where the merge says so', async () => {
    using weights = new Artefact(small.at(await merge(`${linear}dtype: float64\n`))).weights();
    const [a, b] = ['a', 'b'].map((name) => small.numbers(name, embedding));
    expect(weights.info(embedding).dtype).toBe('float64');
    scope(() =>
      expect([...weights.tensor(embedding).reshape([-1]).data()]).toEqual(
        a!.map((each, i) => each * 0.75 + 0.25 * b![i]!),
      ),
    );
  });

  it('keeps a handful of tensors alive, and none afterwards', async () => {
    const before = liveHandles();
    const seen: number[] = [];
    await merge(linear, { onProgress: () => seen.push(liveHandles() - before) });
    expect(Math.max(...seen)).toBeLessThan(8);
    expect(liveHandles()).toBe(before);
  });

  it('tells how far it is', async () => {
    const seen: MergeProgress[] = [];
    await merge(linear, { onProgress: (progress) => seen.push(progress) });
    const done = seen.map((each) => each.done);
    expect(done).toEqual(done.toSorted((x, y) => x - y));
    expect(done.at(-1)).toBe(seen[0]!.total);
    expect(seen).toHaveLength(tensorShapes(parseConfig(new Artefact(small.at('a')).config())).size);
  });

  it('is forecast without being written', async () => {
    const forecast = await planMergeModels(small.yaml(linear));
    const bytes = [...tensorShapes(parseConfig(new Artefact(small.at('a')).config())).values()].reduce(
      (sum, shape) => sum + 4 * shape.reduce((x, y) => x * y),
      0,
    );
    expect(forecast).toMatchObject({ method: 'linear', diskBytes: bytes, parameters: bytes / 4, warnings: [] });
    expect(forecast.seconds).toBeGreaterThan(0);
    await expect(planMergeModels(small.yaml(linear.replace('model: b', 'model: c')))).rejects.toThrow(
      'no model folder',
    );
  });
});

describe('parameters', () => {
  const both = 'slices: [{sources: [{model: a, layer_range: [0, 4]}, {model: b, layer_range: [0, 4]}]}]\n';

  it('run over the layers as gradients; before the first layer they are at 0, after the last at 1', async () => {
    const name = await merge(`${both}merge_method: nearswap\nbase_model: a\nparameters: {t: [0, 0.03]}\n`);
    for (const [tensor, t] of [
      [embedding, 0],
      [inLayer(0, 'mlp.down_proj.weight'), 0],
      [inLayer(2, 'mlp.down_proj.weight'), 0.02],
      ['model.norm.weight', 0.03],
    ] as const) {
      const [a, b, found] = ['a', 'b', name].map((model) => small.numbers(model, tensor)) as [
        number[],
        number[],
        number[],
      ];
      for (const [i, value] of found.entries())
        expect(value).toBeCloseTo(a[i]! + Math.max(-t, Math.min(t, b[i]! - a[i]!)), 7);
    }
  });

  it('are chosen by filters: the first that fits, then the level below', async () => {
    const name = await merge(`merge_method: linear
parameters: {normalize: false, weight: 0.5}
models:
  - model: a
    parameters:
      weight:
        - {filter: mlp, value: 2}
        - {filter: down_proj, value: 9}
        - {filter: mixer, value: [1, 4]}
  - model: b
    parameters: {weight: {filter: "*", value: 0}}
`);
    expectMix(name, inLayer(1, 'mlp.down_proj.weight'), [['a', 2]]);
    expectMix(name, inLayer(1, 'mixer.o_proj.weight'), [['a', 2]]);
    expectMix(name, inLayer(3, 'mixer.o_proj.weight'), [['a', 4]]);
    expectMix(name, embedding, [['a', 0.5]]);
  });

  it('of a source come before those of a slice, and these before the common ones', async () => {
    const name = await merge(`merge_method: linear
parameters: {weight: 1, normalize: false}
slices:
  - sources:
      - {model: a, layer_range: [0, 2], parameters: {weight: 3}}
      - {model: b, layer_range: [0, 2]}
    parameters: {weight: 2}
  - sources:
      - {model: a, layer_range: [2, 4]}
      - {model: b, layer_range: [2, 4]}
`);
    expectMix(name, inLayer(1, 'mlp.down_proj.weight'), [
      ['a', 3],
      ['b', 2],
    ]);
    expectMix(name, embedding, [
      ['a', 3],
      ['b', 2],
    ]);
    expectMix(name, inLayer(2, 'mlp.down_proj.weight'), [
      ['a', 1],
      ['b', 1],
    ]);
    expectMix(name, 'model.norm.weight', [
      ['a', 1],
      ['b', 1],
    ]);
  });

  it('merge vectors linearly under slerp: offsets of norms cancel', async () => {
    const name = await merge('merge_method: slerp\nbase_model: a\nmodels: [{model: b}]\nparameters: {t: 0.25}\n');
    for (const rest of ['mixer.A_log', 'mixer.D', 'mixer.dt_bias', 'mixer.dt_norm_weight', 'pre_mixer_norm.weight'])
      expectMix(name, inLayer(0, rest), [
        ['a', 0.75],
        ['b', 0.25],
      ]);
    const [a, b] = ['a', 'b'].map((model) => small.numbers(model, embedding)) as [number[], number[]];
    const dot = (x: number[], y: number[]) => x.reduce((sum, each, i) => sum + each * y[i]!, 0);
    const omega = Math.acos(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)));
    expectMix(name, embedding, [
      ['a', Math.sin(0.75 * omega) / Math.sin(omega)],
      ['b', Math.sin(0.25 * omega) / Math.sin(omega)],
    ]);
  });

  it('warn of filters that choose nothing and of what does nothing', async () => {
    const yaml = `${both}merge_method: slerp\nbase_model: a\nparameters: {int8_mask: true, t: [{filter: self_attn, value: 1}, {value: 0}]}\n`;
    expect((await planMergeModels(small.yaml(yaml))).warnings).toEqual([
      expect.stringMatching(/merge\.yml:4: "int8_mask" does nothing here/),
      'the filter "self_attn" chooses no tensor; attention and Mamba are called "mixer" in a PLaMo 2',
    ]);
  });
});

describe('layers', () => {
  it('are stacked by passthrough', async () => {
    const name = await merge(`merge_method: passthrough
slices:
  - sources: [{model: a, layer_range: [0, 4]}]
  - sources: [{model: b, layer_range: [2, 4]}]
`);
    const config = parseConfig(new Artefact(small.at(name)).config());
    expect(config.num_hidden_layers).toBe(6);
    expectMix(name, inLayer(3, 'mixer.o_proj.weight'), [['a', 1]]);
    expectMix(name, inLayer(4, 'mixer.in_proj.weight'), [['b', 1, inLayer(2, 'mixer.in_proj.weight')]]);
    expectMix(name, embedding, [['a', 1]]);
    expectMix(name, 'model.norm.weight', [['b', 1]]);
    using model = loadModel(small.at(name));
    expect(model.config.num_hidden_layers).toBe(6);
    expect(isMamba(model.config, 4)).toBe(true);
  });

  it('keep full attention where it came from', async () => {
    small.make('full', 9, { full_attention_idx: [1] });
    const name = await merge(`merge_method: passthrough
slices:
  - sources: [{model: full, layer_range: [2, 4]}]
  - sources: [{model: full, layer_range: [0, 4]}]
`);
    expect(new Artefact(small.at(name)).config()).toMatchObject({ num_hidden_layers: 6, full_attention_idx: [3] });
  });

  it('take the base from the same layers where it is not listed', async () => {
    const name = await merge(`merge_method: task_arithmetic
base_model: base
parameters: {weight: 1, lambda: 0.5}
slices: [{sources: [{model: a, layer_range: [2, 4]}]}]
`);
    expectMix(name, inLayer(1, 'mixer.o_proj.weight'), [
      ['a', 0.5, inLayer(3, 'mixer.o_proj.weight')],
      ['base', 0.5, inLayer(3, 'mixer.o_proj.weight')],
    ]);
  });

  it.each([
    ['[1, 3]', 'layer 0 of the result is Mamba, but layer 1 of a is attention'],
    ['[0, 3]', 'layer 3 of the result is attention, but layer 0 of b is Mamba'],
    ['[0, 5]', /merge\.yml:3: a has 4 layers, the range ends at 5/],
  ])('refuse what breaks the pattern of Mamba and attention: %s', async (range, message) => {
    const yaml = `merge_method: passthrough
slices:
  - sources: [{model: a, layer_range: ${range}}]
  - sources: [{model: b, layer_range: [0, 4]}]
`;
    await expect(merge(yaml)).rejects.toThrow(message);
  });
});

describe('what is refused', () => {
  const mismatch = async (other: string) => {
    try {
      await merge(`merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: ${other}}]\n`);
    } catch (error) {
      expect((error as UserError).code).toBe('merge-mismatch');
      return (error as UserError).fields['mismatches'];
    }
    return 'nothing';
  };

  it('names everything in which models differ', async () => {
    small.make('wide', 4, { hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2 }, { characters: '猫犬鳥山' });
    const found = (await mismatch('wide')) as string[];
    expect(found.slice(0, 4)).toEqual([
      'wide: hidden_size is 64, in a 32',
      'wide: intermediate_size is 96, in a 48',
      expect.stringMatching(/^wide: vocab_size is 269, in a 268$/),
      'wide: num_hidden_layers is 2, in a 4',
    ]);
    expect(found.at(-1)).toMatch(/^wide: the tokenizer is [0-9a-f]{12}, of a [0-9a-f]{12}$/);
    small.make('window', 5, { attention_window_size: 16, rope_local_theta: 5e5, rms_norm_eps: 1e-5 });
    expect(await mismatch('window')).toEqual([
      'window: rms_norm_eps is 0.00001, in a 0.000001',
      'window: the window of layer 1 is 16, of a 8',
      'window: the RoPE base of layer 1 is 500000, of a 10000',
    ]);
    small.make('full-attention', 5, { full_attention_idx: [1] });
    expect(await mismatch('full-attention')).toEqual([
      'full-attention: the window of layer 1 is full, of a 8',
      'full-attention: the RoPE base of layer 1 is 1000000, of a 10000',
    ]);
    small.make('other-words', 5, {}, { characters: '山川海' });
    expect(await mismatch('other-words')).toEqual([expect.stringMatching(/^other-words: the tokenizer is/)]);
    small.make('untied', 5, { tie_word_embeddings: false });
    expect(await mismatch('untied')).toEqual(['untied: tie_word_embeddings is false, in a true']);
  });

  it('names tensors that are missing, of another shape or of a strange name', async () => {
    small.make('broken', 6);
    const path = small.at('broken', 'config.json');
    writeFileSync(
      path,
      readFileSync(path, 'utf8')
        .replace('"intermediate_size": 48', '"intermediate_size": 50')
        .replace('"qk_norm"', '"x"'),
    );
    const found = (await mismatch('broken')) as string[];
    expect(found[0]).toBe('broken: intermediate_size is 50, in a 48');
    expect(found).toContain(`broken: "${inLayer(0, 'mlp.down_proj.weight')}" is [32, 48], by its config.json [32, 50]`);
    writeFileSync(
      path,
      readFileSync(path, 'utf8')
        .replace('"intermediate_size": 50', '"intermediate_size": 48')
        .replace('"num_hidden_layers": 4', '"num_hidden_layers": 2'),
    );
    expect(await mismatch('broken')).toContain(
      `broken: "${inLayer(3, 'mlp.down_proj.weight')}" is no tensor of a PLaMo 2`,
    );
  });

  it.each([
    [
      'merge_method: linear\nmodels:\n  - model: a\n  - model: pfnet/plamo-2-1b\nparameters: {weight: 1}\n',
      /merge\.yml:4: "pfnet\/plamo-2-1b" is no folder here.*\n.*tsumugi pull pfnet\/plamo-2-1b/,
    ],
    [
      'merge_method: linear\nmodels: [{model: a}, {model: ./nix}]\nparameters: {weight: 1}\n',
      /merge\.yml:2: there is no model folder .*nix/,
    ],
    ['merge_method: linear\nmodels: [{model: a}, {model: b+lora}]\nparameters: {weight: 1}\n', 'names an adapter'],
    [
      'merge_method: linear\nmodels: [{model: a}, {model: b}]\n',
      'linear needs the parameter weight for a, "model.embed_tokens.weight"',
    ],
    [
      'merge_method: linear\nmodels: [{model: a}, {model: b}]\nparameters: {wieght: 1}\n',
      /merge\.yml:3: linear has no parameter "wieght"\n.*"weight"/,
    ],
    [
      'merge_method: ties\nbase_model: base\nmodels: [{model: a, parameters: {lambda: 2, weight: 1}}]\n',
      /merge\.yml:3: lambda is one for all models of ties/,
    ],
    ['merge_method: ties\nmodels: [{model: a}, {model: b}]\nparameters: {weight: 1}\n', 'ties needs a base model'],
    [
      'merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}, {model: base}]\nparameters: {t: 0}\n',
      'slerp merges 1 model beside the base, got 2',
    ],
    [
      'merge_method: ties\nbase_model: base\nmodels: [{model: a}]\nparameters: {weight: 1, density: 0.0001}\n',
      '"model.embed_tokens.weight": density 0.0001 keeps none of 8576 entries',
    ],
    [
      'merge_method: linear\nmodels: [{model: a}, {model: b}]\nparameters: {weight: 3.0e+38, normalize: false}\n',
      'not finite',
    ],
    [
      'merge_method: linear\nmodels: [{model: a}, {model: b}]\nparameters: {weight: 1}\nchat_template: chatlm\n',
      /merge\.yml:4: there is no chat template "chatlm"/,
    ],
  ] as const)('and writes nothing: %j', async (yaml, message) => {
    const name = `merged-${made}`;
    await expect(merge(yaml)).rejects.toThrow(message);
    await expect(mergeModels(small.yaml(yaml), small.at(name))).rejects.toThrow(UserError);
    expect(existsSync(small.at(name))).toBe(false);
    expect(readdirSync(small.home).filter((file) => file.includes('partial'))).toEqual([]);
  });

  it('models of a hub, unless somebody fetches them', async () => {
    const yaml = small.yaml('merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: own/b@v1}]\n');
    const asked: string[] = [];
    const resolveModel = async (name: string) => {
      asked.push(name);
      return small.at('b');
    };
    await mergeModels(yaml, small.at('fetched'), { resolveModel });
    expect(asked).toEqual(['own/b@v1']);
    expectMix('fetched', embedding, [
      ['a', 0.5],
      ['b', 0.5],
    ]);
    expect((await planMergeModels(yaml, { resolveModel })).tensors).toBe(56);
    await expect(planMergeModels(yaml)).rejects.toThrow('tsumugi pull own/b@v1');
  });

  it('to write over a source or over something else', async () => {
    const yaml = small.yaml(linear);
    await expect(mergeModels(yaml, small.at('a'))).rejects.toThrow('is one of the merged models');
    mkdirSync(small.at('full-folder'));
    writeFileSync(small.at('full-folder', 'x'), '');
    await expect(mergeModels(yaml, small.at('full-folder'))).rejects.toThrow('holds something else');
  });
});

describe('tokenizers', () => {
  const rows = (model: string) => {
    const numbers = small.numbers(model, embedding);
    return (id: number) => numbers.slice(id * 32, id * 32 + 32);
  };
  const mixed = (x: readonly number[], y: readonly number[]) => x.map((each, i) => (each + y[i]!) / 2);
  const close = (found: readonly number[], expected: readonly number[]) => {
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 6);
  };
  const ask = (more: string, models = 'a', base = '') =>
    `merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: ${models}}, {model: words}]\n${base}${more}\n`;

  beforeAll(() => {
    // a has 猫 261, 犬 262, 鳥 263, then 4 rows of padding; words has 鳥 261, 山 262, 猫 263.
    small.make('words', 8, {}, { characters: '鳥山猫', padding: 0 });
  });

  it('are joined: rows are merged by token, and taken from where they are', async () => {
    const name = await merge(ask('tokenizer: {source: union}'));
    const tokenizer = loadTokenizer(small.at(name));
    expect(tokenizer.vocabSize).toBe(265);
    expect(tokenizer.encode('猫犬鳥山')).toEqual([261, 262, 263, 264]);
    expect(new Artefact(small.at(name)).config()['vocab_size']).toBe(265);
    const [found, a, words] = [name, 'a', 'words'].map(rows) as [
      typeof rows extends (m: string) => infer R ? R : never,
      (id: number) => number[],
      (id: number) => number[],
    ];
    close(found(261), mixed(a(261), words(263)));
    close(found(262), a(262)); // 犬: the only model's, for both
    close(found(263), mixed(a(263), words(261)));
    close(found(264), words(262));
    close(found(0), mixed(a(0), words(0)));
    using model = loadModel(small.at(name));
    expect(model.config.vocab_size).toBe(265);
  });

  it('take missing tokens from the base', async () => {
    const name = await merge(ask('tokenizer_source: union', 'base', 'base_model: words\n'));
    // Counted from words: 鳥山猫, then 犬 of the other.
    expect(loadTokenizer(small.at(name)).encode('鳥山猫犬')).toEqual([261, 262, 263, 264]);
    close(rows(name)(262), rows('words')(262));
    close(rows(name)(264), rows('base')(262));
  });

  it('may be the base’s or another’s', async () => {
    const base = await merge(ask('tokenizer: {source: base}'));
    expect(readFileSync(small.at(base, 'tokenizer.jsonl'))).toEqual(readFileSync(small.at('a', 'tokenizer.jsonl')));
    expect(new Artefact(small.at(base)).config()['vocab_size']).toBe(268);
    close(rows(base)(262), rows('a')(262));
    close(rows(base)(267), rows('a')(267)); // padding of the only one that has it
    const words = await merge(ask('tokenizer: {source: words, pad_to_multiple_of: 50}'));
    expect(readFileSync(small.at(words, 'tokenizer.jsonl'))).toEqual(
      readFileSync(small.at('words', 'tokenizer.jsonl')),
    );
    expect(new Artefact(small.at(words)).config()['vocab_size']).toBe(300);
    close(rows(words)(261), mixed(rows('words')(261), rows('a')(263)));
    expect(rows(words)(299)).toEqual(new Array(32).fill(0));
  });

  it('give single tokens the embedding that is asked for', async () => {
    const tokens =
      '{山: {source: {kind: model_token, model: a, token: 犬}}, 犬: {source: {kind: zero}, force: true}, 鳥: {source: a}, 猫: {source: {kind: model_token, model: words, token_id: 5}, force: true}}';
    const found = rows(await merge(ask(`tokenizer: {source: union, tokens: ${tokens}}`)));
    close(found(264), mixed(rows('a')(262), rows('words')(262))); // 山: a's own is missing, so it is 犬
    expect(found(262)).toEqual(new Array(32).fill(0)); // forced
    close(found(263), mixed(rows('a')(263), rows('words')(261))); // both have it
    close(found(261), rows('words')(5));
  });

  it('take the mean of several where a model has none', async () => {
    small.make('third', 11, {}, { characters: '山' });
    const yaml =
      'merge_method: linear\nmodels: [{model: words, parameters: {weight: 0}}, {model: third, parameters: {weight: 0}}, {model: a, parameters: {weight: 1}}]\ntokenizer: {source: union}\n';
    const name = await merge(yaml);
    close(rows(name)(262), mixed(rows('words')(262), rows('third')(261)));
    // With a base that has the token, the base's alone.
    const based = await merge(`base_model: words\n${yaml}`);
    close(rows(based)(262), rows('words')(262));
  });

  it('pad untied heads too', async () => {
    small.make('untied-words', 12, { tie_word_embeddings: false }, { characters: '鳥山猫', padding: 0 });
    const name = await merge(
      'merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: untied}, {model: untied-words}]\ntokenizer: {source: union}\n',
    );
    const head = small.numbers(name, 'lm_head.weight');
    expect(head).toHaveLength(272 * 32);
    close(head.slice(264 * 32, 265 * 32), small.numbers('untied-words', 'lm_head.weight').slice(262 * 32, 263 * 32));
    expect(head.slice(265 * 32)).toEqual(new Array(7 * 32).fill(0));
    using model = loadModel(small.at(name));
    expect(model.config.vocab_size).toBe(265);
  });

  it('carry the ids of special tokens to their new places', async () => {
    const order = 'small-order';
    small.make(order, 13);
    const path = small.at(order, 'tokenizer.jsonl');
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    writeFileSync(path, `${[lines[0], lines[2], lines[1], ...lines.slice(3)].join('\n')}\n`);
    const name = await merge(
      `merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: b}]\ntokenizer: {source: ${order}}\n`,
    );
    const artefact = new Artefact(small.at(name));
    expect(artefact.config()).toMatchObject({ bos_token_id: 2, eos_token_id: 1 });
    expect(artefact.generationConfig()).toMatchObject({ bos_token_id: 2, eos_token_id: 1 });
    close(rows(name)(2), mixed(rows('a')(1), rows('b')(1)));
  });

  it('have the chat template of most models, of a name, or as given', async () => {
    for (const [model, template] of [
      ['a', 'A {{ x }}'],
      ['b', 'B {{ x }}'],
      ['base', 'B {{ x }}'],
    ] as const) {
      const path = small.at(model, 'tokenizer_config.json');
      writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), chat_template: template }));
    }
    const templateOf = async (asked: string) =>
      new Artefact(
        small.at(
          await merge(
            `merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: b}, {model: base}]\nchat_template: ${asked}\n`,
          ),
        ),
      ).tokenizerConfig()!['chat_template'];
    expect(await templateOf('auto')).toBe('B {{ x }}');
    expect(await templateOf('chatml')).toContain('<|im_start|>');
    expect(await templateOf("'{{ messages }}'")).toBe('{{ messages }}');
    const plain = await merge(linear);
    expect(new Artefact(small.at(plain)).tokenizerConfig()!['chat_template']).toBe('A {{ x }}');
  });

  it.each([
    ['{source: union, tokens: {海: {source: a}}}', 'has no token "海"'],
    ['{source: union, tokens: {猫: {source: nowhere/x}}}', 'is no folder here'],
    ['{source: union, tokens: {猫: {source: b}}}', '"b" is none of the merged models'],
    ['{source: union, tokens: {猫: {force: true}}}', '"force" has no effect on "猫" without a source'],
    ['{source: union, tokens: {猫: {source: {kind: model_token, model: a}}}}', 'has a token or a token_id'],
    ['{source: union, tokens: {猫: {source: {kind: model_token, model: a, token: 山}}}}', 'a has no token "山"'],
    ['{source: union, tokens: {猫: {source: {kind: model_token, model: a, token_id: 999}}}}', 'a has no token 999'],
  ])('refuse %s', async (settings, message) => {
    await expect(merge(ask(`tokenizer: ${settings}`))).rejects.toThrow(message);
  });

  it('refuse models without one', async () => {
    small.make('mute', 14);
    rmSync(join(small.at('mute'), 'tokenizer.jsonl'));
    await expect(
      merge(
        'merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: mute}, {model: a}]\ntokenizer_source: union\n',
      ),
    ).rejects.toThrow('mute has no tokenizer to join');
  });
});
