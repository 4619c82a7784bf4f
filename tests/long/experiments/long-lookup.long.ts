// The experiment on look-up over long distances runs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const node = (...words: string[]) =>
  execFileSync(process.execPath, words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

it('has an experiment that writes a table and a picture', () => {
  const out = mkdtempSync(join(tmpdir(), 'tsumugi-long-lookup-'));
  try {
    const printed = node('recipes/experiments/long-lookup.ts', '--quick', '--out', out);
    const [text, picture] = ['.md', '.svg'].map((end) => readdirSync(out).find((name) => name.endsWith(end))!);
    const result = readFileSync(join(out, text!), 'utf8');
    expect(printed).toContain(result);
    expect(result).toContain(`(${picture})`);
    expect(result.match(/^\| \d+ \|( \d+ \(\d+–\d+\) \|){5}$/gm)).toHaveLength(3);
    expect(result + readFileSync(join(out, picture!), 'utf8')).not.toMatch(/NaN|Infinity|undefined/);
  } finally {
    rmSync(out, { recursive: true });
  }
});
