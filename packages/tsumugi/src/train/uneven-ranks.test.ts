// Ranks of which one has more to do than another, in steps and in measurements, where weights and gradients are cut over them: the same
// training as in one process. All ranks have to go through the model equally often then.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inTime, thorough } from '../base/thorough.testing.ts';
import { initialWeights, Plamo2, preset, saveModel } from '../lm/index.ts';
import { runRanks } from '../mesh/ranks.testing.ts';
import { readEvents } from '../run/index.ts';
import { EvaluationBatches, openTokenizer, TokenShards } from '../text/index.ts';
import { noGrad, scope } from '../torch/index.ts';
import { distillConfig } from './distill-config.ts';
import { extendConfig } from './extend-config.ts';
import { distill, extend, sft } from './index.ts';
import { logitsConfig } from './logits-config.ts';
import { precomputeLogits } from './precompute-logits.ts';
import type { Shard } from './scale/shards.ts';
import { instructions, jsonLines, type SftSetup, sftSetup } from './sft.testing.ts';
import { sftConfig } from './sft-config.ts';
import { silent, tinyModel } from './train.testing.ts';

const script = fileURLToPath(new URL('stages-ranks.testing.ts', import.meta.url));
let setup: SftSetup;
const at = (name: string) => setup.at(name);

const few = { learningRate: 1e-4, checkpointEvery: 0 };
const kept = { sequenceLength: 48, batchSize: 3, evaluateTokens: 300 };

beforeAll(async () => {
  setup = await sftSetup();
  // The first answer is about as long as the others together.
  const [first, ...others] = instructions();
  writeFileSync(at('lengths.jsonl'), jsonLines([{ ...first, output: 'わん'.repeat(60) }, ...others.slice(0, 7)]));
  using model = new Plamo2(preset('mini', { ...tinyModel, hidden_size: 64, vocab_size: 500 }), initialWeights(8));
  noGrad(() => scope(() => void model.headWeight!.mul_(20))); // it says something
  saveModel(at('teacher'), model, { tokenizerFolder: at('tokenizer') });
  const what = { teacher: at('teacher'), data: at('data'), out: at('logits'), topK: 6, steps: 2, ...kept };
  await precomputeLogits(logitsConfig.parse(what));
}, 120_000);
afterAll(() => setup[Symbol.dispose]());

const kinds = {
  sft: (settings: object) =>
    sftConfig.parse({
      model: at('base'),
      data: [at('lengths.jsonl')],
      packing: false,
      sequenceLength: 256,
      batchSize: 1,
      gradientAccumulation: 8,
      heldOut: [at('rows.jsonl')],
      evaluateTokens: 100,
      steps: 2,
      evaluateEvery: 0,
      ...few,
      ...settings,
    }),
  distill: (settings: object) =>
    distillConfig.parse({
      model: at('base'),
      data: at('data'),
      steps: 2,
      evaluateEvery: 1,
      ...kept,
      ...few,
      ...settings,
    }),
  extend: (settings: object) =>
    extendConfig.parse({
      model: at('base'),
      mix: [{ data: at('data') }],
      phases: [{ sequenceLength: 64, steps: 2, batchSize: 1, gradientAccumulation: 3 }],
      evaluateEvery: 1,
      evaluateTokens: 300,
      ...few,
      ...settings,
    }),
};
type Kind = keyof typeof kinds;
const alone = { sft, distill, extend } as Record<Kind, (config: never, options: object) => Promise<unknown>>;

interface Case {
  kind: Kind;
  settings: object;
  shards: readonly Shard[];
}

/** Trains in one process, and in so many, and holds losses and measurements of the one against those of the others. */
async function expectTheSame(cases: Record<string, Case>, world: number, ranks: object = {}): Promise<void> {
  const configs = Object.entries(cases).flatMap(([name, { kind, settings, shards }]) =>
    shards.map((shard) => ({
      name: `${name} ${shard}`,
      whole: `${name} alone`,
      kind,
      config: kinds[kind]({ ...settings, ...ranks, shard, out: at(`${name}-${shard}-${world}`) }),
    })),
  );
  writeFileSync(at('uneven.json'), JSON.stringify(configs.map(({ kind, config }) => [kind, config])));
  const results = await runRanks(script, world, { args: [at('uneven.json')] });
  for (const { code, signal, stdout, stderr } of results) {
    expect(code, `${signal} ${stderr}`).toBe(0);
    expect(stdout).not.toContain('"error":');
  }
  for (const [name, { kind, settings }] of Object.entries(cases)) {
    const config = kinds[kind]({ ...settings, out: at(`${name}-alone`) });
    await alone[kind](config as never, { stream: silent });
    const expected = numbersOf(config);
    for (const { name: found, config } of configs.filter(({ whole }) => whole === `${name} alone`)) {
      const numbers = numbersOf(config);
      expect(numbers.map(([what]) => what)).toEqual(expected.map(([what]) => what));
      for (const [i, [what, value]] of expected.entries())
        expect(Math.abs(numbers[i]![1] - value), `${found}: ${what}`).toBeLessThanOrEqual(2e-6 * Math.abs(value));
    }
  }
}

const numbersOf = ({ out }: { out: string }): [what: string, value: number][] =>
  readEvents(join(out, 'events.jsonl')).flatMap((event) => {
    if (event.type === 'step') return [[`loss of step ${event.step}`, event.loss!], [`norm of step ${event.step}`, event.gradNorm!]]; // biome-ignore format: pairs
    if (event.type !== 'evaluation') return [];
    return Object.entries(event.metrics).map(([name, value]): [string, number] => [`${name} at ${event.step}`, value!]);
  });

it('steps and measures as one process does', async () => {
  const { sha256: tokenizerHash } = openTokenizer(at('tokenizer'));
  using shards = TokenShards.open(at('data'), { tokenizerHash });
  const { sequenceLength, batchSize, evaluateTokens: maxTokens } = kept;
  expect(new EvaluationBatches(shards, { sequenceLength, batchSize, maxTokens }).length % 2).toBe(1);
  const cut = inTime(['zero3'] as const, ['zero2', 'zero3'] as const);
  await expectTheSame(
    {
      sft: { kind: 'sft', settings: {}, shards: ['zero2', 'zero3'] },
      distill: { kind: 'distill', settings: { teacher: at('teacher'), hiddenWeight: 0.5 }, shards: cut },
      logits: { kind: 'distill', settings: { teacherLogits: at('logits'), topK: 6 }, shards: cut },
    },
    2,
  );
}, 300_000);

// How often each of them goes backward is tested beside stepGradients, in one process.
it('deals three rows out to two groups of two ranks', async ({ skip }) => {
  skip(!thorough, 'takes 15 seconds: in npm run test:long');
  for (const shard of ['none', 'zero2', 'zero3'] as const)
    await expectTheSame({ [`extend ${shard}`]: { kind: 'extend', settings: {}, shards: [shard] } }, 4, {
      ranksPerRow: 2,
    });
}, 300_000);
