// What a run came to: the mean of the last tenth of its losses, rounded up, and the last of what was measured.
import { expect, it } from 'vitest';
import type { Measurement } from '../run/index.ts';
import { metricsOf } from './metrics.ts';

const loss = (value: number | null, i: number): Measurement => ({
  chart: 'loss',
  name: 'training',
  step: i + 1,
  tokens: 10 * (i + 1),
  seconds: i,
  time: i,
  value,
});
const tail = (values: (number | null)[]) => metricsOf(values.map(loss))[0]!.value;

it.each([
  [[7], 7],
  [[1, 2, 3, 4, 5, 6, 7, 8, 9], 9],
  [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20], 15], // of eleven, two
  [[1, 2, 3, 4, 5, 6, 7, 8, 9, null, 20], null],
  [[null, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20], 15],
])('of the losses %j: %s', (values, expected) => {
  expect(tail(values)).toBe(expected);
});

it('counts the most tokens and the seconds of work', () => {
  const found = metricsOf([...[3, 2].map(loss), { ...loss(5, 0), name: 'held-out', tokens: 0, seconds: 1.5 }]);
  expect(found.map(({ name, value }) => [name, value])).toEqual([
    ['loss: training, last tenth', 2],
    ['loss: held-out', 5],
    ['tokens', 20],
    ['time', 1.5],
  ]);
});
