// What steps of preference training deal out, tell and ask: the seed's order, whole epochs, means over all pairs of a step, and a reference
// for each model.
import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { readEvents } from '../run/index.ts';
import { dpo } from './dpo.ts';
import type { DpoInput } from './dpo-config.ts';
import { type DpoSetup, dpoSetup, pairsOf } from './preference/preference.testing.ts';
import { jsonLines } from './sft.testing.ts';
import { silent } from './train.testing.ts';

let setup: DpoSetup;
const at = (...names: string[]) => setup.at(...names);
const run = (name: string, changes: Partial<DpoInput> = {}) =>
  dpo(setup.config(name, { heldOut: [at('held-out.jsonl')], checkpointEvery: 0, ...changes }), { stream: silent });
const stepsOf = (name: string) => readEvents(at(name, 'events.jsonl')).filter((event) => event.type === 'step');

beforeAll(async () => {
  setup = await dpoSetup();
  writeFileSync(at('held-out.jsonl'), jsonLines(pairsOf(2).slice(120, 124)));
}, 60_000);
beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', at('cache')));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => setup[Symbol.dispose]());

it('deals pairs out in an order of the seed', async () => {
  const first = async (seed: number) => {
    await run(`seed-${seed}`, { steps: 1, seed, loss: 'hdpo', alpha: 0.5 });
    return stepsOf(`seed-${seed}`)[0]!.metrics as Record<string, number>;
  };
  const [one, other] = [await first(1), await first(2)];
  expect(Math.abs(one['chosenLogprob']! - other['chosenLogprob']!)).toBeGreaterThan(0.01);
});

it('goes through an epoch to its last pair', async () => {
  await run('epoch', { steps: undefined, epochs: 1, batchSize: 50 });
  expect(stepsOf('epoch')).toHaveLength(3); // 120 pairs
});

it('tells means over all pairs of a step, and the tokens of all steps', async () => {
  const same = { steps: 2, packing: false, epsilon: 0.01 };
  await run('whole', { ...same, batchSize: 8 });
  await run('parts', { ...same, batchSize: 2, gradientAccumulation: 4 });
  const [whole, parts] = [stepsOf('whole'), stepsOf('parts')];
  for (const [i, step] of whole.entries()) {
    const [expected, found] = [step, parts[i]!].map(({ metrics }) => metrics as Record<string, number>);
    for (const name of ['margin', 'chosenReward', 'rejectedReward', 'chosenLogprob', 'rejectedLogprob'])
      expect(found![name], name).toBeCloseTo(expected![name]!, 4);
  }
  const seen = whole.map(({ tokens }) => tokens as number);
  expect(seen[1]!).toBeGreaterThan(1.5 * seen[0]!);
});

it('asks each model for itself, whatever another one said of the same pairs', async () => {
  const { folder } = await run('first', { steps: 4, learningRate: 1e-2 });
  const { before } = await run('second', { steps: 1, model: folder! });
  expect(before!.loss).toBeCloseTo(Math.LN2, 6);
});
