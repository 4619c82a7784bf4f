// One of several machines is cut off: nothing is reset, packets vanish. Or a rank stands still. All end within the timeout, and say whom
// they miss.
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../../../../../tests/requires.testing.ts';
import { Hosts, hostsLack } from './hosts.testing.ts';
import { startRank } from './start-rank.testing.ts';

const script = fileURLToPath(new URL('../waiting.testing.ts', import.meta.url));
const TIMEOUT_SECONDS = 4;
/** To find out whom they have waited for, on a machine that is busy. */
const MORE_SECONDS = 12;
const place = (rank: number) => `rank ${rank} on ${hostname()} \\(10\\.0\\.0\\.${rank + 1}\\)`;

describe('of three hosts', requires(hostsLack === undefined, hostsLack ?? ''), () => {
  let hosts: Hosts;
  beforeAll(async () => {
    hosts = await Hosts.make(3);
  });
  afterAll(() => hosts?.[Symbol.dispose]());

  it.each([
    ['the last is cut off', 2, 'cut'],
    ['that of rank 0 is cut off', 0, 'cut'],
    ['one has a rank that stands still', 1, 'stop'],
  ] as const)('%s: each rank ends, and names the one it misses', { timeout: 120_000 }, async (_, lost, how) => {
    const ranks = [0, 1, 2].map((rank) =>
      startRank(hosts, rank, [script, 'goes on'], { world: 3, timeout: TIMEOUT_SECONDS }),
    );
    await Promise.all(ranks.map(({ line }) => line('ready')));
    const began = performance.now();
    if (how === 'cut') hosts.cut(lost);
    else process.kill(ranks[lost]!.pid, 'SIGSTOP');
    for (const [rank, { ended }] of ranks.entries()) {
      if (how === 'stop' && rank === lost) continue;
      const { code, stderr, at } = await ended;
      // From a machine that is cut off the place where all meet is what is gone, and from that place the first of the others.
      const gone = rank !== lost ? lost : lost === 0 ? 1 : 0;
      expect(code, stderr).toBe(1);
      expect(stderr.split('\n')[0]).toMatch(
        new RegExp(`^${place(gone)} is gone, found out by ${place(rank)} in an all-reduce$`),
      );
      expect((at - began) / 1000).toBeLessThan(TIMEOUT_SECONDS + MORE_SECONDS);
    }
    hosts.mend(lost);
  });
});
