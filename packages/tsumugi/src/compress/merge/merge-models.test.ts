// A merged folder from end to end: what is written.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, loadTokenizer, parseConfig, saveModel, tensorShapes } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import { liveHandles, noGrad, scope, tensor } from '../../torch/index.ts';
import { planMergeModels } from './forecast.ts';
import { embedding, firstCharacter, linear, SmallMerges } from './merge.testing.ts';
import type { MergeProgress } from './merge-models.ts';
import { mergeIdentity } from './open-merge.ts';

let small: SmallMerges;
beforeAll(() => {
  small = new SmallMerges();
});
afterAll(() => small[Symbol.dispose]());

describe('a merged folder', () => {
  it('has the merged tensors, tokenizer and configs, and runs', async () => {
    const name = await small.merge(linear);
    const shapes = tensorShapes(parseConfig(new Artefact(small.at('a')).config()));
    for (const tensor of shapes.keys())
      small.expectMix(name, tensor, [
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
    const name = await small.merge(linear, { seed: 7, recipe: 'r', set: ['models.0.parameters.weight=1'] });
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
    const [first, again, other] = [
      await small.merge(dare),
      await small.merge(dare),
      await small.merge(dare, { seed: 1 }),
    ];
    const bytes = (name: string) => readFileSync(small.at(name, 'model.safetensors'));
    expect(bytes(again!).equals(bytes(first!))).toBe(true);
    expect(bytes(other!).equals(bytes(first!))).toBe(false);
  });

  it('is written in shards, and in another type', async () => {
    const name = await small.merge(`${linear}out_dtype: bfloat16\n`, { maxShardBytes: 40_000 });
    expect(readdirSync(small.at(name)).filter((file) => /model-\d+-of-\d+/.test(file)).length).toBeGreaterThan(1);
    const artefact = new Artefact(small.at(name));
    expect(artefact.config()['torch_dtype']).toBe('bfloat16');
    using weights = artefact.weights();
    expect(new Set(weights.names.map((tensor) => weights.info(tensor).dtype))).toEqual(new Set(['bfloat16']));
    const wide = await small.merge(linear);
    scope(() => {
      using whole = new Artefact(small.at(wide)).weights();
      for (const tensor of weights.names)
        expect(weights.tensor(tensor).tolist()).toEqual(whole.tensor(tensor).to('bfloat16').tolist());
    });
  });

  it('computes in float64 and writes it where the merge says so', async () => {
    using weights = new Artefact(small.at(await small.merge(`${linear}dtype: float64\n`))).weights();
    const [a, b] = ['a', 'b'].map((name) => small.numbers(name, embedding));
    expect(weights.info(embedding).dtype).toBe('float64');
    scope(() =>
      expect([...weights.tensor(embedding).reshape([-1]).data()]).toEqual(
        a!.map((each, i) => each * 0.75 + 0.25 * b![i]!),
      ),
    );
  });

  it('is of the type that out_dtype says, then dtype, then of the widest of its models', async () => {
    const inputs = { tokenizerFolder: small.at('b') };
    for (const [name, dtype] of [['half', 'bfloat16'], ['double', 'float64']] as const) {
      using as = loadModel(small.at('b'), { dtype });
      saveModel(small.at(name), as, inputs);
    } // biome-ignore format: pairs
    const typeOf = async (yaml: string) => {
      using weights = new Artefact(small.at(await small.merge(yaml))).weights();
      return weights.info(embedding).dtype;
    };
    const of = (other: string) => linear.replace('model: b', `model: ${other}`);
    expect(await typeOf(`${linear}dtype: float64\nout_dtype: float32\n`)).toBe('float32');
    expect(await typeOf(of('half'))).toBe('float32');
    expect(await typeOf(of('double'))).toBe('float64');
    expect(await typeOf(of('half').replace('model: a', 'model: half'))).toBe('bfloat16');
  });

  it('is known by what it is made from: the merge, its seed, its models', async () => {
    const identity = (seed?: number) => mergeIdentity(small.yaml(linear), seed === undefined ? {} : { seed });
    const plain = await identity();
    expect(await identity(0)).toBe(plain);
    expect(await identity(1)).not.toBe(plain);
    expect(await mergeIdentity(small.yaml(linear.replace('weight: 3', 'weight: 2')))).not.toBe(plain);
    const path = small.at('b', 'generation_config.json');
    const before = readFileSync(path);
    writeFileSync(path, '{}\n');
    expect(await identity()).not.toBe(plain);
    writeFileSync(path, before);
    expect(await identity()).toBe(plain);
  });

  it('keeps a handful of tensors alive, and none afterwards', async () => {
    const before = liveHandles();
    const seen: number[] = [];
    await small.merge(linear, { onProgress: () => seen.push(liveHandles() - before) });
    expect(Math.max(...seen)).toBeLessThan(8);
    expect(liveHandles()).toBe(before);
  });

  it('tells how far it is', async () => {
    const seen: MergeProgress[] = [];
    await small.merge(linear, { onProgress: (progress) => seen.push(progress) });
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
