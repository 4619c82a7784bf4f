// The search over merges: candidates, the front, what is kept, and that it goes on.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { candidatesOf, paretoFront, parseSearchSpace, type SearchOptions, searchMerges } from './index.ts';
import { SmallModels } from './merge.testing.ts';

let small: SmallModels;
const yaml =
  'merge_method: linear\nmodels: [{model: a}, {model: b, parameters: {weight: 1}}]\nparameters: {weight: 0}\n';
beforeAll(() => {
  small = new SmallModels();
  small.make('a', 1);
  small.make('b', 2);
  small.yaml(yaml);
});
afterAll(() => small[Symbol.dispose]());

it('tries every combination, or draws', () => {
  const space = parseSearchSpace(['x=1,2', ' parameters.y = a , b']);
  expect(candidatesOf(space)).toEqual([
    ['x=1', 'parameters.y=a'],
    ['x=1', 'parameters.y=b'],
    ['x=2', 'parameters.y=a'],
    ['x=2', 'parameters.y=b'],
  ]);
  const range = parseSearchSpace(['t=-1..3', 'm=ties,sce']);
  const drawn = candidatesOf(range, { samples: 40, seed: 2 });
  expect(drawn).toHaveLength(40);
  const numbers = drawn.map(([t]) => Number(t!.slice(2)));
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(-1);
  expect(Math.max(...numbers)).toBeLessThan(3);
  expect(Math.max(...numbers) - Math.min(...numbers)).toBeGreaterThan(2);
  expect(new Set(drawn.map(([, m]) => m))).toEqual(new Set(['m=ties', 'm=sce']));
  expect(candidatesOf(range, { samples: 40, seed: 2 })).toEqual(drawn);
  expect(candidatesOf(range, { samples: 40, seed: 3 })).not.toEqual(drawn);
  // What is drawn twice is tried once.
  expect(candidatesOf(space, { samples: 100 }).length).toBeLessThanOrEqual(4);
  expect(() => candidatesOf(range)).toThrow('t is a range, from which values are drawn');
  for (const [texts, message] of [
    [['t'], 'expected KEY=VALUE'],
    [['t='], 'expected KEY=VALUE'],
    [['t=3..1'], 'A range goes from a number to a larger one'],
    [['t=1', 't=2'], 't is given twice'],
  ] as const)
    expect(() => parseSearchSpace(texts)).toThrow(message);
});

it('finds the candidates that no other one beats', () => {
  const scores = (bits: number, accuracy: number) => [
    { name: 'bits', value: bits, lowerIsBetter: true },
    { name: 'accuracy', value: accuracy, lowerIsBetter: false },
  ];
  const rows = [scores(2, 0.5), scores(1, 0.4), scores(2, 0.4), scores(1, 0.4), scores(3, 0.9), scores(3, 0.5)];
  expect(paretoFront(rows)).toEqual([true, true, false, true, true, false]);
});

const asked: string[] = [];
/** Scores that follow from the share of `a`: one falls towards 0.5, the other rises. */
const settings = (more: Partial<SearchOptions> = {}): SearchOptions => ({
  space: parseSearchSpace(['models.0.parameters.weight=0,1,3']),
  scoring: 'test',
  score: async (folder, [set]) => {
    asked.push(set!);
    expect(existsSync(`${folder}/model.safetensors`)).toBe(true);
    const share = Number(set!.split('=')[1]) / (1 + Number(set!.split('=')[1]));
    return [
      { name: 'distance', value: Math.abs(share - 0.5), lowerIsBetter: true },
      { name: 'share', value: share, lowerIsBetter: false },
    ];
  },
  ...more,
});

it('goes on where it was cut off, and leaves a table and the best model', async () => {
  const seen: [number, number][] = [];
  const cut = settings({
    onCandidate: (_, done) => {
      if (done === 2) throw new Error('killed');
    },
  });
  await expect(searchMerges(small.at('merge.yml'), small.at('search'), cut)).rejects.toThrow('killed');
  expect(asked).toEqual(['models.0.parameters.weight=0', 'models.0.parameters.weight=1']);
  asked.length = 0;
  const whole = settings({ onCandidate: (_, done, total) => seen.push([done, total]) });
  const { rows } = await searchMerges(small.at('merge.yml'), small.at('search'), whole);
  expect(asked).toEqual(['models.0.parameters.weight=3']);
  expect(seen).toEqual([
    [1, 3],
    [2, 3],
    [3, 3],
  ]);
  expect(rows.map(({ set, front }) => [set[0], front])).toEqual([
    ['models.0.parameters.weight=1', true],
    ['models.0.parameters.weight=3', true],
    ['models.0.parameters.weight=0', false],
  ]);
  expect(readdirSync(small.at('search')).sort()).toEqual(['candidates', 'model', 'search.json', 'search.md']);
  const [x, a, b] = [
    small.numbers('search/model', 'model.norm.weight'),
    small.numbers('a', 'model.norm.weight'),
    small.numbers('b', 'model.norm.weight'),
  ];
  for (const [i, value] of x.entries()) expect(value).toBeCloseTo((a[i]! + b[i]!) / 2, 6);
  expect(JSON.parse(readFileSync(small.at('search', 'search.json'), 'utf8'))).toMatchObject({
    scoring: 'test',
    rows: [{ front: true }, {}, {}],
  });
  expect(
    readFileSync(small.at('search', 'search.md'), 'utf8'),
  ).toBe(`|  | models.0.parameters.weight | distance ↓ | share ↑ |
| --- | --- | --- | --- |
| ● | 1 | 0.00000 | 0.500000 |
| ● | 3 | 0.250000 | 0.750000 |
|  | 0 | 0.500000 | 0.00000 |

● no other candidate is as good in every score and better in one.
`);
  // The same again asks nothing; another scoring, other models or another merge ask again.
  asked.length = 0;
  await searchMerges(small.at('merge.yml'), small.at('search'), settings());
  expect(asked).toEqual([]);
  await searchMerges(small.at('merge.yml'), small.at('search'), settings({ scoring: 'other' }));
  expect(asked).toHaveLength(3);
  await searchMerges(small.at('merge.yml'), small.at('search'), settings({ set: ['parameters.normalize=false'] }));
  expect(asked).toHaveLength(6);
});

it('refuses a folder that holds something else', async () => {
  mkdirSync(small.at('taken'));
  writeFileSync(small.at('taken', 'notes.txt'), '');
  const search = searchMerges(small.at('merge.yml'), small.at('taken'), settings());
  await expect(search).rejects.toThrow('holds something else (notes.txt)');
});
