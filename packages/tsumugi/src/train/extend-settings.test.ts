// Every setting of extension reaches what it is for, as settings.test.ts has it for pre-training: two steps that differ in one
// setting, against the same steps taken by hand from the switched model; the others by what they change in files and events. A
// setting without a row fails.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { requires } from '../../../../tests/requires.testing.ts';
import { deriveSeed } from '../base/index.ts';
import { thorough } from '../base/thorough.testing.ts';
import { initialWeights, loadModel, Plamo2, preset, saveModel } from '../lm/index.ts';
import { namedParameters } from '../nn/index.ts';
import { type RunEvent, readEvents } from '../run/index.ts';
import { LongBatches, openCorpus, openTokenizer, prepare, TokenShards } from '../text/index.ts';
import { noGrad, scope } from '../torch/index.ts';
import { multipliesBfloat16, NO_BFLOAT16 } from '../torch/torch.testing.ts';
import { extend } from './extend.ts';
import { type ExtendConfig, type ExtendInput, extendConfig } from './extend-config.ts';
import { silent, type TinySetup, tinyModel, tinySetup } from './train.testing.ts';
import { distance, ofTheLoop, savedWeights, trainByHand, type Weights } from './updates-by-hand.testing.ts';

let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);
beforeAll(async () => {
  setup = await tinySetup();
  const { tokenizer: encoder, sha256: tokenizerHash } = openTokenizer(at('tokenizer'));
  const corpus = openCorpus([at('text.txt')], { documentCharacters: 800 });
  await prepare(corpus, at('more'), { encoder, tokenizerHash, seed: 1, heldOutFraction: 0.3 });
  for (const seed of [0, 1]) {
    using model = new Plamo2(preset('mini', { ...tinyModel, vocab_size: encoder.vocabSize }), initialWeights(seed));
    // Weights large enough that it matters what a query sees, and where.
    for (const [name, each] of namedParameters(model))
      if (/qkv_proj|q_weight|k_weight/.test(name)) scope(() => void noGrad(() => each.detach().mul_(5)));
    saveModel(at(`model-${seed}`), model, { tokenizerFolder: at('tokenizer') });
  }
});
afterAll(() => setup[Symbol.dispose]());

let runs = 0;
/** Two phases of a step. A large epsilon makes the size of a gradient count. */
const settings = (changes: Partial<ExtendInput> = {}): ExtendConfig =>
  extendConfig.parse({
    model: at('model-0'),
    out: at(`run-${runs++}`),
    mix: [{ data: at('data') }],
    phases: [phase(48), phase(64)],
    warmup: 0,
    learningRate: 0.05,
    epsilon: 0.1,
    evaluateEvery: 0,
    checkpointEvery: 0,
    ...changes,
  });
const phase = (sequenceLength: number, changes: Partial<ExtendConfig['phases'][number]> = {}) => ({
  sequenceLength,
  steps: 1,
  batchSize: 2,
  gradientAccumulation: 1,
  ...changes,
});

async function extended(changes: Partial<ExtendInput>) {
  const config = settings(changes);
  const result = await extend(config, { stream: silent });
  return { ...result, config, weights: savedWeights(config.out), events: readEvents(join(config.out, 'events.jsonl')) };
}

/** The weights of the run taken by hand. Layer 1 is the only one of attention. */
function byHand(config: ExtendConfig): Weights {
  const { sha256: tokenizerHash } = openTokenizer(config.model);
  using stack = new DisposableStack();
  const sources = config.mix.map(({ data, weight }) => ({
    shards: stack.use(TokenShards.open(data, { tokenizerHash })),
    weight,
  }));
  const loaded = stack.use(loadModel(config.model, { dtype: 'float32' }));
  const switched = {
    ...loaded.config,
    full_attention_idx: config.layers === 'all' ? [1] : [...config.layers],
    rope_theta: config.ropeTheta,
    rope_local_theta: config.ropeLocalTheta ?? loaded.config.rope_local_theta,
    attention_window_size: config.windowSize ?? loaded.config.attention_window_size,
  };
  const tensors = new Map(namedParameters(loaded));
  const model = stack.use(new Plamo2(switched, (name) => scope(() => tensors.get(name)!.detach().clone())));
  const batches = config.phases.flatMap(({ sequenceLength, steps, batchSize, gradientAccumulation }, index) => {
    const seed = deriveSeed(config.seed, 'phase', index);
    const rows = { sequenceLength, batchSize: batchSize * gradientAccumulation, seed, predictEnd: config.predictEnd };
    const found = new LongBatches(sources, rows);
    return Array.from({ length: steps }, (_, k) => found.batch(k));
  });
  return trainByHand(model, (step) => batches[step]!, batches.length, config);
}

