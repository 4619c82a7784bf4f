// Every kind of training over ranks: whatever the world, the same training. Each world goes through all of them in one run of its processes.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initialWeights, Plamo2, preset, saveModel } from '../lm/index.ts';
import { runRanks } from '../mesh/ranks.testing.ts';
import { readEvents, type StepEvent } from '../run/index.ts';
import { noGrad, scope } from '../torch/index.ts';
import { distillConfig } from './distill-config.ts';
import { dpoConfig } from './dpo-config.ts';
import { extendConfig } from './extend-config.ts';
import { logitsConfig } from './logits-config.ts';
import { precomputeLogits } from './precompute-logits.ts';
import { type DpoSetup, dpoSetup } from './preference/preference.testing.ts';
import { pretrainConfig } from './pretrain-config.ts';
import { rewardConfig } from './reward-config.ts';
import { sftConfig } from './sft-config.ts';
import { tinyModel } from './train.testing.ts';

const script = fileURLToPath(new URL('stages-ranks.testing.ts', import.meta.url));
const worlds = [1, 2, 3];

let setup: DpoSetup;
const at = (name: string) => setup.at(name);

const schemas = {
  pretrain: pretrainConfig,
  extend: extendConfig,
  distill: distillConfig,
  sft: sftConfig,
  dpo: dpoConfig,
  reward: rewardConfig,
};

type Numbers = Readonly<Record<string, number>>;
type Case = readonly [kind: keyof typeof schemas, settings: object, own?: boolean];
/** A rate at which rounding of one step does not grow over the few that are taken. */
const few = { steps: 4, learningRate: 1e-4, evaluateEvery: 2, checkpointEvery: 0 };

function cases(at: (name: string) => string, world: number): Record<string, Case> {
  const rows = { model: at('base'), data: [at('rows.jsonl')], sequenceLength: 128, batchSize: 5, ...few };
  const pairs = { ...rows, data: [at('pairs.jsonl')] };
  const text = { data: at('data'), sequenceLength: 48, batchSize: 3, ...few };
  return {
    extend: [
      'extend',
      {
        learningRate: few.learningRate,
        evaluateEvery: few.evaluateEvery,
        checkpointEvery: 0,
        model: at('base'),
        mix: [{ data: at('data') }],
        phases: [
          { sequenceLength: 64, steps: 2, batchSize: 3 },
          { sequenceLength: 128, steps: 2, batchSize: 1, gradientAccumulation: 4 },
        ],
        activationCheckpointing: true,
        zLoss: 1e-3,
        clipNorm: 0.3,
      },
    ],
    'long rows': [
      'extend',
      {
        learningRate: few.learningRate,
        evaluateEvery: few.evaluateEvery,
        checkpointEvery: 0,
        model: at('base'),
        mix: [{ data: at('data') }],
        phases: [
          { sequenceLength: 64, steps: 2, batchSize: 2 },
          { sequenceLength: 130, steps: 2, batchSize: 1, gradientAccumulation: 2 },
        ],
        zLoss: 1e-3,
        ranksPerRow: world,
      },
    ],
    distill: ['distill', { ...text, teacher: at('teacher'), model: at('base'), hiddenWeight: 0.5, languageWeight: 1 }],
    'distill from logits': [
      'distill',
      { ...text, teacherLogits: at('logits'), model: at('base'), topK: 6, evaluateTokens: 300 },
    ],
    'sft packed': ['sft', { ...rows, neftune: 5, gradientAccumulation: 2, layersEvery: 2 }],
    'sft padded': ['sft', { ...rows, packing: false, neftune: 5, batchSize: 9, freeze: ['model.layers.layers.0.*'] }],
    // Of three ranks one has nothing to do.
    'sft of two rows': ['sft', { ...rows, packing: false, batchSize: 2, activationCheckpointing: true }],
    'adapters, packed': ['sft', { ...rows, lora: 4, loraDropout: 0.3 }],
    'adapters, padded': ['sft', { ...rows, lora: 4, loraDropout: 0.3, loraKind: 'dora', packing: false }],
    'own parts': ['sft', { ...rows, learningRate: 0.1 }, true],
    dpo: ['dpo', { ...pairs, loss: 'hdpo', sftWeight: 0.1 }],
    'dpo of two pairs': [
      'dpo',
      { ...pairs, batchSize: 1, gradientAccumulation: 2, packing: false, lora: 4, loraDropout: 0.3 },
    ],
    simpo: ['dpo', { ...pairs, loss: 'simpo', packing: false }],
    kto: ['dpo', { ...pairs, data: [at('rated.jsonl')], loss: 'kto', batchSize: 7 }],
    reward: ['reward', pairs],
    'range test': [
      'pretrain',
      {
        ...text,
        tokenizer: at('tokenizer'),
        modelChanges: tinyModel,
        schedule: 'range-test',
        steps: 30,
        learningRate: 1e38,
        floor: 1e-38,
        clipNorm: 1e9,
        evaluateEvery: 0,
      },
    ],
    minutes: ['pretrain', { ...text, tokenizer: at('tokenizer'), modelChanges: tinyModel, steps: 1e6, minutes: 1e-9 }],
    'adapters, again': ['sft', { ...rows, lora: 4, loraDropout: 0.3 }],
  };
}

