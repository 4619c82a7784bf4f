// Sweeps: the stages they make, and what the report puts together of them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { defineRecipe, formatReport, given, type RecipeStage, runRecipe, sweep } from './index.ts';
import { count, words } from './toy-recipe.testing.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-sweep-'));
afterAll(() => rmSync(home, { recursive: true }));

const stages = (make: Parameters<typeof sweep>[2], values: Record<string, unknown[]>, seeds?: number[]) =>
  sweep('s', { values, ...(seeds && { seeds }) }, make);
const list = words.stage('words', {}, { text: given('text', 'x.txt') });
const one = (name: string): RecipeStage => count.stage(name, {}, { words: list });

it('makes a stage for every combination and seed, under a name of its own', () => {
  const seen: unknown[] = [];
  const note = (point: unknown, name: string) => {
    seen.push(point);
    return one(name);
  };
  const made = stages(note, { a: [0.1, -1], b: ['x/y', 'xy'] }, [3, 4]);
  expect(made).toHaveLength(8);
  expect(new Set(made.map(({ name }) => name)).size).toBe(8);
  expect(seen[0]).toEqual({ a: 0.1, b: 'x/y', seed: 3 });
  expect(seen[7]).toEqual({ a: -1, b: 'xy', seed: 4 });
  expect(made[0]!.name).toBe('s-a-0-1-b-xy-seed-3');
});

it('refuses what there is nothing to go over', () => {
  expect(() => stages((_, name) => one(name), { a: [] })).toThrow(/"s": a is no list of values, or an empty one/);
  expect(() => stages((_, name) => one(name), { a: 3 as never })).toThrow(/a is no list/);
  expect(() => stages((_, name) => one(name), { a: [1] }, [])).toThrow(/seed is no list/);
  expect(() => stages((_, name) => one(name), { seed: [1] })).toThrow(/"seed" is among the values/);
  expect(() => stages((_, name) => one(name), { a: [1, 1] })).toThrow(/a has 1 twice/);
});

it('puts runs together again: means and ranges, curves over each other', async () => {
  writeFileSync(join(home, 'text.txt'), 'ab cd');
  const recipe = defineRecipe({
    name: 'study',
    summary: 'a sweep',
    config: z.strictObject({}),
    stages() {
      const found = words.stage('words', {}, { text: given('text', join(home, 'text.txt')) });
      // The toy counts letters × steps: 5 letters; the seed stands for what chance does.
      return [
        found,
        ...sweep('sizes', { values: { base: [2, 4] }, seeds: [0, 2] }, ({ base, seed }, name) =>
          count.stage(name, { steps: base + seed }, { words: found }),
        ),
      ];
    },
  });
  const stream = new Writable({ write: (_c, _e, done) => done() });
  const { report } = await runRecipe(
    recipe,
    {},
    { out: join(home, 'out'), stream: Object.assign(stream, { isTTY: false }) as never },
  );
  const [found] = report.sweeps!;
  expect(found!.rows.map(({ values, seeds }) => [values, seeds])).toEqual([
    [{ base: 2 }, [0, 2]],
    [{ base: 4 }, [0, 2]],
  ]);
  // 5 × 2 and 5 × 4: mean 15; 5 × 4 and 5 × 6: mean 25.
  expect(found!.rows.map(({ metrics }) => metrics.find(({ name }) => name === 'total'))).toMatchObject([
    { n: 2, mean: 15, least: 10, greatest: 20, unit: 'letters' },
    { n: 2, mean: 25, least: 20, greatest: 30 },
  ]);
  // The mean goes as far as all of its runs do; the loss of step s is 1 / s in each.
  const losses = found!.curves.filter(({ chart }) => chart === 'loss');
  expect(losses.map(({ name, runs, points }) => [name, runs, points.map(({ x, y }) => [x, y])])).toEqual([
    ['base 2', 2, [[1, 1], [2, 1 / 2]]],
    ['base 4', 2, [[1, 1], [2, 1 / 2], [3, 1 / 3], [4, 1 / 4]]],
  ]); // biome-ignore format: pairs
  expect(formatReport(report)).toMatch(
    /sizes: mean \(range\) over the seeds\n {2}base +seeds +total[^\n]*\n {2}2 +2 +15 letters \(10–20\)/,
  );
  const html = readFileSync(join(home, 'out', 'report.html'), 'utf8');
  expect(html).toContain('<h2>sizes</h2>');
  expect(html).toContain('15 letters (10–20)');
});