const tolerance = 2e-5;

/** Setting → changes that make another update, and what must stand beside them. */
const updates: Record<string, (() => [changes: Partial<ExtendInput>, beside?: Partial<ExtendInput>])[]> = {
  model: [() => [{ model: at('model-1') }]],
  'mix.data': [() => [{ mix: [{ data: at('more') }] }]],
  'mix.weight': [
    () => {
      const mix = (weight: number) => ({ mix: [{ data: at('data') }, { data: at('more'), weight }] });
      return [mix(5), mix(1)];
    },
  ],
  layers: [() => [{ layers: [] }]],
  ropeTheta: [() => [{ ropeTheta: 10 }]],
  ropeLocalTheta: [() => [{ ropeLocalTheta: 10 }, { layers: [] }]],
  windowSize: [() => [{ windowSize: 3 }, { layers: [] }]],
  'phases.sequenceLength': [() => [{ phases: [phase(32), phase(64)] }], () => [{ phases: [phase(48), phase(96)] }]],
  'phases.steps': [() => [{ phases: [phase(48, { steps: 2 }), phase(64)] }]],
  'phases.batchSize': [() => [{ phases: [phase(48), phase(64, { batchSize: 3 })] }]],
  'phases.gradientAccumulation': [() => [{ phases: [phase(48, { gradientAccumulation: 2 }), phase(64)] }]],
  // Rows long enough, and so many, that a text ends in some.
  predictEnd: [() => [{ predictEnd: true }, { phases: [phase(256, { batchSize: 8 })] }]],
  learningRate: [() => [{ learningRate: 0.02 }]],
  schedule: [() => [{ schedule: 'linear' }, longer]],
  warmup: [() => [{ warmup: 1 }]],
  decay: [() => [{ decay: 0.5 }, { ...longer, schedule: 'wsd' }]],
  floor: [() => [{ floor: 0.7 }, longer]],
  betas: [() => [{ betas: [0.5, 0.95] }], () => [{ betas: [0.9, 0.6] }]],
  epsilon: [() => [{ epsilon: 0.3 }]],
  weightDecay: [() => [{ weightDecay: 0.6 }]],
  clipNorm: [() => [{ clipNorm: 0.05 }]],
  zLoss: [() => [{ zLoss: 0.01 }]],
  seed: [() => [{ seed: 1 }]],
};
// Four updates: smaller ones, so that what is rounded in the first is not magnified by the last.
const longer = { phases: [phase(48, { steps: 2 }), phase(64, { steps: 2 })], learningRate: 0.02 };

it('takes the updates that were asked for', async () => {
  const { config, weights } = await extended({});
  expect(distance(weights, byHand(config))).toBeLessThan(tolerance);
});

const tried = Object.entries(updates).filter(([key]) => thorough || !ofTheLoop.includes(key));
it.each(tried)('%s makes another update, the one it stands for', async (_, rows) => {
  for (const row of rows) {
    const [changes, beside = {}] = row();
    const { config, weights } = await extended({ ...beside, ...changes });
    expect(distance(weights, byHand(config))).toBeLessThan(tolerance);
    // Without this one setting it would be something else; so would this test notice.
    expect(distance(weights, byHand(settings(beside)))).toBeGreaterThan(10 * tolerance);
  }
});

const of = <T extends RunEvent['type']>(events: readonly RunEvent[], type: T) =>
  events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
const stepsOf = (events: readonly RunEvent[], type: RunEvent['type']) => of(events, type).map(({ step }) => step);
const peak = (events: readonly RunEvent[]) => Math.max(...of(events, 'step').map(({ memoryBytes }) => memoryBytes!));
const five = { phases: [phase(48, { steps: 5 })] };

