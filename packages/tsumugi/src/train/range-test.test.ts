// A learning-rate range test: each update is taken at its rate, divergence is what was looked for, and no model comes of it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deriveSeed } from '../base/index.ts';
import { initialWeights, Plamo2, type Plamo2Config, preset } from '../lm/index.ts';
import { readEvents } from '../run/index.ts';
import { loadLatestCheckpoint } from '../store/index.ts';
import { openTokenizer, PackedBatches, TokenShards } from '../text/index.ts';
import { scope } from '../torch/index.ts';
import { requireModelMade } from './check-settings.ts';
import { pretrain } from './pretrain.ts';
import { type PretrainConfig, pretrainConfig } from './pretrain-config.ts';
import { silent, type TinySetup, tinyModel, tinySetup } from './train.testing.ts';
import { distance, trainByHand, type Weights } from './updates-by-hand.testing.ts';

let setup: TinySetup;
beforeAll(async () => {
  setup = await tinySetup();
});
afterAll(() => setup[Symbol.dispose]());

async function run(name: string, changes: Partial<PretrainConfig>) {
  const config = setup.config(name, { schedule: 'range-test', evaluateEvery: 0, checkpointEvery: 0, ...changes });
  const result = await pretrain(config, { stream: silent });
  return { config, result, events: readEvents(join(config.out, 'events.jsonl')) };
}

function byHand(config: PretrainConfig): Weights {
  const { tokenizer, sha256: tokenizerHash } = openTokenizer(config.tokenizer);
  using shards = TokenShards.open(config.data, { tokenizerHash });
  const changes: Partial<Plamo2Config> = { ...tinyModel, vocab_size: tokenizer.vocabSize };
  using model = new Plamo2(preset(config.model, changes), initialWeights(deriveSeed(config.seed, 'weights')));
  const { sequenceLength, batchSize, predictEnd } = config;
  const seed = deriveSeed(config.seed, 'batches');
  const batches = new PackedBatches(shards, { sequenceLength, batchSize, seed, predictEnd });
  return trainByHand(model, (step) => batches.batch(step), config.steps, config);
}

it('takes each update at its rate', async () => {
  const { config, result, events } = await run('rates', { steps: 3, learningRate: 0.1, epsilon: 0.1 });
  const rates = events.flatMap((event) => (event.type === 'step' ? [event.lr!] : []));
  for (const [i, rate] of [1e-6, 0.1 * Math.sqrt(1e-5), 0.1].entries()) expect(rates[i]! / rate).toBeCloseTo(1, 12);
  using saved = loadLatestCheckpoint(join(config.out, 'checkpoints'));
  const weights = scope(() => {
    const file = saved!.tensors('model');
    return new Map(file.names.map((name) => [name, file.tensor(name).flatten().tolist() as number[]]));
  });
  expect(distance(weights, byHand(config))).toBeLessThan(2e-5);
  expect(distance(weights, byHand({ ...config, schedule: 'constant' }))).toBeGreaterThan(1e-3);
  expect(result).toMatchObject({ interrupted: false, folder: undefined });
  expect([result.before, result.after].every((each) => each !== undefined)).toBe(true);
  expect(existsSync(join(config.out, 'model'))).toBe(false);
});

it('ends where it diverges, as a run that is done', async () => {
  const { result, events } = await run('diverges', { steps: 30, learningRate: 1e38, floor: 1e-38, clipNorm: 1e9 });
  const last = events.findLast((event) => event.type === 'step')!;
  expect(last.step).toBeLessThan(30);
  expect(events.slice(-2)).toMatchObject([
    { type: 'warning', code: 'diverged', step: last.step },
    { type: 'end', reason: 'done', step: last.step },
  ]);
  expect(result).toMatchObject({ interrupted: false, folder: undefined });
  expect([result.before !== undefined, result.after]).toEqual([true, undefined]);
});

it('is no stage of a recipe, which wants a model', () => {
  const paths = { data: 'd', tokenizer: 't', out: 'o' };
  expect(() => requireModelMade(pretrainConfig.parse({ ...paths, schedule: 'range-test' }))).toThrow('makes no model');
  expect(() => requireModelMade(pretrainConfig.parse(paths))).not.toThrow();
});
