// The experiment on pruned students runs, and goes on where it was: what is made stays.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Header and rows of the table in a text. */
const rowsOf = (text: string) =>
  [...text.matchAll(/^\| (.*) \|$/gm)].map(([, row]) => row!.split(' | ')).filter(([first]) => first !== '---');

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
    expect(page).not.toMatch(/NaN|undefined|Infinity/);

    const [results, tried] = page.split('## What was tried').map(rowsOf) as [string[][], string[][]];
    expect(results.slice(1)).toHaveLength(6);
    const columns = tried[0]!;
    for (const [name, rate, bits] of results.slice(1)) {
      expect(Number.parseFloat(bits!)).toBeGreaterThan(1);
      // With one seed, what was best is the result.
      const rows = tried.filter((row) => row[0] === name);
      const best = rows.map((row) => Math.min(...row.slice(2).filter(Boolean).map(Number)));
      const taken = rows.findIndex((row) => row[columns.indexOf(rate!)] === bits!.split(' ')[0]);
      expect(Number.parseFloat(bits!)).toBe(best[taken]);
    }
    const teachers = [...page.matchAll(/([\d.]+) after [\d.]+ epochs/g)].map(([, bits]) => Number(bits));
    expect(teachers).toHaveLength(2);
    expect(page).toContain(`The teacher's bits per character: ${Math.min(...teachers).toFixed(3)} `);
    expect(run()).toBe(printed); // its minutes are those of the stages
  } finally {
    rmSync(out, { recursive: true });
  }
}, 300_000);
