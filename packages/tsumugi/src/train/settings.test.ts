// Every setting of pre-training reaches what it is for. Those of the update: two steps against the same steps taken by hand, from
// a plain loss. The others: what they change in files, events and metrics. A setting without a row fails.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { requires } from '../../../../tests/requires.testing.ts';
import { deriveSeed } from '../base/index.ts';
import { initialWeights, Plamo2, type Plamo2Config, preset } from '../lm/index.ts';
import { type RunEvent, readEvents } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { openTokenizer, PackedBatches, TokenShards } from '../text/index.ts';
import { multipliesBfloat16, NO_BFLOAT16 } from '../torch/torch.testing.ts';
import { pretrain } from './pretrain.ts';
import { type PretrainConfig, pretrainConfig } from './pretrain-config.ts';
import { silent, type TinySetup, tinySetup } from './train.testing.ts';
import { distance, savedWeights, trainByHand, type Weights } from './updates-by-hand.testing.ts';

let setup: TinySetup;
beforeAll(async () => {
  setup = await tinySetup();
});
afterAll(() => setup[Symbol.dispose]());

let runs = 0;

// Two updates, the second of which sees what the optimizer remembers of the first. A large epsilon makes the size of a gradient
// count: without it, a first update of AdamW is a sign.
const base = { steps: 2, warmup: 0, learningRate: 0.05, epsilon: 0.1, evaluateEvery: 0, checkpointEvery: 0 };

async function trained(changes: Partial<PretrainConfig>) {
  const name = `run-${runs++}`;
  const config = setup.config(name, { ...base, ...changes });
  await pretrain(config, { stream: silent });
  return { config, weights: savedWeights(config.out), events: readEvents(join(config.out, 'events.jsonl')) };
}

/** The weights of the run taken by hand. */
function byHand(config: PretrainConfig): Weights {
  const { tokenizer, sha256: tokenizerHash } = openTokenizer(config.tokenizer);
  using shards = TokenShards.open(config.data, { tokenizerHash });
  const changes = { ...(config.modelChanges as Partial<Plamo2Config>), vocab_size: tokenizer.vocabSize };
  using model = new Plamo2(preset(config.model, changes), initialWeights(deriveSeed(config.seed, 'weights')));
  const batches = new PackedBatches(shards, {
    sequenceLength: config.sequenceLength,
    batchSize: config.batchSize * config.gradientAccumulation,
    seed: deriveSeed(config.seed, 'batches'),
    predictEnd: config.predictEnd,
  });
  return trainByHand(model, (step) => batches.batch(step), config.steps, config);
}

const tolerance = 2e-5;

/** Settings of the update, each with a value that makes another one of it. */
const updates: Partial<{ [Key in keyof PretrainConfig]: Partial<PretrainConfig> }> = {
  steps: { steps: 3 },
  sequenceLength: { sequenceLength: 32 },
  batchSize: { batchSize: 3 },
  gradientAccumulation: { gradientAccumulation: 2 },
  predictEnd: { predictEnd: true },
  learningRate: { learningRate: 0.02 },
  schedule: { schedule: 'linear', steps: 4 },
  warmup: { warmup: 1 },
  decay: { schedule: 'wsd', decay: 0.5, steps: 4 },
  floor: { floor: 0.7, steps: 3 },
  betas: { betas: [0.5, 0.6] },
  epsilon: { epsilon: 0.3 },
  weightDecay: { weightDecay: 0.6 },
  clipNorm: { clipNorm: 0.05 },
  zLoss: { zLoss: 0.01 },
  seed: { seed: 1 },
};

it('takes the updates that were asked for', async () => {
  const { config, weights } = await trained({});
  expect(distance(weights, byHand(config))).toBeLessThan(tolerance);
});

it.each(Object.entries(updates))('%s makes another update, the one it stands for', async (key, changes) => {
  const { config, weights } = await trained(changes);
  expect(distance(weights, byHand(config))).toBeLessThan(tolerance);
  // Without this one setting it would be something else; so would this test notice.
  const without = { ...config, [key]: setup.config('none', base)[key as keyof PretrainConfig] };
  expect(distance(weights, byHand(without))).toBeGreaterThan(10 * tolerance);
});

const of = <T extends RunEvent['type']>(events: readonly RunEvent[], type: T) =>
  events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
const stepsOf = (events: readonly RunEvent[], type: RunEvent['type']) => of(events, type).map(({ step }) => step);
const peak = (events: readonly RunEvent[]) => Math.max(...of(events, 'step').map(({ memoryBytes }) => memoryBytes!));

