// The gate of merging: a merge is loaded again and predicts the fixed prompts about as well as its models, or nothing is written.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { loadModel, loadTokenizer, scoreText } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import { liveHandles } from '../../torch/index.ts';
import { gatePrompts } from '../gate/index.ts';
import { planMergeModels } from './forecast.ts';
import { mergedLimit } from './gate-merged.ts';
import { linear, SmallMerges } from './merge.testing.ts';
import { mergeModels } from './merge-models.ts';

let small: SmallMerges;
beforeAll(() => {
  small = new SmallMerges();
});
afterAll(() => small[Symbol.dispose]());

/** −Σ log2 p over all prompts and their characters, added up here. */
function bitsOf(name: string): number {
  using model = loadModel(small.at(name));
  const tokenizer = loadTokenizer(small.at(name));
  let [bits, characters] = [0, 0];
  for (const prompt of gatePrompts) {
    for (const logprob of scoreText(model, tokenizer, prompt).logprobs) bits -= Math.log2(Math.E) * logprob;
    characters += Array.from(prompt).length;
  }
  return bits / characters;
}

it('says how the merge and its models predict the prompts, and how it goes on beside the first', async () => {
  const before = liveHandles();
  const prompts: number[] = [];
  const { gate } = await mergeModels(small.yaml(linear), small.at('merged'), {
    onPrompt: (done, total) => prompts.push(done / total),
  });
  expect(liveHandles()).toBe(before);
  const { merged, models } = gate!.bitsPerCharacter;
  expect(merged).toBeCloseTo(bitsOf('merged'), 9);
  expect(models.map(({ model }) => model)).toEqual(['a', 'b']);
  for (const { model, value } of models) expect(value).toBeCloseTo(bitsOf(model), 9);
  expect(gate).toMatchObject({ limit: mergedLimit, beside: { model: 'a', prompts: { length: gatePrompts.length } } });
  expect(gate!.beside!.meanKl).toBeGreaterThan(0);
  expect(prompts).toEqual(gatePrompts.map((_, i) => (i + 1) / gatePrompts.length));
  expect(new Artefact(small.at('merged')).lineage()!.config['gate']).toBe(true);
});

it('finds no difference between a model and the merge of it with itself', async () => {
  const yaml = 'merge_method: slerp\nbase_model: a\nmodels: [{model: b}]\nparameters: {t: 0}\n';
  const { gate } = await mergeModels(small.yaml(yaml), small.at('same'));
  expect(gate!.beside).toMatchObject({ model: 'a', top1Agreement: 1, sameText: gatePrompts.length });
  expect(gate!.beside!.maxKl).toBeLessThan(1e-6);
  expect(gate!.bitsPerCharacter.models.map(({ model }) => model)).toEqual(['a', 'b']);
});

const loud = (weight: number) =>
  `merge_method: linear\nmodels: [{model: a}, {model: b}]\nparameters: {weight: ${weight}, normalize: false}\n`;

it.each([
  [
    'much worse than its best model',
    8,
    /needs [\d.]+ bits per character of the fixed prompts, and [ab] [\d.]+: 1 more is allowed/,
  ],
  ['not finite', 1e19, 'predicts numbers that are not finite'],
])('refuses a merge that is %s, and writes nothing, unless it is told to', async (_, weight, message) => {
  const made = mergeModels(small.yaml(loud(weight)), small.at('refused'));
  await expect(made).rejects.toThrow(message);
  await expect(made).rejects.toThrow(UserError);
  expect(existsSync(small.at('refused'))).toBe(false);
  expect(readdirSync(small.home).filter((file) => file.includes('partial'))).toEqual([]);
  const { gate } = await mergeModels(small.yaml(loud(weight)), small.at('refused'), { gate: false });
  expect(gate).toBeUndefined();
  expect(new Artefact(small.at('refused')).lineage()!.config['gate']).toBe(false);
  rmSync(small.at('refused'), { recursive: true });
});

it('compares characters, not tokens, where the tokenizer is another', async () => {
  small.make('words', 8, {}, { characters: '鳥山猫' });
  const yaml =
    'merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: words}]\ntokenizer: {source: union}\n';
  const { gate } = await mergeModels(small.yaml(yaml), small.at('joined'));
  expect(gate!.beside).toBeUndefined();
  expect(gate!.bitsPerCharacter.merged).toBeCloseTo(bitsOf('joined'), 9);
});

it('asks nothing of models without a tokenizer', async () => {
  for (const name of ['mute', 'silent']) {
    small.make(name, 9);
    for (const file of ['tokenizer.jsonl', 'tokenizer_config.json']) rmSync(small.at(name, file));
  }
  const yaml = 'merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: mute}, {model: silent}]\n';
  expect((await mergeModels(small.yaml(yaml), small.at('speechless'))).gate).toBeUndefined();
});

it('passes over a model that is not finite itself', async () => {
  await mergeModels(small.yaml(loud(1e19)), small.at('endless'), { gate: false });
  const yaml =
    'merge_method: linear\nmodels: [{model: endless, parameters: {weight: 0}}, {model: a}]\nparameters: {weight: 1}\n';
  const { gate } = await mergeModels(small.yaml(yaml), small.at('finite'));
  expect(gate!.bitsPerCharacter.models).toEqual([
    { model: 'endless', value: Number.NaN },
    { model: 'a', value: expect.closeTo(bitsOf('a'), 9) },
  ]);
  expect(gate!.beside).toBeUndefined();
});

it('holds the merge against the best of its models, not against one that is as bad', async () => {
  await mergeModels(small.yaml(loud(8)), small.at('loud'), { gate: false });
  const yaml =
    'merge_method: linear\nparameters: {normalize: false}\n' +
    'models: [{model: loud, parameters: {weight: 1}}, {model: a, parameters: {weight: 0}}]\n';
  expect(bitsOf('loud')).toBeGreaterThan(bitsOf('a') + mergedLimit);
  await expect(mergeModels(small.yaml(yaml), small.at('as loud'))).rejects.toThrow(/, and a [\d.]+: 1 more is allowed/);
});

it('is counted in the forecast', async () => {
  const yaml = small.yaml(linear);
  const [gated, plain] = [await planMergeModels(yaml), await planMergeModels(yaml, { gate: false })];
  expect(gated.seconds).toBeGreaterThan(plain.seconds);
});
