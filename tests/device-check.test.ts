// scripts/check-device: its promise of 8 minutes, what it reports, and its first refusals. All of it runs on the CPU with
// `scripts/check-device run --device cpu --quick` (docs/device-check.md).
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import { check as checkParts } from '../scripts/device-check/check.ts';
import { allParts, type Part, totalSeconds, unpackSeconds } from '../scripts/device-check/parts.ts';
import { type PartReport, type Report, table, writeReport } from '../scripts/device-check/report.ts';
import DeviceReporter from '../scripts/device-check/reporter.ts';
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

const say = (finding: object) => `console.log('@check ' + ${JSON.stringify(JSON.stringify(finding))});`;
const script = (name: string, code: string, more: Partial<Part> = {}): Part => ({
  name,
  seconds: 30,
  args: ['-e', code],
  ...more,
});

/** Runs parts; what was printed, what report.json said at the end, and whether all was well. */
async function checked(parts: readonly Part[], patience = 1) {
  const out = mkdtempSync(join(tmpdir(), 'tsumugi-device-check-'));
  const printed: string[] = [];
  try {
    const isWell = await checkParts(parts, { out, device: 'cpu', quick: true, patience }, (text) => printed.push(text));
    const read = (name: string) => readFileSync(join(out, name), 'utf8');
    expect(readdirSync(out).sort()).toEqual(['log.txt', 'report.json', 'table.txt']);
    return { isWell, printed, report: JSON.parse(read('report.json')) as Report, log: read('log.txt'), out };
  } finally {
    rmSync(out, { recursive: true });
  }
}

it('writes down what each part says, how it ended, and goes on', async () => {
  const metric = { name: 'rate', value: 2, unit: 'x/s' };
  const { isWell, printed, report, log } = await checked([
    script('first', `${say({ fact: ['CPU', 'some'] })} console.log('as ever'); console.error('aside');`),
    script('second', `${say({ metric })} process.exit(3);`),
    script('tests: third', say({ tests: { file: 'a.test.ts', passed: 1, skipped: 0, failed: {} } })),
  ]);
  expect(isWell).toBe(false);
  expect(report.parts.map(({ name, status, limit }) => [name, status, limit])).toEqual([
    ['first', 'ok', 30],
    ['second', 'failed', 30],
    ['tests: third', 'ok', 30],
  ]);
  expect(report.parts.map(({ facts, metrics, tests }) => [facts, metrics.length, tests.length])).toEqual([
    [{ CPU: 'some' }, 0, 0],
    [{}, 1, 0],
    [{}, 0, 1],
  ]);
  expect(report.parts[1]!.metrics).toEqual([metric]);
  expect(log.split('\n').filter((line) => line.startsWith('==='))).toEqual([
    '=== first',
    '=== second',
    '=== tests: third',
  ]);
  expect(log).toMatch(/\n(as ever\naside|aside\nas ever)\n/);
  expect(log).not.toContain('@check');
  expect(printed.slice(0, 3).map((line) => line.replace(/ \(.*/, ''))).toEqual([
    'first: ok',
    'second: failed',
    'tests: third: ok',
  ]);
  expect((await checked([script('only', '')])).isWell).toBe(true);
});

it('kills a part that is out of time, with what it has started, and keeps what it said', {
  timeout: 60_000,
}, async () => {
  // The child that it starts holds the output open: if it lived on, the part would not end for a minute.
  const forever = 'setInterval(() => {}, 1000); setTimeout(() => process.exit(), 60_000);';
  const code = `${say({ fact: ['before', 'yes'] })} require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(forever)}], { stdio: 'inherit' }); ${forever}`;
  const began = performance.now();
  const { report } = await checked([script('endless', code, { seconds: 1.5 }), script('next', '')], 2);
  expect(performance.now() - began).toBeLessThan(40_000);
  const [endless, next] = report.parts;
  expect(endless).toMatchObject({ status: 'out of time', limit: 3, facts: { before: 'yes' } });
  expect(endless!.seconds).toBeGreaterThanOrEqual(3);
  expect(next!.status).toBe('ok');
});

it('has written what is known before a part ends', async () => {
  const out = mkdtempSync(join(tmpdir(), 'tsumugi-device-check-'));
  try {
    const path = JSON.stringify(join(out, 'report.json'));
    // The second part reads what the first said, and waits for what it says itself.
    const code = `${say({ fact: ['mine', 'said'] })}
      const read = () => { try { return JSON.parse(require('node:fs').readFileSync(${path}, 'utf8')).parts; } catch { return []; } };
      setInterval(() => { if (read()[1]?.facts.mine === 'said' && read()[0].facts.first === 'yes') process.exit(0); }, 20);`;
    const settings = { out, device: 'cpu', quick: true, patience: 1 };
    const parts = [script('one', say({ fact: ['first', 'yes'] })), script('two', code, { seconds: 20 })];
    expect(await checkParts(parts, settings, () => {})).toBe(true);
  } finally {
    rmSync(out, { recursive: true });
  }
});

it('runs nothing without what is needed', async () => {
  const { isWell, printed, report } = await checked([
    script('build', 'process.exit(1)', { isNeeded: true }),
    script('device', '', { isNeeded: true }),
    script('tests', ''),
  ]);
  expect(isWell).toBe(false);
  expect(report.parts.map(({ status }) => status)).toEqual(['failed', 'not run', 'not run']);
  expect(printed).toHaveLength(2); // the one that failed, and the table
});

it('leaves the report whole for whoever is reading it', () => {
  const out = mkdtempSync(join(tmpdir(), 'tsumugi-device-check-'));
  const report: Report = { date: '1', device: 'cpu', quick: true, parts: [] };
  writeReport(out, report);
  const reader = openSync(join(out, 'report.json'), 'r');
  writeReport(out, { ...report, date: '2' });
  expect(JSON.parse(readFileSync(reader, 'utf8')).date).toBe('1');
  closeSync(reader);
  expect(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')).date).toBe('2');
  rmSync(out, { recursive: true });
});

it('is told of a test file what passed, what did not, and why, in a line each', () => {
  const test = (fullName: string, state: string, message?: string) => ({
    fullName,
    result: () => ({ state, errors: message === undefined ? [] : [{ message }] }),
  });
  const module = (tests: object[], errors: object[]) =>
    ({
      moduleId: join(process.cwd(), 'a/b.test.ts'),
      children: { allTests: () => tests },
      errors: () => errors,
    }) as never;
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  const reporter = new DeviceReporter();
  reporter.onTestModuleEnd(
    module(
      [test('one', 'passed'), test('two', 'failed', 'is 2\nnot 1'), test('three', 'skipped'), test('four', 'passed')],
      [],
    ),
  );
  reporter.onTestModuleEnd(module([], [{ message: 'cannot be read\n  at …' }]));
  write.mockRestore();
  expect(lines.map((line) => heard(line.trimEnd()))).toEqual([
    { tests: { file: 'a/b.test.ts', passed: 2, skipped: 1, failed: { two: 'is 2' } } },
    { tests: { file: 'a/b.test.ts', passed: 0, skipped: 0, failed: { 'the file itself': 'cannot be read' } } },
  ]);
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
