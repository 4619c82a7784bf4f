// The benchmark of serving works, and its pieces say what they should: lengths by seed, clients that work everything off, texts compared.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { PartResult } from '../bench/lib/part.ts';
import { quantile } from '../bench/lib/statistics.ts';
import { workOff } from '../bench/serve/clients.ts';
import { compareTexts } from '../bench/serve/same-texts.ts';
import { type Asked, conversation, drawRequests } from '../bench/serve/workload.ts';
import { inTime } from '../packages/tsumugi/src/base/thorough.testing.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

// Not in a group of its own, which would be empty where there is little time.
it.each(inTime([], ['npm run bench -- serve measures clients, texts in step, turns and contexts in finite numbers']))(
  '%s',
  { timeout: 300_000 },
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'tsumugi-bench-test-'));
    try {
      const file = join(folder, 'report.json');
      const args = ['bench/main.ts', 'serve', '--quick', '--json', file];
      const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
      expect(status, stderr).toBe(0);
      const { rows, notes } = JSON.parse(readFileSync(file, 'utf8')).parts.serve as PartResult;
      const latencies = ['first token, p50', 'first token, p99', 'two tokens, p50', 'two tokens, p99'];
      expect(rows.map(({ name }) => name.replace('    time to ', '').replace('    between ', ''))).toEqual([
        '1 client',
        ...latencies,
        '4 clients',
        ...latencies,
        '4 in step',
        'turn 2, prompt of 148: time to first token',
        'turn 3, prompt of 160: time to first token',
        'prompt of 16: time to first token',
        '    tokens after the first',
        'prompt of 128: time to first token',
        '    tokens after the first',
        '4 clients, the engine alone',
        '    through HTTP',
        '    processor of the server',
        '    through HTTP: time to first piece, p50',
      ]);
      for (const { name, ours } of rows) expect(ours.median > 0 && Number.isFinite(ours.median), name).toBe(true);
      expect(notes).toContainEqual(expect.stringMatching(/^mini: 4\.6 M parameters/));
      expect(notes).toContainEqual(expect.stringMatching(/^from 1 to 4 clients: our tokens\/s × \d/));
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

describe('requests', () => {
  it('are the same for a seed, and as long as the distribution says', () => {
    const requests = drawRequests(conversation, 2000, 8192, 7);
    expect(drawRequests(conversation, 2000, 8192, 7)).toEqual(requests);
    expect(drawRequests(conversation, 5, 8192, 8)).not.toEqual(requests.slice(0, 5));
    const middle = (of: (asked: Asked) => number) => quantile(requests.map(of), 0.5);
    // Of 2,000 draws: four standard errors of a log-normal's median, 1.25 σ / √2000.
    expect(Math.abs(Math.log(middle(({ prompt }) => prompt.length) / 96))).toBeLessThan((4 * 1.25) / Math.sqrt(2000));
    expect(Math.abs(Math.log(middle(({ answerTokens }) => answerTokens) / 128))).toBeLessThan(4 / Math.sqrt(2000));
    for (const { prompt, answerTokens } of requests) {
      expect(prompt.length).toBeGreaterThanOrEqual(4);
      expect(prompt.length).toBeLessThanOrEqual(1024);
      expect(answerTokens).toBeLessThanOrEqual(512);
      expect(prompt[0]).toBe(1);
      expect(Math.max(...prompt)).toBeLessThan(8192);
    }
  });
});

describe('clients', () => {
  it('ask everything once, as many at a time as there are, and time each token', async () => {
    let [busy, most] = [0, 0];
    const asked: number[] = [];
    const requests = Array.from({ length: 7 }, (_, i): Asked => ({ prompt: [1, i], answerTokens: 3 }));
    const seen = await workOff(
      async (_client, { prompt, answerTokens }, onToken) => {
        most = Math.max(most, ++busy);
        asked.push(prompt[1]!);
        for (let i = 0; i < answerTokens; i++) {
          await new Promise((resolve) => setTimeout(resolve, i === 0 ? 40 : 1));
          onToken();
        }
        busy--;
      },
      requests,
      3,
    );
    expect(asked.sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(most).toBe(3);
    expect(seen.first.p50).toBeGreaterThanOrEqual(39);
    expect(seen.between.p50).toBeLessThan(seen.first.p50);
    // 21 tokens in three rounds of 40 ms and more.
    expect(seen.tokensPerSecond).toBeLessThan(21 / 0.117);
  });
});

describe('quantiles', () => {
  it('lie between the values', () => {
    expect([0, 0.25, 0.5, 1].map((q) => quantile([30, 10, 20], q))).toEqual([10, 15, 20, 30]);
    expect(quantile([4], 0.99)).toBe(4);
  });
});

describe('texts of two sides', () => {
  it('must begin alike', () => {
    expect(compareTexts([[1, 2, 3, 4, 5]], [[1, 2, 3, 4, 9]])).toBe(
      'the same greedy texts: 4 of 5 tokens come before the first that differs, in 1 answers',
    );
    expect(() => compareTexts([[1, 2, 3, 4, 5]], [[1, 2, 9, 4, 5]])).toThrow('ours writes 1,2,3,4,5');
  });
});
