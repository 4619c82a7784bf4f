// What is told of a step beside its loss: gradients and outputs of each layer, and how much of the machine it uses.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deriveSeed } from '../base/index.ts';
import { initialWeights, Plamo2, type Plamo2Config, preset } from '../lm/index.ts';
import { type LayersEvent, readEvents, type StartEvent, type StepEvent } from '../run/index.ts';
import { openTokenizer, PackedBatches, TokenShards } from '../text/index.ts';
import { modelFlops } from './flops.ts';
import { pretrain } from './pretrain.ts';
import { silent, type TinySetup, tinySetup } from './train.testing.ts';

let setup: TinySetup;
beforeAll(async () => {
  setup = await tinySetup();
});
afterAll(() => setup[Symbol.dispose]());

it('tells the gradients and outputs of each layer', async () => {
  const config = setup.config('watched', {
    steps: 1,
    layersEvery: 1,
    gradientAccumulation: 2,
    evaluateEvery: 0,
    checkpointEvery: 0,
  });
  await pretrain(config, { stream: silent });
  const events = readEvents(join(config.out, 'events.jsonl'));
  const { layers } = events.find(({ type }) => type === 'layers') as LayersEvent;
  const names = ['model.embed_tokens', 'model.layers.layers.0', 'model.layers.layers.1', 'model.norm'];
  expect(Object.keys(layers).sort()).toEqual(names);
  for (const metrics of Object.values(layers)) expect(Object.keys(metrics)).toEqual(['gradNorm', 'rms', 'max']);
  // The squares of the parts' norms add up to that of the whole.
  const { gradNorm } = events.find(({ type }) => type === 'step') as StepEvent;
  const whole = Math.hypot(...Object.values(layers).map((part) => part.gradNorm!));
  expect(whole / gradNorm!).toBeCloseTo(1, 6);

  // The embedding by hand: the rows of the table that the first micro-batch's tokens name.
  const { tokenizer, sha256: tokenizerHash } = openTokenizer(config.tokenizer);
  using shards = TokenShards.open(config.data, { tokenizerHash });
  const changes = { ...(config.modelChanges as Partial<Plamo2Config>), vocab_size: tokenizer.vocabSize };
  using model = new Plamo2(preset(config.model, changes), initialWeights(deriveSeed(config.seed, 'weights')));
  const { sequenceLength, batchSize, predictEnd, seed } = config;
  const all = { sequenceLength, batchSize: 2 * batchSize, seed: deriveSeed(seed, 'batches'), predictEnd };
  const { tokens } = new PackedBatches(shards, all).batch(0);
  const table = model.model.embed_tokens as unknown as { weight: { tolist(): number[][] } };
  const rows = table.weight.tolist();
  const values = [...tokens.subarray(0, batchSize * sequenceLength)].flatMap((token) => rows[token]!);
  const { rms, max } = layers['model.embed_tokens']!;
  expect(rms! / Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)).toBeCloseTo(1, 5);
  expect(max!).toBeCloseTo(
    values.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    6,
  );
});

it('tells which share of the machine a step uses', async () => {
  const said: string[] = [];
  const config = setup.config('mfu', { steps: 2, evaluateEvery: 0, checkpointEvery: 0 });
  await pretrain(config, { stream: { write: (text) => said.push(text) } });
  const events = readEvents(join(config.out, 'events.jsonl'));
  const { peakFlops } = events.find(({ type }) => type === 'start') as StartEvent;
  expect(peakFlops).toBeGreaterThan(1e8);
  const shape = preset('mini', { ...(config.modelChanges as Partial<Plamo2Config>), vocab_size: 500 });
  const perToken = modelFlops(shape, config) / (config.batchSize * config.sequenceLength);
  const steps = events.filter((event): event is StepEvent => event.type === 'step');
  for (const { mfu, tokensPerSecond } of steps)
    expect(mfu! / ((perToken * tokensPerSecond!) / peakFlops!)).toBeCloseTo(1, 6);
  expect(said.join('')).toMatch(/tok\/s .*MFU \d+ %/);
});
