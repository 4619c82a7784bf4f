// Every setting of fine-tuning reaches what it is for. Those of the update: two steps against the same steps taken by hand, from a
// plain loss. The others: what they change in files, events and metrics. A setting without a row fails.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { requires } from '../../../../tests/requires.testing.ts';
import { deriveSeed, sha256File } from '../base/index.ts';
import { thorough } from '../base/thorough.testing.ts';
import { initialWeights, loadModel, Plamo2, preset, saveModel } from '../lm/index.ts';
import { type RunEvent, readEvents } from '../run/index.ts';
import { openSafetensors } from '../store/index.ts';
import { ExampleBatches } from '../text/index.ts';
import { multipliesBfloat16, NO_BFLOAT16 } from '../torch/torch.testing.ts';
import { copiedWeights } from './copied-weights.ts';
import { instructions, jsonLines, type SftSetup, sftSetup } from './sft.testing.ts';
import { sft } from './sft.ts';
import { type SftConfig, type SftInput, sftConfig } from './sft-config.ts';
import { openSftData } from './sft-data.ts';
import { silent, tinyModel } from './train.testing.ts';
import { distance, ofTheLoop, savedWeights, trainByHand, type Weights, weightsIn } from './updates-by-hand.testing.ts';

let setup: SftSetup;
beforeAll(async () => {
  setup = await sftSetup();
  writeFileSync(setup.at('few.jsonl'), jsonLines(instructions(2).slice(0, 9)));
  const turns = instructions(3).map(({ instruction, input, output }) => [
    { role: 'user', content: `${instruction}${input}` },
    { role: 'assistant', content: output },
  ]);
  const conversations = Array.from({ length: 20 }, (_, i) => ({ messages: [...turns[i]!, ...turns[i + 20]!] }));
  writeFileSync(setup.at('turns.jsonl'), jsonLines(conversations));
  using other = new Plamo2(preset('mini', { ...tinyModel, vocab_size: 500 }), initialWeights(8));
  saveModel(setup.at('other'), other, { tokenizerFolder: setup.at('tokenizer') });
});
afterAll(() => setup[Symbol.dispose]());

let runs = 0;

// Two updates, the second of which sees what the optimizer remembers of the first. A large epsilon makes the size of a gradient
// count: without it, a first update of AdamW is a sign.
const base = { steps: 2, warmup: 0, learningRate: 0.05, epsilon: 0.1, checkpointEvery: 0, evaluateTokens: 100 };
type Changes = Partial<SftInput>;

async function trained(changes: Changes) {
  const config = setup.config(`run-${runs++}`, { ...base, ...changes });
  const { before } = await sft(config, { stream: silent });
  return {
    config,
    before,
    weights: config.lora === undefined ? savedWeights(config.out) : new Map(),
    events: readEvents(join(config.out, 'events.jsonl')),
  };
}

/** The weights of the run taken by hand. */
async function byHand(config: SftConfig): Promise<Weights> {
  using parent = loadModel(config.model);
  using model = new Plamo2(parent.config, copiedWeights(parent));
  const { examples } = await openSftData(config);
  const batches = new ExampleBatches(examples, {
    sequenceLength: config.sequenceLength,
    batchSize: config.batchSize * config.gradientAccumulation,
    seed: deriveSeed(config.seed, 'batches'),
    layout: 'padded',
  });
  const steps = config.steps ?? Math.ceil((config.epochs! * examples.length) / batches.batchSize);
  return trainByHand(model, (step) => batches.batch(step), steps, config);
}

const tolerance = 2e-5;

/** Settings of the update, each with a value that makes another one of it. */
const updates: Partial<{ [Key in keyof SftConfig]: Changes }> = {
  steps: { steps: 3 },
  batchSize: { batchSize: 3 },
  gradientAccumulation: { gradientAccumulation: 2 },
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
  expect(distance(weights, await byHand(config))).toBeLessThan(tolerance);
});

const tried = Object.entries(updates).filter(([key]) => thorough || !ofTheLoop.includes(key));
it.each(tried)('%s makes another update, the one it stands for', async (key, changes) => {
  const { config, weights } = await trained(changes);
  expect(distance(weights, await byHand(config))).toBeLessThan(tolerance);
  // Without this one setting it would be something else; so would this test notice.
  const without = { ...config, [key]: setup.config('none', base)[key as keyof SftConfig] };
  expect(distance(weights, await byHand(without))).toBeGreaterThan(10 * tolerance);
});

const of = <T extends RunEvent['type']>(events: readonly RunEvent[], type: T) =>
  events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
