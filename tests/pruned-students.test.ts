// The experiment on pruned students runs, and goes on where it was: what is made stays.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

it('writes a table of all students, the same again when all is made', () => {
  const out = mkdtempSync(join(tmpdir(), 'tsumugi-students-'));
  try {
    const run = () =>
      execFileSync(process.execPath, ['recipes/experiments/pruned-students.ts', '--quick', '--out', out], {
        cwd: root,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    const printed = run();
    const page = readFileSync(join(out, 'pruned-students.md'), 'utf8');
    expect(printed).toContain(page);
    const rows = [...page.matchAll(/^\| (?:chosen|from|two)[^|]*\| ([\d.]+) /gm)].map(([, bits]) => Number(bits));
    expect(rows).toHaveLength(5);
    for (const bits of rows) expect(bits).toBeGreaterThan(1);
    expect(page).not.toMatch(/NaN|undefined/);
    expect(run()).toBe(printed); // its minutes are those of the stages
  } finally {
    rmSync(out, { recursive: true });
  }
}, 300_000);