interface Found {
  /** Of each rank. */
  results: { before: object; after: object; folder: string; error?: string; seen: number[] }[];
  steps: StepEvent[];
  evaluations: Numbers[];
  events: ReturnType<typeof readEvents>;
}
const found = new Map<string, Found>();
const of = (name: string, world: number) => found.get(`${name} ${world}`)!;

beforeAll(async () => {
  setup = await dpoSetup();
  using model = new Plamo2(preset('mini', { ...tinyModel, hidden_size: 64, vocab_size: 500 }), initialWeights(8));
  // It says something: towards a teacher that finds all tokens alike, gradients would be little but rounding, which Adam makes steps of.
  noGrad(() => scope(() => void model.headWeight!.mul_(20)));
  saveModel(at('teacher'), model, { tokenizerFolder: at('tokenizer') });
  const kept = { teacher: at('teacher'), data: at('data'), out: at('logits'), topK: 6, evaluateTokens: 300 };
  await precomputeLogits(logitsConfig.parse({ ...kept, steps: 4, sequenceLength: 48, batchSize: 3 }));
  for (const world of worlds) {
    const all = Object.entries(cases(at, world));
    const out = (name: string) => at(`${name} ${world}`.replaceAll(' ', '-'));
    const file = at(`cases-${world}.json`);
    const tasks = all.map(([name, [kind, settings, own = false]]) => [
      kind,
      schemas[kind].parse({ ...settings, out: out(name) }),
      own,
    ]);
    writeFileSync(file, JSON.stringify(tasks));
    // A cache of its own: what the reference says is asked in each world.
    const ranks = await runRanks(script, world, { args: [file], env: { XDG_CACHE_HOME: at(`cache-${world}`) } });
    for (const { code, stderr } of ranks) expect(code, stderr).toBe(0);
    const results = ranks.map(({ stdout }) => JSON.parse(stdout));
    expect(results.flat().flatMap(({ error = [] }) => error)).toEqual([]);
    for (const [i, [name]] of all.entries()) {
      const events = readEvents(join(out(name), 'events.jsonl'));
      found.set(`${name} ${world}`, {
        results: results.map((each) => each[i]),
        steps: events.filter((event) => event.type === 'step'),
        evaluations: events.flatMap((event) => (event.type === 'evaluation' ? [event.metrics as Numbers] : [])),
        events,
      });
    }
  }
}, 600_000);
afterAll(() => setup[Symbol.dispose]());

/**
 * Holds numbers against those of one process, as shares of the largest of them: what is a difference of large numbers is rounded as they are.
 * A loss is held against itself.
 */
