// A GAN over ranks: whatever the world, the same training.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTime } from '../base/thorough.testing.ts';
import { runRanks } from '../mesh/ranks.testing.ts';
import { readEvents } from '../run/index.ts';
import { type TinyGan, tinyGan } from './gan.testing.ts';
import type { GanInput } from './train-config.ts';

const script = fileURLToPath(new URL('ranks.testing.ts', import.meta.url));
/** In `npm test` that one which shares rows unevenly where two would not. */
const many = inTime([3], [2, 3]);
const worlds = [1, ...many];

// Rows that two ranks share evenly and three do not, or the other way round.
const cases: Readonly<Record<string, Partial<GanInput>>> = {
  spectral: { method: 'sn', loss: 'hinge', batchSize: 4, generatorBatchSize: 6, emaDecay: 0.9 },
  'by class, with residual networks': { architecture: 'resnet', size: 32, conditional: true, batchSize: 4, steps: 2 },
  'gradient penalty': { method: 'wgan-gp', batchSize: 6, flip: true },
  orthonormal: { method: 'orthonormal', batchSize: 4 },
  clipped: { method: 'weight-clipping', batchSize: 4 },
  'spectral, again': { method: 'sn', loss: 'hinge', batchSize: 4, generatorBatchSize: 6, emaDecay: 0.9 },
};

let setup: TinyGan;
const out = (name: string, world: number) => setup.at(`${name.replaceAll(/\W+/g, '-')}-${world}`);
const results = new Map<number, { losses: object; folder: string }[][]>();
/** What the terminal shows of a training whose rank 1 is slow. */
let shown = '';

async function train(world: number, name: string, settings: readonly object[]) {
  const file = setup.at(`${name}-${world}.json`);
  writeFileSync(file, JSON.stringify(settings));
  const ranks = await runRanks(script, world, { args: [file] });
  for (const { code, stderr } of ranks) expect(code, stderr).toBe(0);
  return ranks.map(({ stdout }) => JSON.parse(stdout));
}

beforeAll(async () => {
  setup = tinyGan();
  for (const world of worlds) {
    const settings = Object.entries(cases).map(([name, changes]) =>
      setup.config(name, {
        steps: 4,
        logEvery: 1,
        checkpointEvery: 0,
        learningRate: 1e-4,
        ...changes,
        out: out(name, world),
      }),
    );
    const slow = world === many[0] ? [{ ...setup.config('slow', { steps: 2 }), slow: true }] : [];
    const ranks = await train(world, 'cases', [...settings, ...slow]);
    if (slow.length > 0) shown = ranks[0]!.at(-1).shown;
    results.set(
      world,
      ranks.map((each) => each.slice(0, settings.length)),
    );
  }
}, 600_000);
afterAll(() => setup[Symbol.dispose]());

const eventsOf = (name: string, world: number) => readEvents(join(out(name, world), 'events.jsonl'));
function stepsOf(name: string, world: number): Record<string, number>[] {
  return eventsOf(name, world).flatMap((event) => {
    if (event.type !== 'step') return [];
    const { secondsPerStep: _, ...metrics } = event.metrics as Record<string, number>;
    return [{ loss: event.loss as number, gradNorm: event.gradNorm as number, ...metrics }];
  });
}

describe.each(Object.keys(cases))('%s', (name) => {
  it.each(many)('gives the losses and gradients of one process, over %d ranks', (world) => {
    const [alone, over] = [stepsOf(name, 1), stepsOf(name, world)];
    expect(alone.length).toBeGreaterThan(1);
    expect(over).toHaveLength(alone.length);
    for (const [i, step] of alone.entries())
      for (const [metric, value] of Object.entries(step))
        expect(
          Math.abs(over[i]![metric]! - value) / Math.max(Math.abs(value), 0.1),
          `${metric} of step ${i + 1}`,
        ).toBeLessThan(1e-6);
  });

  it.each(many)('measures and draws with what one process has learned, over %d ranks', (world) => {
    const measured = (world: number) =>
      eventsOf(name, world).flatMap((event) =>
        event.type === 'evaluation' ? [event.metrics as Record<string, number>] : [],
      );
    for (const [i, metrics] of measured(1).entries())
      for (const [metric, value] of Object.entries(metrics))
        expect(Math.abs(measured(world)[i]![metric]! / value - 1), metric).toBeLessThan(1e-4);
    const grids = (world: number) => readdirSync(join(out(name, world), 'grids'));
    expect(grids(world)).toEqual(grids(1));
    for (const each of results.get(world)!) expect(each).toEqual(results.get(world)![0]);
  });
});

it.each(worlds)('gives the same bits each time, of %d ranks', (world) => {
  const model = (name: string) => readFileSync(join(out(name, world), 'model', 'model.safetensors'));
  expect(model('spectral, again').equals(model('spectral'))).toBe(true);
});

it('names the rank that holds up the others', () => {
  expect(shown).toMatch(/ images\/s {2}rank 1 on .* is slow/);
});

it.each([
  ['normalization=batch', { normalization: 'batch' }, /^normalization=batch judges an image beside the others/],
  ['a batch of one image', { batchSize: 1 }, /^batchSize=1 is fewer images than there are processes \(2\)/],
] as const)('refuses %s', async (name, changes, message) => {
  const [first] = await train(2, 'refused', [setup.config(name, changes)]);
  expect(first[0].error).toMatch(message);
  expect(existsSync(setup.at(name))).toBe(false);
});