/** The other settings, each with what it does. */
const others: Partial<{ [Key in keyof PretrainConfig]: () => Promise<void> }> = {
  async data() {
    await expect(trained({ data: '/nowhere' })).rejects.toThrow('/nowhere');
  },
  async tokenizer() {
    await expect(trained({ tokenizer: '/nowhere' })).rejects.toThrow('/nowhere');
  },
  async out() {
    const { config } = await trained({});
    expect(existsSync(join(config.out, 'model'))).toBe(true);
  },
  async model() {
    await expect(trained({ model: 'minni' })).rejects.toThrow('"mini"');
  },
  async modelChanges() {
    const { config } = await trained({ modelChanges: { ...setup.config('none').modelChanges, intermediate_size: 80 } });
    expect(new Artefact(join(config.out, 'model')).config()).toMatchObject({ intermediate_size: 80 });
  },
  async minutes() {
    const { events } = await trained({ steps: 100_000, minutes: 1e-6 });
    expect(stepsOf(events, 'step')).toEqual([1]);
  },
  async shard() {
    const { events } = await trained({ shard: 'zero1' });
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        message: 'shard is zero1, but there is one process: nothing is cut',
      }),
    );
  },
  async device() {
    await expect(trained({ device: 'gpu' })).rejects.toThrow('got "gpu"');
  },
  async dtype() {
    const [full, half] = [await trained({}), await trained({ dtype: 'bfloat16' })];
    const found = distance(full.weights, half.weights);
    expect(found).toBeGreaterThan(tolerance);
    expect(found).toBeLessThan(base.learningRate);
  },
  async activationCheckpointing() {
    const long = { sequenceLength: 512, steps: 1 };
    const [kept, recomputed] = [await trained(long), await trained({ ...long, activationCheckpointing: true })];
    expect(distance(kept.weights, recomputed.weights)).toBeLessThan(tolerance);
    expect(peak(recomputed.events)).toBeLessThan(0.9 * peak(kept.events));
  },
  async evaluateEvery() {
    const { events } = await trained({ steps: 5, evaluateEvery: 2 });
    expect(stepsOf(events, 'evaluation')).toEqual([0, 2, 4, 5]);
  },
  async evaluateTokens() {
    const measured = async (evaluateTokens?: number) =>
      of((await trained({ evaluateEvery: 1, evaluateTokens })).events, 'evaluation')[1]!.metrics['crossEntropy'];
    expect(await measured(10)).not.toBe(await measured());
  },
  async sampleEvery() {
    const { events } = await trained({ steps: 5, sampleEvery: 2 });
    expect(of(events, 'sample').map(({ step, prompt }) => [step, prompt])).toEqual([[2, '吾輩は'], [4, '吾輩は']]); // biome-ignore format: pairs
  },
  async samplePrompt() {
    const { events } = await trained({ sampleEvery: 1, samplePrompt: '坊っちゃん' });
    expect(of(events, 'sample').map(({ prompt }) => prompt)).toEqual(['坊っちゃん']);
  },
  async checkpointEvery() {
    const { events } = await trained({ steps: 5, checkpointEvery: 2 });
    expect(stepsOf(events, 'checkpoint')).toEqual([2, 4, 5]);
  },
  async keepLast() {
    const kept = async (keepLast: number) => {
      const { config } = await trained({ steps: 4, checkpointEvery: 1, keepLast });
      return readdirSync(join(config.out, 'checkpoints')).length;
    };
    expect([await kept(1), await kept(3)]).toEqual([1, 3]); // the best is the last one here
  },
  async keepSteps() {
    const { config, events } = await trained({ steps: 5, checkpointEvery: 2, keepLast: 1, keepSteps: [1, 3] });
    expect(stepsOf(events, 'checkpoint')).toEqual([1, 2, 3, 4, 5]);
    const kept = readdirSync(join(config.out, 'checkpoints')).map((name) => Number(name.slice(5)));
    expect(kept.sort()).toEqual([1, 3, 5]);
  },
  async layersEvery() {
    const [plain, watched] = [await trained({ steps: 5 }), await trained({ steps: 5, layersEvery: 2 })];
    expect([stepsOf(plain.events, 'layers'), stepsOf(watched.events, 'layers')]).toEqual([[], [2, 4]]);
    expect(distance(plain.weights, watched.weights)).toBe(0);
  },
};

const needed: Readonly<Record<string, object>> = {
  dtype: requires(multipliesBfloat16(), NO_BFLOAT16),
};
for (const [key, effect] of Object.entries(others))
  it(`${key} does what it is for`, needed[key] ?? {}, async () => effect());

it('knows every setting', () => {
  expect([...Object.keys(updates), ...Object.keys(others)].sort()).toEqual(Object.keys(pretrainConfig.shape).sort());
});