const stepsOf = (events: readonly RunEvent[], type: RunEvent['type']) => of(events, type).map(({ step }) => step);
const tokensOf = (events: readonly RunEvent[]) => of(events, 'step').map(({ tokens }) => tokens!);
const differs = async (changes: Changes) => distance((await trained({})).weights, (await trained(changes)).weights);

const adapterFile = ({ out }: SftConfig) => join(out, 'adapter', 'adapter_model.safetensors');
/** Numbers of the adapters that a run trains. */
async function adapterSize(changes: Changes): Promise<number> {
  using weights = openSafetensors(adapterFile((await trained(changes)).config));
  return weights.names.reduce((sum, name) => sum + weights.info(name).bytes / 4, 0);
}
const adapterDiffers = async (changes: Changes) =>
  sha256File(adapterFile((await trained({ lora: 2, ...changes })).config)) !==
  sha256File(adapterFile((await trained({ lora: 2 })).config));

/** The other settings, each with what it does. */
const others: Partial<{ [Key in keyof SftConfig]: () => Promise<void> }> = {
  async model() {
    const { config, weights } = await trained({ model: setup.at('other') });
    expect(distance(weights, await byHand(config))).toBeLessThan(tolerance);
    expect(distance(weights, (await trained({})).weights)).toBeGreaterThan(10 * tolerance);
  },
  async data() {
    expect(await differs({ data: [setup.at('few.jsonl')] })).toBeGreaterThan(10 * tolerance);
    const both = await openSftData({ ...setup.config('x'), data: ['rows.jsonl', 'few.jsonl'].map((name) => setup.at(name)) }); // biome-ignore format: a call
    expect(both.examples.length + both.heldOut.length).toBe(209);
  },
  async heldOut() {
    const measured = async (heldOut: SftInput['heldOut']) =>
      (await trained({ heldOut, evaluateTokens: 10_000 })).before!.predicted;
    const [some, more, own] = [await measured(0.05), await measured(0.2), await measured([setup.at('few.jsonl')])];
    expect(more).toBeGreaterThan(2 * some);
    const few = await openSftData({ ...setup.config('x'), heldOut: [setup.at('few.jsonl')] });
    expect([few.examples.length, few.heldOut.length]).toEqual([200, 9]);
    expect(own).toBe(few.heldOut.reduce((sum, { learned }) => sum + learned.reduce((a, b) => a + b, 0), 0));
  },
  async out() {
    const { config } = await trained({});
    expect(existsSync(join(config.out, 'model'))).toBe(true);
  },
  async template() {
    expect(await differs({ template: 'chatml' })).toBeGreaterThan(10 * tolerance);
  },
  async epochs() {
    const { events } = await trained({ steps: undefined, epochs: 0.05 }); // of 190 examples, 4 a step
    expect(stepsOf(events, 'step')).toEqual([1, 2, 3]);
  },
  async packing() {
    const [packed, padded] = [await trained({ sequenceLength: 1000 }), await trained({ packing: false })];
    expect(distance(packed.weights, padded.weights)).toBeLessThan(tolerance);
    expect(tokensOf(packed.events)[0]).not.toBe(tokensOf(padded.events)[0]);
  },
  async sequenceLength() {
    // Rows for one example each, and rows for all.
    const [short, long] = [await trained({ sequenceLength: 72 }), await trained({ sequenceLength: 1000 })];
    expect(distance(short.weights, long.weights)).toBeLessThan(tolerance);
    expect(tokensOf(long.events)[0]).not.toBe(tokensOf(short.events)[0]);
  },
  async tooLong() {
    // Rows that fit, and conversations of two turns of which the first fits.
    const of = (tooLong: 'refuse' | 'cut' | 'drop') => ({
      ...{ sequenceLength: 72, tooLong, heldOut: [setup.at('few.jsonl')] },
      data: ['few.jsonl', 'turns.jsonl'].map((name) => setup.at(name)),
    });
    await expect(trained(of('refuse'))).rejects.toThrow(
      /20 of 29 examples are longer than a row of 72 tokens, the first in .*turns.jsonl, row 1 /,
    );
    const found = await Promise.all((['cut', 'drop'] as const).map((way) => openSftData({ ...setup.config('x'), ...of(way) }))); // biome-ignore format: a call
    expect(found.map(({ examples }) => examples.length)).toEqual([29, 9]);
    const [cut, dropped] = [await trained(of('cut')), await trained(of('drop'))];
    expect(distance(cut.weights, dropped.weights)).toBeGreaterThan(10 * tolerance);
  },
  async neftune() {
    const [plain, noisy, padded] = [await trained({}), await trained({ neftune: 5 }), await trained({ neftune: 5, packing: false })]; // biome-ignore format: three runs
    expect(distance(plain.weights, noisy.weights)).toBeGreaterThan(10 * tolerance);
    expect(distance(noisy.weights, padded.weights)).toBeLessThan(tolerance);
    expect(noisy.before).toEqual(plain.before); // nothing is added when it is measured
  },
  async freeze() {
    const { weights } = await trained({ freeze: ['*.mixer.*'] });
    const own = (await trained({ freeze: ['layers.0'] })).weights;
    const before = weightsIn(setup.at('base'));
    for (const [name, values] of before) {
      expect(String(weights.get(name)) === String(values), name).toBe(name.includes('.mixer.'));
      expect(String(own.get(name)) === String(values), name).toBe(name.includes('layers.0.'));
    }
  },
  async lora() {
    const { config, events } = await trained({ lora: 2 });
    expect(existsSync(join(config.out, 'model'))).toBe(false);
    expect(of(events, 'start')[0]!.trainable).toBe(await adapterSize({ lora: 2 }));
    expect(await adapterSize({ lora: 3 })).toBe((await adapterSize({ lora: 2 })) * 1.5);
    await expect(trained({ lora: 2, freeze: ['embedding'] })).rejects.toThrow('freeze has no effect with lora');
  },
  async loraKind() {
    expect(await adapterSize({ lora: 2, loraKind: 'dora' })).toBeGreaterThan(await adapterSize({ lora: 2 }));
  },
  async loraAlpha() {
    expect(await adapterDiffers({ loraAlpha: 64 })).toBe(true);
  },
  async loraDropout() {
    expect(await adapterDiffers({ loraDropout: 0.5 })).toBe(true);
  },
  async loraTargets() {
    expect(await adapterSize({ lora: 2, loraTargets: ['mlp'] })).toBeLessThan(await adapterSize({ lora: 2 }));
  },
  async loraLayers() {
    expect(await adapterSize({ lora: 2, loraLayers: [1, 1] })).toBeLessThan(await adapterSize({ lora: 2 }));
  },
  async shard() {
    const { events } = await trained({ shard: 'zero1' });
    expect(of(events, 'warning').map(({ message }) => message)).toContain(
      'shard is zero1, but there is one process: nothing is cut',
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
    const long = { batchSize: 32, steps: 1, freeze: ['embedding'], neftune: 5 };
    const [kept, recomputed] = [await trained(long), await trained({ ...long, activationCheckpointing: true })];
    expect(distance(kept.weights, recomputed.weights)).toBeLessThan(tolerance);
    const peak = (events: readonly RunEvent[]) =>
      Math.max(...of(events, 'step').map(({ memoryBytes }) => memoryBytes!));
    expect(peak(recomputed.events)).toBeLessThan(0.9 * peak(kept.events));
  },
  async evaluateEvery() {
    const { events } = await trained({ steps: 5, evaluateEvery: 2 });
    expect(stepsOf(events, 'evaluation')).toEqual([0, 2, 4, 5]);
  },
  async evaluateTokens() {
    const measured = async (evaluateTokens: number) => (await trained({ evaluateTokens })).before!.predicted;
    expect(await measured(10)).toBeLessThan(await measured(300));
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
    const { config } = await trained({ steps: 5, checkpointEvery: 2, keepLast: 1, keepSteps: [1, 3] });
    const kept = readdirSync(join(config.out, 'checkpoints')).map((name) => Number(name.slice(5)));
    expect(kept.sort()).toEqual([1, 3, 5]);
  },
  async layersEvery() {
    const [plain, watched] = [await trained({ steps: 5 }), await trained({ steps: 5, layersEvery: 2 })];
    expect([stepsOf(plain.events, 'layers'), stepsOf(watched.events, 'layers')]).toEqual([[], [2, 4]]);
    expect(distance(plain.weights, watched.weights)).toBe(0);
  },
};

const needed: Readonly<Record<string, object>> = { dtype: requires(multipliesBfloat16(), NO_BFLOAT16) };
for (const [key, effect] of Object.entries(others))
  it(`${key} does what it is for`, needed[key] ?? {}, async () => effect());

it('knows every setting', () => {
  expect([...Object.keys(updates), ...Object.keys(others)].sort()).toEqual(Object.keys(sftConfig.shape).sort());
});
