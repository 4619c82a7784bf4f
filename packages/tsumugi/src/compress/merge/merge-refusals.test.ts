// What merging refuses, by name and with nothing written.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withFree } from '../../base/free-disk.testing.ts';
import { UserError } from '../../base/index.ts';
import { layerPath } from '../../lm/index.ts';
import { Artefact, writeSafetensors } from '../../store/index.ts';
import { scope } from '../../torch/index.ts';
import { planMergeModels } from './forecast.ts';
import { embedding, linear, SmallMerges } from './merge.testing.ts';
import { mergeModels } from './merge-models.ts';

let small: SmallMerges;
beforeAll(() => {
  small = new SmallMerges();
});
afterAll(() => small[Symbol.dispose]());

describe('what is refused', () => {
  const mismatch = async (other: string) => {
    try {
      await small.merge(`merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: ${other}}]\n`);
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

  it('names heads, norms of queries and keys, and types of tensors', async () => {
    small.make('heads', 5, { num_attention_heads: 2, num_key_value_heads: 2 });
    expect(((await mismatch('heads')) as string[])[0]).toBe('heads: num_key_value_heads is 2, in a 1');
    small.make('unnormed', 5, { qk_norm: false });
    expect(((await mismatch('unnormed')) as string[])[0]).toBe('unnormed: qk_norm is false, in a true');
    small.make('whole', 5);
    scope(() => {
      using weights = new Artefact(small.at('whole')).weights();
      const kept = weights.names.map((name) => [name, weights.tensor(name).clone()] as const);
      const changed = kept.map(
        ([name, each]) => [name, name === 'model.norm.weight' ? each.to('int32') : each] as const,
      );
      writeSafetensors(small.at('whole', 'model.safetensors'), changed);
    });
    expect(await mismatch('whole')).toEqual(['whole: "model.norm.weight" holds int32 values']);
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
    expect(found).toContain(
      `broken: "${layerPath(0, 'mlp.down_proj.weight')}" is [32, 48], by its config.json [32, 50]`,
    );
    writeFileSync(
      path,
      readFileSync(path, 'utf8')
        .replace('"intermediate_size": 50', '"intermediate_size": 48')
        .replace('"num_hidden_layers": 4', '"num_hidden_layers": 2'),
    );
    expect(await mismatch('broken')).toContain(
      `broken: "${layerPath(3, 'mlp.down_proj.weight')}" is no tensor of a PLaMo 2`,
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
    const name = small.next;
    await expect(small.merge(yaml)).rejects.toThrow(message);
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
    small.expectMix('fetched', embedding, [
      ['a', 0.5],
      ['b', 0.5],
    ]);
    expect((await planMergeModels(yaml, { resolveModel })).tensors).toBe(56);
    await expect(planMergeModels(yaml)).rejects.toThrow('tsumugi pull own/b@v1');
  });

  it('sources of other ranges beside a base that has none', async () => {
    const yaml = `merge_method: task_arithmetic
base_model: base
parameters: {weight: 1}
slices:
  - sources: [{model: a, layer_range: [0, 2]}, {model: b, layer_range: [2, 4]}]
`;
    await expect(small.merge(yaml)).rejects.toThrow(
      /merge\.yml:5: the sources have other ranges, and the base has none\n.*List the base/,
    );
  });

  it('a disk that is too small, and a model that changes meanwhile', async () => {
    const yaml = small.yaml(linear);
    const { diskBytes } = await planMergeModels(yaml);
    {
      using _ = withFree(diskBytes - 1);
      await expect(mergeModels(yaml, small.at('tight'), { gate: false })).rejects.toMatchObject({ code: 'disk-full' });
    }
    small.make('changing', 7);
    const path = small.at('changing', 'model.safetensors');
    const changed = readFileSync(path);
    changed[changed.length - 1]! ^= 1;
    const other = small.yaml(linear.replace('model: b', 'model: changing'), 'changing.yml');
    const onProgress = () => writeFileSync(path, changed);
    await expect(mergeModels(other, small.at('tight'), { gate: false, onProgress })).rejects.toThrow(
      'changed while it was in use',
    );
    expect(existsSync(small.at('tight'))).toBe(false);
  });

  it('to write over a source or over something else', async () => {
    const yaml = small.yaml(linear);
    for (const same of ['a', './a/', 'b/../a'])
      await expect(mergeModels(yaml, `${small.home}/${same}`)).rejects.toThrow('is a model that is read');
    mkdirSync(small.at('full-folder'));
    writeFileSync(small.at('full-folder', 'x'), '');
    await expect(mergeModels(yaml, small.at('full-folder'))).rejects.toThrow('holds something else');
  });
});

describe('places and numbers', () => {
  const change = (name: string, value: number) => {
    cpSync(small.at('a'), small.at(name), { recursive: true });
    const path = small.at(name, 'model.safetensors');
    const bytes = readFileSync(path);
    const header = 8 + Number(bytes.readBigUInt64LE());
    const entries = JSON.parse(bytes.subarray(8, header).toString());
    bytes.writeFloatLE(value, header + entries[layerPath(0, 'mlp.down_proj.weight')].data_offsets[0]);
    writeFileSync(path, bytes);
  };

  it('numbers that the type of the result cannot hold', async () => {
    change('loud', 3e5);
    const mix = linear.replace('model: a', 'model: loud');
    const refused = { code: 'merge-type', fields: { tensor: layerPath(0, 'mlp.down_proj.weight') } };
    await expect(small.merge(`${mix}dtype: float16\n`)).rejects.toMatchObject(refused);
    await small.merge(`${mix}dtype: bfloat16\n`);
  });

  it('a model of its own, whatever the path to it', async () => {
    symlinkSync(small.at('a'), small.at('link'));
    const merge = small.yaml(linear);
    for (const out of [small.at('link'), `${small.at('b')}/`])
      await expect(mergeModels(merge, out, { gate: false })).rejects.toMatchObject({ code: 'into-source' });
    cpSync(small.at('a'), small.at('holder'), { recursive: true });
    cpSync(small.at('b'), small.at('holder', 'inner'), { recursive: true });
    const inner = small.yaml(linear.replace('model: b', 'model: holder/inner'), 'inner.yml');
    await expect(mergeModels(inner, small.at('holder'), { gate: false })).rejects.toMatchObject({
      code: 'place-taken',
    });
    expect(existsSync(small.at('holder', 'inner', 'model.safetensors'))).toBe(true);
  });

  it('seeds and sizes that are none', async () => {
    for (const options of [{ seed: -1 }, { seed: 0.5 }, { maxShardBytes: 0 }])
      await expect(small.merge(linear, options)).rejects.toThrow(UserError);
  });

  it('says that parameters of a base do nothing', async () => {
    const merge = (own: string) =>
      `merge_method: ties\nbase_model: base\nmodels: [{model: base${own}}, {model: a, parameters: {weight: 1}}]\n`;
    const { warnings } = await planMergeModels(small.yaml(merge(', parameters: {weight: 5}')));
    expect(warnings).toEqual([expect.stringMatching(/merge.yml:3: parameters of the base do nothing/)]);
    expect((await planMergeModels(small.yaml(merge('')))).warnings).toEqual([]);
  });
});
