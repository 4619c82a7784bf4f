// A mixed load for some seconds: nothing is lost, answered twice or wrongly, and no tensor is left. And the account itself sees what it should.
import { expect, it } from 'vitest';
import { Ledger } from '../bench/serve-load/ledger.ts';
import { slope } from '../bench/serve-load/load.ts';
import { complaints, run } from '../bench/serve-load.ts';
import { inTime } from '../packages/tsumugi/src/base/thorough.testing.ts';

it('a server under mixed load loses no request and keeps no tensor', { timeout: 300_000 }, async () => {
  const seconds = inTime(4, 20);
  const report = await run(seconds, 8, () => {});
  expect(complaints(report, seconds)).toEqual([]);
  const { sent, ends, handles } = report;
  expect(Object.values(ends).reduce((sum, count) => sum + count, 0)).toBe(sent);
  for (const [end, count] of Object.entries(ends)) expect(count, end).toBeGreaterThan(0);
  expect(handles.before).toBeGreaterThan(0);
});

it('the account finds what is lost, doubled, or ended twice', () => {
  const ledger = new Ledger();
  const [a, b, c] = ['whole', 'slow', 'whole'].map((kind) => ledger.open(kind)) as [string, string, string];
  ledger.close(a, 'answered');
  ledger.close(b, 'answered');
  ledger.close(b, 'cancelled');
  ledger.answer('cmpl-1');
  ledger.answer('cmpl-1');
  expect(ledger.check([a, b, b])).toEqual([
    `${b} ended twice`,
    'two answers are called cmpl-1',
    `${b} stands in the log 2 times`,
    `${c} was never answered`,
    `${c} stands in the log 0 times`,
  ]);
  expect(ledger.count('answered')).toBe(1);
});

it('growth of memory is seen, and its absence', () => {
  const samples = (perSecond: number) =>
    Array.from({ length: 60 }, (_, seconds) => ({ seconds, bytes: 4e8 + perSecond * seconds + (seconds % 2) * 1e6 }));
  expect(slope(samples(1e5)) / 6e6).toBeCloseTo(1, 1);
  expect(Math.abs(slope(samples(0)))).toBeLessThan(1e5);
  const report = {
    ...{ sent: 1, ends: { answered: 1, cancelled: 0, 'refused as busy': 0, 'refused as wrong': 0 }, faults: ['lost'] },
    ...{ handles: { before: 5, after: 7 }, memory: { bytesPerMinute: 9e6, bytes: 4e8 } },
  };
  expect(complaints(report, 600)).toEqual(['lost', '2 tensors are left', 'memory grows by 9.0 MB a minute']);
  expect(complaints({ ...report, faults: [], handles: { before: 5, after: 4 } }, 20)).toEqual([]);
});
