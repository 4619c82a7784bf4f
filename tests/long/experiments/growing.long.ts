// The experiment on growing runs, and goes on with what is done.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

it('writes a page, and does no run twice', () => {
  const out = mkdtempSync(join(tmpdir(), 'tsumugi-growing-'));
  const run = () => {
    const words = ['recipes/experiments/growing.ts', '--quick', '--out', out];
    const { stdout, stderr, status } = spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
    expect(status).toBe(0);
    const page = readFileSync(join(out, readdirSync(out).find((name) => name.endsWith('.md'))!), 'utf8');
    expect(stdout).toContain(page);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    return { runs: stderr.trim().split('\n'), rows: page.match(/^\|.*\|$/gm)! };
  };
  try {
    const first = run();
    expect(first.runs).toHaveLength(9);
    const [small, grown] = [first.runs[0]!, first.runs[1]!].map((line) => /: (\S+) → (\S+)/.exec(line)!);
    expect(grown![1]).toBe(small![2]); // the deeper model begins where the small one ended
    rmSync(join(out, 'wider-grown-0.01-0.json'));
    const second = run();
    expect(second.runs).toHaveLength(1);
    expect(second.rows).toEqual(first.rows);
  } finally {
    rmSync(out, { recursive: true });
  }
});
