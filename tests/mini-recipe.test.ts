// recipes/plamo2-mini.ts from end to end, with a model of 30,000 parameters: every stage makes what the next one takes.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { loadRecipe } from '../packages/tsumugi/src/cli/recipes.ts';
import { applySettings } from '../packages/tsumugi/src/cli/settings.ts';
import { loadModel } from '../packages/tsumugi/src/lm/index.ts';
import { runRecipe } from '../packages/tsumugi/src/recipe/index.ts';
import { Artefact } from '../packages/tsumugi/src/store/index.ts';
import { embeddedText } from '../packages/tsumugi/src/text/index.ts';
import { silent, tinyModel } from '../packages/tsumugi/src/train/train.testing.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-mini-'));
  vi.stubEnv('XDG_CACHE_HOME', join(home, 'cache'));
  writeFileSync(join(home, 'text.txt'), readFileSync(embeddedText()[1]!, 'utf8').slice(0, 16_000));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const steps = { steps: 2, sequenceLength: 48, batchSize: 1, evaluateEvery: 2, evaluateTokens: 200 };

const settings = () => ({
  text: [join(home, 'text.txt')],
  reading: { documentCharacters: 800 },
  tokenizer: { vocabularySize: 400 },
  data: { heldOutFraction: 0.3 },
  pretrain: { ...steps, modelChanges: tinyModel },
  grow: { num_hidden_layers: 4 },
  extend: { phases: [{ sequenceLength: 96, steps: 2, batchSize: 1 }], evaluateEvery: 2, evaluateTokens: 200 },
  prune: { intermediate_size: 48, sequences: 2, sequenceLength: 48 },
  distill: steps,
  sibling: steps,
  sft: tuned,
  sftSibling: tuned,
  dpo: tuned,
  quantize: { groupSize: 16, bits: 8 },
  answers: { limit: 8, maxTokens: 4 },
  evaluate: { sequenceLengths: [48], tasks: [], options: {} },
});
const tuned = { steps: 2, sequenceLength: 256, batchSize: 2 };

async function make(changes: object = {}) {
  const recipe = await loadRecipe('plamo2-mini');
  const out = join(home, 'out');
  const config = applySettings(recipe.config, { ...settings(), ...changes });
  const { report } = await runRecipe(recipe, config, { out, stream: silent });
  const stage = (name: string) => report.stages.find((each) => each.name === name)!;
  return { report, stage, at: (...names: string[]) => join(out, ...names) };
}

it('goes from a text to an aligned model in few bits and a GGUF file', async () => {
  const { report, stage, at } = await make();
  const bits = stage('evaluate').metrics.filter(({ name }) => name.includes('bits per character'));
  expect(bits.map(({ name }) => name.split(':')[0])).toEqual(['pretrain', 'extend', 'merge', 'dpoMerge']);
  const shape = (name: string) => {
    using model = loadModel(at(name, 'model'));
    return [model.config.num_hidden_layers, model.config.intermediate_size];
  };
  expect(shape('pretrain')).toEqual([2, 64]);
  for (const name of ['grow', 'extend']) expect(shape(name), name).toEqual([4, 64]);
  for (const name of ['prune', 'distill', 'sibling', 'merge', 'sft', 'sftMerge', 'dpo', 'dpoMerge'])
    expect(shape(name), name).toEqual([4, 48]);
  const parents = (name: string) => new Artefact(at(name, 'model')).lineage()!.parents.length;
  expect(['merge', 'sftMerge', 'dpoMerge'].map(parents)).toEqual([2, 2, 2]);
  expect(new Artefact(at('quantize', 'model')).config()).toHaveProperty('quantization_config');
  expect(existsSync(at('export', 'gguf', 'model.gguf'))).toBe(true);

  // What it is asked is in none of the rows that it learned from, and not in the text that it was trained on.
  const [rows, unseen] = ['questions', 'unseen'].map((name) =>
    readFileSync(at(name, 'examples', 'rows.jsonl'), 'utf8'),
  );
  const asked = stage('answers').tables[1]!.rows.map(([question]) => String(question).split('\n').at(-1)!);
  expect(asked.length).toBeGreaterThan(2);
  for (const sentence of asked) {
    expect(sentence).toContain('（　）');
    expect([rows!.includes(sentence), unseen!.includes(sentence)]).toEqual([false, true]);
  }
  expect(stage('answers').metrics.map(({ name }) => name)).toEqual([
    ...['merge', 'sftMerge', 'dpoMerge', 'quantize'].map((name) => `${name}: answers right`),
    ...['sftMerge', 'dpoMerge', 'quantize'].map((name) => `${name}: more answers right than merge`),
  ]);
  // Every stage says what it found.
  for (const each of report.stages) expect(each.metrics.length, each.name).toBeGreaterThan(0);
}, 240_000);

it('leaves out what is not asked for', async () => {
  const names = async (changes: object) => (await make(changes)).report.stages.map(({ name }) => name);
  const first = ['tokenizer', 'data', 'pretrain', 'grow'];
  expect(await names({ longContext: false, smaller: false, aligned: false })).toEqual([
    ...first,
    ...['quantize', 'export', 'evaluate'],
  ]);
}, 120_000);
