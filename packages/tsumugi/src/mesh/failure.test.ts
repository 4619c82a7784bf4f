// A rank that ends, is killed, comes no more or never came: the others end within the timeout, and name it.
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { thorough } from '../base/thorough.testing.ts';
import { runRanks } from './ranks.testing.ts';

const script = fileURLToPath(new URL('waiting.testing.ts', import.meta.url));
const host = hostname();

describe('the others end with one sentence', () => {
  it.each([0, 2])('when rank %i of 3 is killed', async (killed) => {
    let at = 0;
    const ready = new Set<number>();
    const results = await runRanks(script, 3, {
      args: ['goes on'],
      onOutput: (rank, _, kill) => {
        ready.add(rank);
        if (ready.size < 3 || at > 0) return;
        at = performance.now();
        kill(killed, 'SIGKILL');
      },
    });
    expect((performance.now() - at) / 1000).toBeLessThan(15);
    for (const { rank, code, signal, stderr } of results) {
      if (rank === killed) expect(signal).toBe('SIGKILL');
      else {
        expect(code).toBe(1);
        expect(stderr.split('\n')[0]).toMatch(
          new RegExp(
            `^rank ${killed} on ${host} \\(127\\.0\\.0\\.1\\) is gone, found out by rank ${rank} on ${host} .* in an all-reduce$`,
          ),
        );
        expect(stderr).toContain('--resume');
      }
    }
  });

  it('when one ends by an error of its own: they tell that error', async () => {
    const results = await runRanks(script, 3, { args: ['throws'] });
    expect(results.map(({ code }) => code)).toEqual([1, 1, 1]);
    expect(results[2]!.stderr).toBe('no room left here\n');
    for (const { stderr } of results.slice(0, 2))
      expect(stderr.split('\n')[0]).toBe(`rank 2 on ${host} (127.0.0.1) ended: no room left here`);
  });

  it('when one is alive and comes no more, after the timeout', async () => {
    const results = await runRanks(script, 2, { args: ['stops'], env: { TSUMUGI_MESH_TIMEOUT: '4' } });
    expect(results[0]!.code).toBe(1);
    expect(results[0]!.stderr).toMatch(
      /^rank 0 on .* waited 4 s in an all-reduce, to which another rank, though alive, did not come\n/,
    );
    expect(results[0]!.stderr).toContain('TSUMUGI_MESH_TIMEOUT');
    expect(results[1]!.stderr).toMatch(/^rank 0 on .* ended: rank 0 on .* waited 4 s/);
  });
});

describe('when the processes do not meet', () => {
  it('names a rank that is missing', async () => {
    const env = { WORLD_SIZE: '3', TSUMUGI_MESH_TIMEOUT: '2' };
    const results = await runRanks(script, 2, { env });
    for (const { code, stderr } of results) {
      expect(code).toBe(1);
      expect(stderr.split('\n')[0]).toBe('rank 2 of 3 did not come within 2 s');
    }
  });

  it('names the address where rank 0 is not', async () => {
    const [only] = await runRanks(script, 1, { env: { WORLD_SIZE: '2', RANK: '1', TSUMUGI_MESH_TIMEOUT: '1' } });
    expect(only!.stderr).toMatch(/^rank 0 cannot be reached at 127\.0\.0\.1:\d+ \(ECONNREFUSED\)\n/);
  });

  it('says at once that they have different worlds', async () => {
    const worlds = ['2', '3'];
    const env = (rank: number) => ({ WORLD_SIZE: worlds[rank]!, TSUMUGI_MESH_TIMEOUT: '60' });
    const results = await runRanks(script, 2, { env });
    expect(results.map(({ code, stderr }) => [code, stderr.split('\n')[0]])).toEqual([
      [1, 'rank 0 has a WORLD_SIZE of 2, and rank 1 one of 3'],
      [1, 'rank 1 has a WORLD_SIZE of 3, and rank 0 one of 2'],
    ]);
  });

  it('refuses a second process of a rank that has come', async ({ skip }) => {
    skip(!thorough, 'takes 15 seconds: in npm run test:long');
    // The others wait for rank 2, which does not come, for long enough that both of rank 1 come.
    const env = (each: number) => ({ WORLD_SIZE: '3', RANK: ['0', '1', '1'][each]!, TSUMUGI_MESH_TIMEOUT: '15' });
    const results = await runRanks(script, 3, { env });
    const refused = results.filter(({ stderr }) =>
      /^another process at 127\.0\.0\.1:\d+ is rank 1 already\n/.test(stderr),
    );
    expect(refused).toHaveLength(1);
    expect(refused[0]!.rank).toBeGreaterThan(0);
    expect(refused[0]!.seconds).toBeLessThan(
      Math.min(...results.filter((each) => each !== refused[0]).map(({ seconds }) => seconds)),
    );
  });

  it('refuses a second process of the first rank', async () => {
    const results = await runRanks(script, 3, { env: { WORLD_SIZE: '2', RANK: '0', TSUMUGI_MESH_TIMEOUT: '2' } });
    expect(results.every(({ code }) => code === 1)).toBe(true);
    expect(results.map(({ stderr }) => stderr).join('')).toMatch(/port \d+, at which the ranks are to meet, is taken/);
  });
});
