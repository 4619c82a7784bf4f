// The benchmark suite works: the command a stranger runs gives finite numbers. How large they are is not judged here,
// where other tests run beside it; but a BLAS that chose the wrong core would make every number meaningless, so that is.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkBlasCore } from '../bench/lib/blas.ts';
import type { Machine } from '../bench/lib/machine.ts';
import type { PartResult } from '../bench/lib/part.ts';
import { row } from '../bench/lib/row.ts';
import { table } from '../bench/lib/table.ts';
import { pieces } from '../bench/ship.ts';
import { inTime } from '../packages/tsumugi/src/base/thorough.testing.ts';
import { blasCore, describeNative } from '../packages/tsumugi/src/torch/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function bench(...args: string[]) {
  return spawnSync(process.execPath, ['bench/main.ts', ...args], { cwd: root, encoding: 'utf8' });
}

describe('npm run bench', () => {
  it('measures the call overhead and the start-up in finite numbers', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tsumugi-bench-test-'));
    try {
      const file = join(folder, 'report.json');
      const { status, stderr } = bench('call-overhead', 'startup', '--quick', '--json', file);
      expect(status, stderr).toBe(0);
      const report = JSON.parse(readFileSync(file, 'utf8')) as { machine: Machine; parts: Record<string, PartResult> };
      for (const peak of ['fmaGflops', 'matmulGflops', 'bandwidthGBs'] as const)
        expect(report.machine[peak], peak).toBeGreaterThan(0);
      expect(Object.keys(report.parts)).toEqual(['call-overhead', 'startup']);
      const rows = Object.values(report.parts).flatMap((part) => part.rows);
      expect(rows).toHaveLength(4);
      for (const { name, ours, peer, speed } of rows) {
        const numbers = [...ours.samples, ...(peer?.samples ?? []), ours.median, ours.best, speed?.median ?? 1];
        for (const number of numbers) expect(Number.isFinite(number) && number > 0, `${name}: ${number}`).toBe(true);
      }
      expect(report.parts['startup']!.notes).toContain('the native addon is not loaded');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses an unknown part by its nearest name', () => {
    const { status, stderr } = bench('call-overhaed');
    expect(status).toBe(2);
    expect(stderr).toContain('Did you mean "call-overhead"?');
    expect(stderr).not.toContain('    at ');
  });
});

