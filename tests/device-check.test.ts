// scripts/check-device: its promise of 8 minutes, what it reports, and its first refusals. All of it runs on the CPU with
// `scripts/check-device run --device cpu --quick` (docs/device-check.md).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { allParts, totalSeconds, unpackSeconds } from '../scripts/device-check/parts.ts';
import { type PartReport, table } from '../scripts/device-check/report.ts';
import { heard } from '../scripts/device-check/say.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const check = (...args: string[]) => spawnSync(join(root, 'scripts/check-device'), args, { encoding: 'utf8' });

it('takes 8 minutes at most, by its limits', () => {
  const carried = readFileSync(join(root, 'scripts/device-check/carried.py'), 'utf8');
  expect(carried).toContain(`UNPACK_SECONDS = ${unpackSeconds}\n`);
  expect(totalSeconds).toBe(8 * 60);
  for (const quick of [false, true]) {
    const seconds = allParts(quick).reduce((sum, part) => sum + part.seconds, unpackSeconds);
    expect(seconds).toBeLessThanOrEqual(totalSeconds);
  }
});

it('runs files that exist', () => {
  for (const quick of [false, true])
    for (const { name, args } of allParts(quick))
      for (const path of args.filter((each) => each.includes('/')))
        expect(existsSync(join(root, path)), `${name}: ${path}`).toBe(true);
});

it('shows every metric and every failed test', () => {
  const part: PartReport = { name: '', status: 'ok', seconds: 3.2, limit: 20, facts: {}, metrics: [], tests: [] };
  const parts: PartReport[] = [
    {
      ...part,
      facts: { device: 'cuda' },
      metrics: [{ name: 'matmul 8192³', value: 764.51, unit: 'TFLOP/s' }],
      name: 'bench',
    },
    {
      ...part,
      name: 'tests: nn',
      status: 'failed',
      tests: [{ file: 'a.test.ts', passed: 2, skipped: 1, failed: { 'x is 1': 'it is 2' } }],
    },
    { ...part, name: 'tests: lm', status: 'out of time', tests: [] },
  ];
  expect(table({ date: '', device: 'cuda', quick: false, parts })).toBe(
    [
      'bench      ok             3 s',
      '    device: cuda',
      `    ${'matmul 8192³'.padEnd(44)}       765 TFLOP/s`,
      'tests: nn  failed         3 s  2 passed, 1 failed, 1 files',
      '    FAILED a.test.ts: x is 1',
      'tests: lm  out of time    3 s  stopped after 20 s',
    ].join('\n'),
  );
});

it('hears what a bench says, and nothing else', () => {
  const { stdout, status } = spawnSync(process.execPath, [join(root, 'bench/device/device.ts')], { encoding: 'utf8' });
  expect(status).toBe(0);
  expect(heard(stdout.split('\n')[0]!)).toEqual({ fact: ['device', 'cpu'] });
  expect(heard('{"fact":["device","cpu"]}')).toBeUndefined();
});

it('refuses what it cannot do in one sentence', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsumugi-device-check-'));
  try {
    for (const [args, words] of [
      [['run', '--device', 'cpu'], 'arguments are required: --out'],
      [['run', '--out', folder, '--device', 'gpu'], 'gpu is none of cpu, cuda and cuda:N'],
      [['run', '--out', folder, '--patience', '0'], '0 is no whole number from 1 on'],
      [['run', '--out', folder, '--fast'], 'unrecognized arguments: --fast'],
      [['pack'], 'arguments are required: folder'],
    ] as const) {
      const { stderr, status } = check(...args);
      expect(stderr).toMatch(/^check-device: .*\n {2}→ .*\n$/);
      expect(stderr).toContain(words);
      expect(status).toBe(2);
    }
    expect(check('--help').stdout).toContain('--carried');
    expect(check().status).toBe(2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
