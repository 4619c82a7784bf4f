// The experiment on sums runs, and goes on where it was.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

it('writes a page with every α and temperature, asks nothing twice, and keeps to its settings', () => {
  const out = mkdtempSync(join(tmpdir(), 'tsumugi-sums-'));
  const run = (...more: string[]) => {
    const words = ['recipes/experiments/arithmetic.ts', '--quick', '--out', out, ...more];
    return spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
  };
  try {
    const first = run();
    expect(first.stderr.trim().split('\n')).toHaveLength(4);
    const file = readdirSync(out).find((name) => name.endsWith('.md'))!;
    const page = readFileSync(join(out, file), 'utf8');
    expect(first.stdout).toContain(page);
    expect(page).not.toMatch(/NaN|undefined|Infinity|null/);
    expect(page).toContain(`(${file.replace('.md', '.svg')})`);
    expect(readFileSync(join(out, file.replace('.md', '.svg')), 'utf8')).not.toMatch(/NaN|Infinity|undefined/);
    for (const name of ['fine-tuned', 'α = 0.8', 'DPO (α = 1)', 'DPO, τ = 0.8'])
      expect(page.split('\n').filter((line) => line.startsWith(`| ${name} |`))).toHaveLength(
        name.endsWith('(α = 1)') ? 2 : 3,
      );

    // One record is lost: it alone is made again, and is what it was.
    const recordFile = join(out, 'results-0.json');
    const records = JSON.parse(readFileSync(recordFile, 'utf8'));
    const [lost] = Object.keys(records.answers).filter((name) => name.includes('"alpha":0.8'));
    const { [lost!]: answers, ...others } = records.answers;
    writeFileSync(recordFile, JSON.stringify({ ...records, answers: others }));
    const second = run();
    expect(second.stderr.trim().split('\n')).toHaveLength(1);
    expect(second.stderr).toContain(lost);
    expect(JSON.parse(readFileSync(recordFile, 'utf8')).answers[lost!]).toEqual(answers);
    expect(second.stdout.match(/^\|.*\|$/gm)).toEqual(first.stdout.match(/^\|.*\|$/gm));

    const tuning = run('--tune');
    expect(tuning.stderr.match(/"seed":9,.* % right/g)).toHaveLength(2); // before, and one rate
    expect(tuning.stdout).toBe('');
    expect(run('--seeds', '1,x').stderr).toMatch(/whole numbers/);

    writeFileSync(join(out, 'plan.json'), '{}');
    const other = run();
    expect(other.status).toBe(2);
    expect(other.stderr).toMatch(/other settings/);
  } finally {
    rmSync(out, { recursive: true });
  }
}, 300_000);
