// Every kind of schedule: a warm-up to the peak, then down to the floor (or not at all) by the last step.
import { expect, it } from 'vitest';
import { scheduleOf } from './schedule.ts';

const settings = { warmup: 0.1, decay: 0.2, floor: 0.1 };

it.each(['cosine', 'wsd', 'linear', 'constant'] as const)('%s warms up, and ends where it should', (schedule) => {
  const at = scheduleOf({ ...settings, schedule }, 100);
  expect([at(0), at(4), at(9)]).toEqual([0.1, 0.5, 1]);
  expect(at(10)).toBe(1);
  expect(at(100)).toBeCloseTo(schedule === 'constant' ? 1 : 0.1, 12);
  const middle = { cosine: 0.55, linear: 0.55, wsd: 1, constant: 1 }[schedule];
  expect(at(55)).toBeCloseTo(middle, 12);
  if (schedule === 'wsd') expect([at(80), at(90)]).toEqual([1, 0.55]);
});

it('warms up for one step at least, also in a run of one', () => {
  expect(scheduleOf({ ...settings, schedule: 'cosine', warmup: 0 }, 50)(0)).toBe(1);
  for (const schedule of ['cosine', 'wsd', 'linear', 'constant'] as const)
    expect(scheduleOf({ ...settings, schedule }, 1)(0), schedule).toBe(1);
});

it('rounds the warm-up and the decay to the nearest step', () => {
  const rises = (steps: number) => scheduleOf({ ...settings, schedule: 'constant' }, steps)(0);
  expect([rises(24), rises(25), rises(26)]).toEqual([1 / 2, 1 / 3, 1 / 3]); // 2.4, 2.5, 2.6 steps
  const at = scheduleOf({ ...settings, schedule: 'wsd' }, 18); // 3.6 steps of decay
  expect(at(14)).toBe(1);
  expect(at(15)).toBeLessThan(1);
});

it('rises by the same factor at every step of a range test, to the peak at the last', () => {
  const at = scheduleOf({ schedule: 'range-test', warmup: 0.5 }, 6);
  for (const [step, rate] of [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1].entries()) expect(at(step) / rate).toBeCloseTo(1, 12);
  const shorter = scheduleOf({ schedule: 'range-test', warmup: 0, floor: 0.25 }, 3);
  expect([shorter(0), shorter(1), shorter(2)]).toEqual([0.25, 0.5, 1]);
  expect(scheduleOf({ schedule: 'range-test', warmup: 0 }, 1)(0)).toBe(1);
});