function expectSame(found: Numbers, alone: Numbers, where: string): void {
  expect(Object.keys(found)).toEqual(Object.keys(alone));
  const largest = Math.max(...Object.values(alone).map(Math.abs));
  for (const [name, value] of Object.entries(alone)) {
    // Which of two answers is better is a matter of rounding before anything is learned.
    if (name === 'accuracy' && Math.abs(alone['margin'] ?? 1) < 1e-4) continue;
    const scale = name === 'loss' ? Math.abs(value) : largest;
    expect(Math.abs(found[name]! - value) / scale, `${name} (${value}) ${where}`).toBeLessThan(1e-6);
  }
}

const trainings = Object.keys(cases((name) => name, 1)).filter((name) => name !== 'range test' && name !== 'minutes');
/** Times are of no rank's work. */
const numbersOf = ({ loss, metrics }: StepEvent) => {
  const { reduceSeconds: _, reduceWaitSeconds: __, ...others } = { ...metrics, loss } as Numbers;
  return others as Numbers;
};

describe.each(trainings)('%s', (name) => {
  const [alone, ...others] = worlds.map((world) => () => of(name, world)) as [() => Found, ...(() => Found)[]];

  it('gives the losses, gradients and metrics of one process', () => {
    expect(alone().steps).toHaveLength(4);
    for (const over of others) {
      const { steps } = over();
      for (const [i, step] of alone().steps.entries())
        expectSame(numbersOf(steps[i]!), numbersOf(step), `of step ${i + 1}`);
      for (const [i, { gradNorm }] of alone().steps.entries())
        expect(Math.abs((steps[i]!.gradNorm as number) / (gradNorm as number) - 1)).toBeLessThan(i === 0 ? 1e-6 : 1e-4);
      expect(steps.map(({ tokens }) => tokens)).toEqual(alone().steps.map(({ tokens }) => tokens));
    }
  });

  it('is measured over all ranks', () => {
    expect(alone().evaluations).toHaveLength(3);
    for (const over of others)
      for (const [i, metrics] of alone().evaluations.entries())
        expectSame(over().evaluations[i]!, metrics, `in measurement ${i + 1}`);
  });

  it('ends alike on all ranks, and each step is seen by all', () => {
    for (const over of others) {
      const { results, steps } = over();
      const seen = steps.flatMap(({ loss, gradNorm }) => [loss, gradNorm]);
      for (const each of results) {
        expect(each).toEqual({ ...results[0]!, seen });
        expect(each.folder).toBeDefined();
      }
      expect(steps.map(({ metrics }) => metrics!['hook'])).toEqual(steps.map(({ loss }) => loss));
    }
  });
});

it.each(worlds)('gives the same bits each time, of %d ranks', (world) => {
  const numbers = (name: string) => of(name, world).steps.map(({ loss, gradNorm }) => [loss, gradNorm]);
  expect(numbers('adapters, again')).toEqual(numbers('adapters, packed'));
});

it('drops other inputs of adapters in each step', () => {
  const once = of('adapters, packed', 1).steps.map(({ loss }) => loss);
  expect(once).not.toEqual(of('sft packed', 1).steps.map(({ loss }) => loss));
});

it.each([2, 3])('ends a range test where it diverges, on all of %d ranks', (world) => {
  const { events, results } = of('range test', world);
  expect(events.slice(-2)).toMatchObject([
    { type: 'warning', code: 'diverged' },
    { type: 'end', reason: 'done' },
  ]);
  expect(events.at(-1)!.step).toBe(of('range test', 1).events.at(-1)!.step);
  for (const each of results) expect(each).toEqual(results[0]);
});

it.each([2, 3])('ends in time by the clock of the first of %d ranks', (world) => {
  const { results, steps } = of('minutes', world);
  expect(steps).toHaveLength(1);
  for (const each of results) expect(each).toEqual(results[0]);
});