/** The other settings, each with what it does. */
const others: Record<string, () => Promise<void>> = {
  async out() {
    const { config } = await extended({});
    expect(existsSync(join(config.out, 'model', 'config.json'))).toBe(true);
  },
  // What it does over ranks is seen in stages-over-ranks.test.ts.
  async ranksPerRow() {
    await expect(extended({ ranksPerRow: 2 })).rejects.toThrow('which does not divide the one process there is');
  },
  async shard() {
    const { events } = await extended({ shard: 'zero1' });
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        message: 'shard is zero1, but there is one process: nothing is cut',
      }),
    );
  },
  async device() {
    await expect(extended({ device: 'gpu' })).rejects.toThrow('got "gpu"');
  },
  async dtype() {
    const [full, half] = [await extended({}), await extended({ dtype: 'bfloat16' })];
    const found = distance(full.weights, half.weights);
    expect(found).toBeGreaterThan(tolerance);
    expect(found).toBeLessThan(0.05);
    expect(half.before!.crossEntropy).not.toBe(full.before!.crossEntropy);
    expect(half.before!.crossEntropy).toBeCloseTo(full.before!.crossEntropy, 1);
  },
  async activationCheckpointing() {
    const long = { phases: [phase(256, { batchSize: 4 })] };
    const [recomputed, kept] = [await extended(long), await extended({ ...long, activationCheckpointing: false })];
    expect(distance(kept.weights, recomputed.weights)).toBeLessThan(tolerance);
    expect(peak(recomputed.events)).toBeLessThan(0.9 * peak(kept.events));
  },
  async evaluateEvery() {
    const { events } = await extended({ ...five, evaluateEvery: 2 });
    expect(stepsOf(events, 'evaluation')).toEqual([0, 2, 4, 5]);
  },
  async evaluateTokens() {
    const [few, all] = [await extended({ evaluateTokens: 10 }), await extended({})];
    for (const when of ['before', 'after'] as const) expect(few[when]!.predicted).toBeLessThan(all[when]!.predicted);
  },
  async checkpointEvery() {
    const { events } = await extended({ ...five, checkpointEvery: 2 });
    expect(stepsOf(events, 'checkpoint')).toEqual([2, 4, 5]);
  },
  async keepLast() {
    const kept = async (keepLast: number) => {
      const { config } = await extended({ ...five, checkpointEvery: 1, keepLast });
      return readdirSync(join(config.out, 'checkpoints')).length;
    };
    expect([await kept(1), await kept(3)]).toEqual([1, 3]); // the best is the last one here
  },
  async keepSteps() {
    const { config, events } = await extended({ ...five, checkpointEvery: 2, keepLast: 1, keepSteps: [1, 3] });
    expect(stepsOf(events, 'checkpoint')).toEqual([1, 2, 3, 4, 5]);
    const kept = readdirSync(join(config.out, 'checkpoints')).map((name) => Number(name.slice(5)));
    expect(kept.sort()).toEqual([1, 3, 5]);
  },
  async layersEvery() {
    const [plain, watched] = [await extended({ ...five }), await extended({ ...five, layersEvery: 2 })];
    expect([stepsOf(plain.events, 'layers'), stepsOf(watched.events, 'layers')]).toEqual([[], [2, 4]]);
    expect(distance(plain.weights, watched.weights)).toBe(0);
  },
};

const needed: Readonly<Record<string, object>> = {
  dtype: requires(multipliesBfloat16(), NO_BFLOAT16),
};
for (const [key, effect] of Object.entries(others))
  it(`${key} does what it is for`, needed[key] ?? {}, async () => effect());

it('knows every setting, and those of each phase and source', () => {
  const { mix, phases, ...single } = extendConfig.shape;
  const inside = { mix: mix.element, phases: phases.unwrap().element };
  const all = [
    ...Object.keys(single),
    ...Object.entries(inside).flatMap(([name, { shape }]) => Object.keys(shape).map((key) => `${name}.${key}`)),
  ];
  expect([...Object.keys(updates), ...Object.keys(others)].sort()).toEqual(all.sort());
});
