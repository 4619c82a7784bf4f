// Going on over ranks: at the same world with the same bits, at another world with the same batches and the losses of a run that was never
// interrupted.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTime, thorough } from '../base/thorough.testing.ts';
import { runRanks } from '../mesh/ranks.testing.ts';
import { readEvents } from '../run/index.ts';
import type { PretrainConfig } from './pretrain-config.ts';
import { type TinySetup, tinySetup } from './train.testing.ts';

const script = fileURLToPath(new URL('ranks.testing.ts', import.meta.url));
let setup: TinySetup;
beforeAll(async () => {
  setup = await tinySetup();
});
afterAll(() => setup[Symbol.dispose]());

// With a higher learning rate training itself is unsteady: see data-parallel.test.ts.
const every = inTime(4, 10);
const settings = {
  steps: 4 * every,
  batchSize: 6,
  evaluateEvery: 2 * every,
  checkpointEvery: every,
  keepLast: 9,
  learningRate: 1e-3,
};

async function train(config: PretrainConfig, world: number) {
  const results = await runRanks(script, world, { args: ['pretrain', JSON.stringify(config), 'resume'] });
  for (const { code, stderr } of results) expect(code, stderr).toBe(0);
}

/** Goes on from the checkpoint of `step` that the run `from` has, in a folder of its own. */
async function goOn(from: PretrainConfig, name: string, step: number, world: number): Promise<PretrainConfig> {
  const config = { ...from, out: join(setup.folder, name) };
  cpSync(from.out, config.out, { recursive: true });
  rmSync(join(config.out, 'model'), { recursive: true });
  for (const each of readdirSync(join(config.out, 'checkpoints')))
    if (Number(each.slice('step-'.length)) > step) rmSync(join(config.out, 'checkpoints', each), { recursive: true });
  await train(config, world);
  return config;
}

const stepsOf = ({ out }: PretrainConfig) =>
  readEvents(join(out, 'events.jsonl')).filter((event) => event.type === 'step');
const modelOf = ({ out }: PretrainConfig) => readFileSync(join(out, 'model', 'model.safetensors'));
const filesOf = ({ out }: PretrainConfig, step: number) =>
  readdirSync(join(out, 'checkpoints', `step-${String(step).padStart(9, '0')}`));

it('goes on at another world, over and over, with the losses of one process', async () => {
  const alone = setup.config('alone', settings);
  await train(alone, 1);
  // The world from each of these steps on.
  const worlds = inTime([[every, 3], [2 * every, 1]], [[every, 4], [2 * every, 2], [3 * every, 1]]) as [number, number][]; // biome-ignore format: pairs
  let config = alone;
  for (const [step, world] of worlds) config = await goOn(config, `from-${step}`, step, world);
  const [expected, found] = [stepsOf(alone), stepsOf(config)];
  expect(found.map(({ step, tokens }) => [step, tokens])).toEqual(expected.map(({ step, tokens }) => [step, tokens]));
  const distances = found.map(({ loss }, i) => Math.abs(loss! / expected[i]!.loss! - 1));
  expect(Math.max(...distances)).toBeLessThan(1e-6);
  expect(Math.max(...distances)).toBeGreaterThan(0); // it was another world
  expect(filesOf(config, 2 * every)).toContain(`model-00001-of-0000${worlds[0]![1]}.safetensors`);
  expect(filesOf(config, 4 * every)).toContain('model.safetensors');
}, 600_000);

it('goes on at the same world with the same bits', async () => {
  const whole = setup.config('two', { ...settings, steps: 2 * every });
  await train(whole, 2);
  const config = await goOn(whole, 'two-again', every, 2);
  expect(stepsOf(config).map(({ loss }) => loss)).toEqual(stepsOf(whole).map(({ loss }) => loss));
  expect(modelOf(config).equals(modelOf(whole))).toBe(true);
}, 600_000);

describe('a rank that sees another folder is refused', () => {
  /** Two ranks that start in folders of their own, and an `out` inside them. */
  async function apart(name: string, prepare: (place: string, rank: number) => void) {
    const places = [0, 1].map((rank) => join(setup.folder, `${name}-${rank}`));
    for (const [rank, place] of places.entries()) {
      mkdirSync(place);
      prepare(place, rank);
    }
    const config = { ...setup.config('two', { ...settings, steps: 2 * every }), out: 'run' };
    const results = await runRanks(script, 2, {
      args: ['pretrain', JSON.stringify(config), 'resume'],
      folders: places,
    });
    expect(results.map(({ code }) => code)).toEqual([1, 1]);
    return results.map(({ stderr }) => stderr);
  }

  it('when it has an older copy of the run', { timeout: 120_000 }, async () => {
    const [first, other] = await apart('copied', (place, rank) => {
      cpSync(join(setup.folder, 'two'), join(place, 'run'), { recursive: true });
      rmSync(join(place, 'run', 'model'), { recursive: true });
      rmSync(join(place, 'run', 'checkpoints', `step-${String(2 * every).padStart(9, '0')}`), { recursive: true });
      if (rank === 1) rmSync(join(place, 'run', 'checkpoints'), { recursive: true });
    });
    for (const text of [first, other])
      expect(text).toMatch(
        new RegExp(`rank 0 on .* finds the checkpoint of step ${every} as the newest in .*, and rank 1 on .* finds no checkpoint`),
      ); // biome-ignore format: one sentence
  });

  it('when it has none', { timeout: 120_000 }, async ({ skip }) => {
    skip(!thorough, 'takes 15 seconds: in npm run test:long');
    const [first, other] = await apart('none', () => {});
    expect(other).toMatch(/rank 1 on .* does not see the run that rank 0 on .* has in run/);
    expect(first).toMatch(/rank 1 on .* ended: rank 1 on .* does not see the run/);
  });
});
