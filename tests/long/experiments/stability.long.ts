// The experiment on stability runs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const node = (...words: string[]) =>
  execFileSync(process.execPath, words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

it('writes tables and a picture', () => {
  const out = mkdtempSync(join(tmpdir(), 'tsumugi-stability-'));
  try {
    const printed = node('recipes/experiments/stability.ts', '--quick', '--out', out);
    const [text, picture] = ['.md', '.svg'].map((end) => readdirSync(out).find((name) => name.endsWith(end))!);
    const result = readFileSync(join(out, text!), 'utf8');
    expect(printed).toContain(result);
    expect(result).toContain(`(${picture})`);
    expect(result.match(/^\| 10 \|/gm)).toHaveLength(5);
    expect(result).not.toMatch(/NaN|undefined/);
    expect(readFileSync(join(out, picture!), 'utf8')).not.toMatch(/NaN|Infinity|undefined/);
  } finally {
    rmSync(out, { recursive: true });
  }
});
