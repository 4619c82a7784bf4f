// Every setting of the stage that evaluates reaches what it is for: two evaluations that differ in it alone find something else, or,
// where the metrics must stay the same, do it in another way. A setting without a row fails.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type TinySetup, tinyModel, tinySetup } from '../train/train.testing.ts';
import { evaluate, pretrain } from './index.ts';
import { given, runStage } from './stages.testing.ts';

const batches = vi.hoisted((): number[] => []);
vi.mock('../train/index.ts', async (original) => {
  const train = await original<typeof import('../train/index.ts')>();
  const evaluateHeldOut: typeof train.evaluateHeldOut = (model, shards, options) => {
    batches.push(options.batchSize);
    return train.evaluateHeldOut(model, shards, options);
  };
  return { ...train, evaluateHeldOut };
});

let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);

beforeAll(async () => {
  setup = await tinySetup();
  const training = { modelChanges: tinyModel, steps: 1, sequenceLength: 48, batchSize: 2, evaluateEvery: 0 };
  const inputs = { data: given(at('data'), { tokens: 6000 }), tokenizer: given(at('tokenizer')) };
  await runStage(pretrain, training, inputs, at('base'));
  const index = fileURLToPath(new URL('../eval/index.ts', import.meta.url));
  for (const name of ['mine', 'other'])
    writeFileSync(
      at(`${name}.ts`),
      `import { generateTask } from ${JSON.stringify(index)};
export default generateTask({
  name: '${name}', version: 1, summary: 's', metric: 'm', shots: 1, wording: '', options: { mark: 'put behind each id' },
  load: ({ options }) => ({
    samples: ['1', '2', '3', '4', '5', '6'].map((id) => ({ id, mark: options?.mark ?? '' })),
    examples: ['7', '8', '9'].map((id) => ({ id, mark: '' })),
  }),
  prompt: ({ id, mark }, shots) => shots.map((shot) => shot.id).join('') + id + mark,
  decoding: { maxTokens: 2 },
  score: ({ id }) => ({ m: Number(id) }),
});
`,
    );
});
afterAll(() => setup[Symbol.dispose]());

const base = () => ({ sequenceLengths: [48], batchTokens: 96, tasks: [at('mine.ts')], limit: 4, shots: 1, seed: 1 });
let runs = 0;
async function found(changes: object): Promise<{ result: string; batches: number[] }> {
  batches.length = 0;
  const inputs = { models: [given(at('base', 'model'))], data: given(at('data')) };
  const name = `evaluated-${runs++}`;
  const result = await runStage(evaluate, { ...base(), ...changes }, inputs, at(name));
  // What was asked is in the files of single models.
  const kept = readdirSync(at(name, 'results')).map((file) => readFileSync(at(name, 'results', file), 'utf8'));
  return { result: JSON.stringify([result, kept]).replaceAll(setup.folder, ''), batches: [...batches] };
}

/** Setting → another value of it. */
const others = (): Record<string, unknown> => ({
  sequenceLengths: [24],
  batchTokens: 192,
  tasks: [at('other.ts')],
  options: { mark: '猫' },
  limit: 3,
  shots: 2,
  seed: 2,
});

it('has a row for every setting', () => {
  expect(Object.keys(others()).sort()).toEqual(Object.keys(evaluate.config.shape).sort());
});

it.each(Object.keys(evaluate.config.shape))('%s does what it is for', async (setting) => {
  const [before, after] = [await found({}), await found({ [setting]: others()[setting] })];
  expect(await found({})).toEqual(before);
  if (setting === 'batchTokens') expect([before.batches, after.batches]).toEqual([[2], [4]]);
  else expect(after.result).not.toBe(before.result);
});
