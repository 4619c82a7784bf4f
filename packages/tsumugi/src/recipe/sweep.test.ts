// Sweeps: the stages they make, and what the report puts together of them.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { UserError } from '../base/index.ts';
import { readEvents } from '../run/index.ts';
import {
  defineRecipe,
  defineStage,
  formatReport,
  given,
  type RecipeReport,
  type RecipeStage,
  runRecipe,
  sweep,
} from './index.ts';
import { count, log, trouble, words } from './toy-recipe.testing.ts';

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
  // What the name cannot say is told apart by the first digits of SHA-256({"a":0.1,"b":"x/y","seed":3}).
  expect([made[0]!.name, made[2]!.name]).toEqual(['s-a-0-1-b-xy-seed-3-ad8de1', 's-a-0-1-b-xy-seed-3']);
});

it('gives a point its name whatever other points there are', () => {
  const namesOf = (values: unknown[]) => {
    const names = new Map<unknown, string>();
    const note = (point: object, name: string) => {
      names.set(Object.entries(point)[0]![1], name);
      return one(name);
    };
    stages(note, { b: values });
    return names;
  };
  const values = [`${'long '.repeat(20)}1`, `${'long '.repeat(20)}2`, 'a.b', 'a-b', 1, '1', true, 'true', [1, 2], [12]];
  const alone = new Map(values.flatMap((value) => [...namesOf([value])]));
  expect(namesOf(values)).toEqual(alone);
  expect(namesOf(values.toReversed())).toEqual(alone);
  expect(new Set(alone.values()).size).toBe(values.length);
});

it.each([
  [undefined, /b\[1\] cannot be written as JSON: undefined/],
  [Math.sin, /b\[1\] .*function sin/],
  [Number.NaN, /b\[1\] .*NaN/],
  [3n, /b\[1\] .*3/],
  [{ rate: Number.POSITIVE_INFINITY }, /b\[1\]\.rate .*Infinity/],
])('refuses the value %s', (value, problem) => {
  expect(() => stages((_, name) => one(name), { b: [1, value] })).toThrow(problem);
});

it('knows its options', () => {
  const misspelt = { values: { b: [1] }, seed: [0, 1] } as unknown as Parameters<typeof sweep>[1];
  expect(() => sweep('s', misspelt, (_, name) => one(name))).toThrow(/sweep: there is no option "seed"\n.*Write seeds/);
});

it('refuses a sweep over nothing', () => {
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

describe('a point that fails', () => {
  let shown = '';
  const write = (text: string) => {
    shown += text;
  };
  const out = join(home, 'failing');
  const ids = { s2: 's-size-2-seed-0', s3: 's-size-3-seed-0', s4: 's-size-4-seed-0' };
  const recipe = defineRecipe({
    name: 'failing',
    summary: 'one of three fails',
    config: z.strictObject({}),
    stages() {
      const found = words.stage('words', {}, { text: given('text', join(home, 'text.txt')) });
      const points = sweep('s', { values: { size: [2, 3, 4] } }, ({ size }, name) =>
        count.stage(name, { size }, { words: found }),
      );
      const last = both.stage('both', {}, { counts: points as RecipeStage<'count'>[] });
      return [found, ...points, last];
    },
  });
  const both = defineStage({
    name: 'both',
    version: 1,
    makes: 'metrics',
    inputs: { counts: ['count'] },
    config: z.strictObject({}),
    output: 'both',
    resumes: false,
    forecast: () => ({ seconds: 1, memory: [], diskBytes: 1 }),
    async run({ folder }) {
      log.push('both');
      mkdirSync(join(folder, 'both'));
      writeFileSync(join(folder, 'both', 'x.txt'), 'x');
      return { metrics: [] };
    },
  });
  const run = () => runRecipe(recipe, {}, { out, stream: { write } });
  const statesIn = () => {
    const { stages: found } = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as RecipeReport;
    return Object.fromEntries(found.map(({ name, state }) => [name, state]));
  };
  let counted = 0;
  const failAt = (...which: number[]) => {
    counted = 0;
    log.length = 0;
    trouble.during = () => {
      counted++;
      if (which.includes(counted)) throw new UserError('diverged', `point ${counted} diverged`);
    };
  };
  afterAll(() => {
    delete trouble.during;
  });

  it('does not stop the other points, and is told at the end', async () => {
    writeFileSync(join(home, 'text.txt'), 'ab cd');
    failAt(1, 3);
    await expect(run()).rejects.toThrow('point 1 diverged');
    expect(statesIn()).toEqual({
      words: 'made',
      [ids.s2]: 'failed',
      [ids.s3]: 'made',
      [ids.s4]: 'failed',
      both: 'waiting',
    });
    expect(shown).toContain('failed: point 1 diverged');
    expect(shown).toContain(`not made: ${ids.s2}, ${ids.s4}, both`);
    const ends = readEvents(join(out, 'events.jsonl')).filter(({ type }) => type === 'end');
    expect(ends).toMatchObject([{ reason: 'failed', message: 'point 1 diverged' }]);
  });

  it('is tried again by the next run, then also what takes it', async () => {
    failAt(1);
    await expect(run()).rejects.toThrow('point 1 diverged');
    expect(statesIn()).toMatchObject({ [ids.s2]: 'failed', [ids.s3]: 'unchanged', [ids.s4]: 'made', both: 'waiting' });
    failAt();
    await run();
    expect(log).toEqual(['count from 0', 'both']);
    expect(new Set(Object.values(statesIn()))).toEqual(new Set(['unchanged', 'made']));
  });

  it('ends the recipe where the disk is full: that is so for all', async () => {
    writeFileSync(join(home, 'text.txt'), 'ab cd ef');
    log.length = 0;
    trouble.during = () => {
      throw new UserError('cannot-write', 'the disk is full');
    };
    await expect(run()).rejects.toThrow('the disk is full');
    expect(log).toEqual(['words', 'count from 0']);
  });
});