describe('ship', () => {
  it('measures a command in a process of its own', { timeout: 180_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'tsumugi-bench-test-'));
    try {
      const file = join(folder, 'report.json');
      const skip = pieces.filter((piece) => piece !== 'export-hf').flatMap((piece) => ['--skip', piece]);
      const { status, stderr } = bench('ship', '--quick', ...skip, '--json', file);
      expect(status, stderr).toBe(0);
      const { rows, notes } = JSON.parse(readFileSync(file, 'utf8')).parts.ship as PartResult;
      expect(rows.map(({ name, unit }) => `${name}: ${unit}`)).toEqual([
        'export-hf: s',
        'export-hf: peak memory: GB',
        'export-hf: read and written: GB/s',
      ]);
      for (const { ours } of rows) expect(ours.median).toBeGreaterThan(0);
      expect(notes).toContainEqual(expect.stringMatching(/^export-hf runs at the speed of/));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    [['ship', '--skip', 'prun'], 'Did you mean "prune"?'],
    [['startup', '--skip', 'prune'], '--skip has no effect'],
  ])('refuses %j', (args, message) => {
    const { status, stderr } = bench(...args);
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe('Ctrl-C', () => {
  it('ends after the present sample, prints what there is, and says what is missing', {
    timeout: 120_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tsumugi-bench-test-'));
    const file = join(folder, 'report.json');
    const args = ['call-overhead', 'startup', 'matmul', '--quick', '--json', file];
    const child = spawn(process.execPath, ['bench/main.ts', ...args], { cwd: root });
    let [stdout, stderr] = ['', ''];
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.stdout.on('data', (text) => {
      // The table of the first part: the second one is being measured.
      if (!/^call-overhead$/m.test(stdout) && /^call-overhead$/m.test(stdout + text)) child.kill('SIGINT');
      stdout += text;
    });
    const [code] = await once(child, 'close');
    expect(code, stderr).toBe(130);
    expect(stderr).toContain('ending after the present sample');
    expect(stdout).toMatch(/^startup\n(?:.*\n)*?.*cut off/m);
    expect(stdout).toContain('cut off; not begun: matmul');
    const report = JSON.parse(readFileSync(file, 'utf8'));
    expect(report).toMatchObject({ cutOff: true, parts: { 'call-overhead': { rows: [{}, {}] } } });
    rmSync(folder, { recursive: true });
  });

  it('keeps the samples that were taken', () => {
    const program = `
      import { watchCutOff } from './bench/lib/cut-off.ts';
      import { interleave } from './bench/lib/sampling.ts';
      watchCutOff();
      let [a, b] = [0, 0];
      const found = await interleave(99, { a: () => (++a === 4 && process.kill(process.pid, 'SIGINT'), a), b: () => ++b });
      const again = await interleave(99, { c: () => 1 }).catch((error) => error.name);
      console.log(JSON.stringify([found, again]));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: root,
      encoding: 'utf8',
    });
    // The first of each warms up.
    expect(JSON.parse(stdout || stderr)).toEqual([{ a: [2, 3, 4], b: [2, 3] }, 'CutOff']);
  });
});

describe('experiments', () => {
  const folder = join(root, 'recipes', 'experiments');
  const programs = readdirSync(folder).filter((name) =>
    /^\/\/ +(?:\w+=\S+ )?node recipes\/experiments\//m.test(readFileSync(join(folder, name), 'utf8')),
  );

  it('are those that say how they are called', () => {
    expect(programs.sort()).toEqual([
      'arithmetic.ts',
      'evaluation-growth.ts',
      'gan-comparison.ts',
      'generation-growth.ts',
      'growing.ts',
      'image-growth.ts',
      'long-lookup.ts',
      'near-duplicates.ts',
      'pruned-students.ts',
      'stability.ts',
    ]);
  });

  it.each(programs)('%s takes its options as all do', (name) => {
    expect(readFileSync(join(folder, name), 'utf8')).toMatch(
      /\b(experimentOptions|printGrowth)\(\s*import\.meta\.url,/,
    );
  });

  it.each(inTime(programs.slice(0, 1), programs))(
    '%s answers --help with what it is for, and refuses what it does not know',
    (name) => {
      const run = (...args: string[]) =>
        spawnSync(process.execPath, [`recipes/experiments/${name}`, ...args], { cwd: root, encoding: 'utf8' });
      const help = run('--help');
      expect([help.status, help.stderr]).toEqual([0, '']);
      expect(help.stdout).toContain(`node recipes/experiments/${name}`);
      expect(help.stdout).not.toContain('//');
      const wrong = run('--quickly');
      expect(wrong.status).toBe(2);
      expect(wrong.stderr).toContain("Unknown option '--quickly'");
      expect(wrong.stderr).not.toContain('    at ');
    },
  );
});

describe('the BLAS core', () => {
  it('is not the SSE core on this machine, if it has AVX2', () => {
    expect(() => checkBlasCore(blasCore(), describeNative().cpuLevel.level)).not.toThrow();
  });

  it('would be refused if it were', () => {
    expect(() => checkBlasCore('Prescott', 'x86-64-v3')).toThrow('Prescott');
    expect(() => checkBlasCore('Prescott', 'x86-64-v2')).not.toThrow();
    expect(() => checkBlasCore('SkylakeX', 'x86-64-v4')).not.toThrow();
  });
});

describe('a row', () => {
  const ours = [10, 12, 11];
  const peer = [22, 20, 30];

  it('tells how many times as quick we are, for times and for rates', () => {
    expect(row({ name: 't', unit: 'ms', better: 'lower', ours, peer }).speed).toEqual({ median: 2, best: 2 });
    expect(row({ name: 'r', unit: '/s', better: 'higher', ours, peer }).speed).toEqual({ median: 0.5, best: 0.4 });
  });

  it('judges its goal by the medians, and not at all without a peer', () => {
    const goal = { of: 'speed', bound: 2.5 } as const;
    expect(row({ name: 't', unit: 'ms', better: 'lower', ours, peer, goal }).goal).toEqual({
      text: '≥ 2.50×',
      met: false,
    });
    expect(row({ name: 't', unit: 'ms', better: 'lower', ours, goal }).goal).toBeUndefined();
    const share = { of: 'share', bound: 0.5 } as const;
    const peak = { of: 'peak', value: 20 };
    expect(row({ name: 'r', unit: '/s', better: 'higher', ours, peak, goal: share }).goal?.met).toBe(true);
  });

  it('is printed with its numbers, its ratio and its goal', () => {
    const text = table([
      row({ name: 'add', unit: 'ns', better: 'lower', ours, peer, goal: { of: 'speed', bound: 1 } }),
    ]);
    expect(text.split('\n').at(-1)!.trim().split(/ {2,}/)).toEqual([
      'add',
      'ns',
      '11 (10)',
      '22 (20)',
      '2.00× (2.00×)',
      'met ≥ 1.00×',
    ]);
  });
});
