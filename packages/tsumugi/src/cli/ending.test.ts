// How a training command ends when it is asked to, and what it outlives: saved work, the exit code a shell shows, and a printed
// command that goes on.
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fault } from '../../../../tests/files.ts';
import { inTime } from '../base/thorough.testing.ts';
import { runCli } from './cli.testing.ts';

const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));
const text = fault('training/a.jsonl');
/** As in a shell: npx did not bring us here. */
const { npm_command: _, ...asTyped } = process.env;
let home: string;
let shared: string[];
let runs = 0;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-ending-'));
  const [tokenizer, data] = [join(home, 'tokenizer'), join(home, 'data')];
  const code = async (...args: string[]) => (await runCli(args)).code;
  expect(await code('tokenizer', 'train', '--text', text, '--vocabulary-size', '400', '--out', tokenizer)).toBe(0);
  expect(await code('data', 'prepare', '--text', text, '--tokenizer', tokenizer, '--out', data)).toBe(0);
  shared = ['--config', fault('training/settings.json'), '--data', data, '--tokenizer', tokenizer];
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Run {
  out: string;
  child: ChildProcess;
  stderr: () => string;
  ended: Promise<number | string>;
}

/** Starts a run that would go on for long, and waits until it has taken a step. */
async function start(stdio: StdioOptions = ['ignore', 'ignore', 'pipe'], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const out = join(home, `run ${runs++}`); // a space: the printed command must quote it
  const settings = ['steps=1000000', 'evaluateEvery=0', 'checkpointEvery=0'].flatMap((each) => ['--set', each]);
  const child = spawn(process.execPath, [bin, 'pretrain', ...shared, '--out', out, ...settings], {
    stdio,
    env: { ...asTyped, ...env },
  });
  let stderr = '';
  child.stderr?.on('data', (piece) => {
    stderr += piece;
  });
  const ended = new Promise<number | string>((resolve) =>
    child.on('exit', (code, signal) => resolve(signal ?? code ?? -1)),
  );
  const run = { out, child, stderr: () => stderr, ended };
  await stepAfter(run, 0);
  return run;
}

const stepsOf = ({ out }: Run): number => {
  const events = join(out, 'events.jsonl');
  return existsSync(events) ? readFileSync(events, 'utf8').split('"type":"step"').length - 1 : 0;
};

/** Waits until more than `steps` are done. */
async function stepAfter(run: Run, steps: number): Promise<void> {
  for (let i = 0; i < 600 && stepsOf(run) <= steps; i++) {
    expect(run.child.exitCode, run.stderr()).toBeNull();
    await sleep(50);
  }
  expect(stepsOf(run)).toBeGreaterThan(steps);
}

const checkpoints = ({ out }: Run) =>
  existsSync(join(out, 'checkpoints')) ? readdirSync(join(out, 'checkpoints')) : [];

/** The others are sent below. */
const signals = inTime([['SIGHUP', 129]] as const, [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const); // biome-ignore format: pairs

describe('a signal', { timeout: 60_000 }, () => {
  it.each(signals)('%s saves and ends with exit code %i, and says how to go on', async (signal, code) => {
    const run = await start();
    run.child.kill(signal);
    expect(await run.ended).toBe(code);
    expect(checkpoints(run)).toHaveLength(1);
    // The command it printed works as printed, in a shell.
    const printed = /go on with: (.*)/.exec(run.stderr())![1]!;
    expect(printed).toMatch(/ pretrain --out '.*run \d+' --resume$/);
    const again = spawn('sh', ['-c', `exec ${printed}`], { stdio: 'ignore', env: asTyped });
    const done = stepsOf(run);
    await stepAfter({ ...run, child: again }, done);
    again.kill('SIGKILL');
  });

  it('SIGHUP that comes twice, and with SIGTERM, still saves', async () => {
    const run = await start();
    for (const signal of ['SIGHUP', 'SIGHUP', 'SIGTERM', 'SIGHUP'] as const) run.child.kill(signal);
    expect([129, 143]).toContain(await run.ended);
    expect(checkpoints(run)).toHaveLength(1);
  });

  it.each([
    ['a shell that names it', ['ignore', 'ignore', 'pipe'], { _: '/usr/bin/nohup' }],
    ['a standard input that cannot be read', ['write', 'ignore', 'pipe'], {}],
  ] as const)('SIGHUP is nothing under nohup, known by %s', async (_name, [input, ...rest], env) => {
    const writeOnly = openSync('/dev/null', 'w');
    const run = await start([input === 'write' ? writeOnly : input, ...rest], env);
    closeSync(writeOnly);
    run.child.kill('SIGHUP');
    await stepAfter(run, stepsOf(run) + 3);
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(130);
  });
});

describe('output that goes away', { timeout: 60_000 }, () => {
  it('does not end a run: a pipe whose reader has gone', async () => {
    const run = await start();
    run.child.stderr!.destroy();
    await stepAfter(run, stepsOf(run) + 3);
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(130);
    expect(checkpoints(run)).toHaveLength(1);
  });

  it('does not end a run: both outputs, with a result in JSON', async () => {
    const run = await start(['ignore', 'pipe', 'pipe']);
    run.child.stdout!.destroy();
    run.child.stderr!.destroy();
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(143);
    expect(checkpoints(run)).toHaveLength(1);
  });

  it('does not end a run: a full disk for the log of the terminal', async () => {
    const full = openSync('/dev/full', 'w');
    const run = await start(['ignore', full, full]);
    closeSync(full);
    await stepAfter(run, stepsOf(run) + 3);
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(130);
    expect(checkpoints(run)).toHaveLength(1);
  });

  it('is no success where results are lost', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [bin, 'data', 'info', join(home, 'data')], {
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    let stderr = '';
    child.stderr!.on('data', (piece) => {
      stderr += piece;
    });
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(2);
    expect(stderr).toContain('the disk is full');
  });
});
