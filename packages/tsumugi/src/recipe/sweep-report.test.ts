// The rows of a sweep, by hand: stages of one seed, metrics that are called by the stage they are of.
import { expect, it } from 'vitest';
import { sweepsOf, sweepTable } from './sweep-report.ts';

const stage = (name: string, rate: number, seed: number, metrics: Record<string, number>) => ({
  ...{ name, sweep: { sweep: 's', values: { rate }, seed }, curves: [] },
  metrics: Object.entries(metrics).map(([metric, value]) => ({ name: metric, value, unit: '' })),
});

it('counts seeds, not stages, and puts metrics of one kind together', () => {
  const [found] = sweepsOf([
    stage('train-a', 0.1, 0, { loss: 4 }),
    stage('eval-a', 0.1, 0, { 'train-a: accuracy': 0.5 }),
    stage('train-b', 0.1, 1, { loss: 2 }),
    stage('eval-b', 0.1, 1, { 'train-b: accuracy': 0.7, 'other: accuracy': 1 }),
    stage('train-c', 0.2, 0, { loss: 8 }),
    { name: 'data', curves: [], metrics: [] } as never,
  ]);
  expect(found!.rows.map(({ seeds, metrics }) => [seeds, metrics.map(({ name, n, mean }) => [name, n, mean])])).toEqual([
    [[0, 1], [['loss', 2, 3], ['accuracy', 2, 0.6], ['other: accuracy', 1, 1]]],
    [[0], [['loss', 1, 8]]],
  ]); // biome-ignore format: rows
  const { columns, rows } = sweepTable(found!);
  expect(columns).toEqual(['rate', 'seeds', 'loss', 'accuracy', 'other: accuracy']);
  expect(rows).toEqual([
    ['0.1', 2, '3 (2–4)', '0.600 (0.500–0.700)', '1'],
    ['0.2', 1, '8', null, null],
  ]);
});
