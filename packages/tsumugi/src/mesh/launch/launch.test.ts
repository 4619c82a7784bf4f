// The launcher as a process, with shell scripts in the place of trainings: what ranks are told, what is printed, how it ends.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { requires } from '../../../../../tests/requires.testing.ts';
import { canPin, ownCores } from './cores.ts';
import type { LaunchOptions } from './launch.ts';

const launcher = fileURLToPath(new URL('launcher.testing.ts', import.meta.url));

interface Launched {
  child: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  ended: Promise<number | string | null>;
}

interface Given extends Partial<LaunchOptions> {
  /** Of the launcher itself. */
  environment?: NodeJS.ProcessEnv;
}

function start(script: string, { environment, ...options }: Given = {}): Launched {
  const child = spawn(process.execPath, [launcher, JSON.stringify({ script, ...options })], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, TSUMUGI_THREADS: '', ...environment },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (bytes) => {
    stdout += bytes;
  });
  child.stderr.on('data', (bytes) => {
    stderr += bytes;
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise<number | string | null>((resolve) =>
    child.on('close', (code, signal) => resolve(signal ?? code)),
  );
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

async function run(script: string, options: Given = {}): Promise<{ code: unknown; stdout: string; stderr: string[] }> {
  const { ended, stdout, stderr } = start(script, options);
  const code = await ended;
  return { code, stdout: stdout(), stderr: stderr().split('\n').filter(Boolean) };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !condition(); i++) await sleep(10);
  expect(condition()).toBe(true);
}

/** What the launcher itself says. */
const own = (lines: readonly string[]) =>
  lines.filter((line) => line.startsWith('tsumugi launch: ')).map((line) => line.slice('tsumugi launch: '.length));
/** Without the line of the beginning. */
const said = (lines: readonly string[]) => own(lines).slice(1);

const isAlive = (pid: number) => {
  try {
    return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })[0] !== 'Z';
  } catch {
    return false;
  }
};

describe('each process', () => {
  const tell = 'echo "$RANK $LOCAL_RANK $WORLD_SIZE $LOCAL_WORLD_SIZE $MASTER_ADDR:$MASTER_PORT $EXTRA" >&2';

  it('is told its rank and where all meet, as torchrun tells it', async () => {
    const { code, stderr } = await run(tell, { env: { EXTRA: 'x' } });
    expect(code).toBe(0);
    expect(stderr.slice(1).sort()).toEqual(['0 0 2 2 127.0.0.1:29500 x', '[rank 1] 1 1 2 2 127.0.0.1:29500 x']);
  });

  it('counts on from the machines before', async () => {
    const layout = { processes: 2, nodes: 3, nodeRank: 1, address: 'first', port: 7 };
    const { stderr } = await run(tell, { layout });
    expect(stderr.slice(1).sort()).toEqual(['[rank 2] 2 0 6 2 first:7 ', '[rank 3] 3 1 6 2 first:7 ']);
    expect(stderr[0]).toContain('2 processes on machine 1 of 3');
  });

  const cores = ownCores() ?? [];
  it('has its share of the threads, or as many as the person says', async () => {
    const threads = async (environment: NodeJS.ProcessEnv) =>
      (await run('printf "$TSUMUGI_THREADS"', { environment })).stdout;
    expect(await threads({})).toBe(String(Math.max(1, Math.floor(cores.length / 2))));
    expect(await threads({ TSUMUGI_THREADS: '7' })).toBe('7');
  });

  const allowed = "sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status >&2";
  const pins = cores.length > 1 && canPin(cores);
  it('keeps to cores of its own', requires(pins, 'two cores and taskset'), async () => {
    const { stderr } = await run(allowed, { pin: true });
    const [first, second] = [
      stderr.find((line) => /^\d/.test(line)),
      stderr.find((line) => line.startsWith('[rank 1]')),
    ];
    expect(`${first} | ${second?.slice(9)}`).toBe(/cores (.*);/.exec(stderr[0]!)![1]);
    expect(first).not.toBe(second?.slice(9));
  });

  it('takes no core that the launcher may not use', requires(pins, 'two cores and taskset'), async () => {
    const words = [process.execPath, launcher, JSON.stringify({ script: allowed, pin: true })];
    const output = execFileSync('sh', ['-c', 'exec taskset "$@" 2>&1', 'sh', '-c', String(cores[1]), ...words]);
    const lines = output.toString().trim().split('\n');
    expect(lines[0]).toMatch(/2 processes share 1 core/);
    expect(lines.slice(2).map((line) => line.replace('[rank 1] ', ''))).toEqual([`${cores[1]}`, `${cores[1]}`]);
  });

  it('moves between cores where there is no taskset, which is said', async () => {
    const path = mkdtempSync(join(tmpdir(), 'tsumugi-launch-'));
    onTestFinished(() => rmSync(path, { recursive: true }));
    symlinkSync('/bin/sh', join(path, 'sh'));
    const { code, stderr } = await run('exit 0', { pin: true, environment: { PATH: path } });
    expect(code).toBe(0);
    if (cores.length > 1) expect(stderr[0]).toMatch(/cores are not pinned: that takes taskset/);
  });
});

describe('output', () => {
  it('of rank 0 is passed on byte for byte, of others in lines of standard error', async () => {
    const script =
      'if [ $RANK = 0 ]; then printf "a\\r\\nb"; printf "\\rc\\033" >&2; else echo no; printf "x\\ny" >&2; fi';
    const { ended, stdout, stderr } = start(script);
    expect(await ended).toBe(0);
    expect(stdout()).toBe('a\r\nb');
    expect(stderr()).toContain('\rc\u001b');
    expect(stderr()).toContain('[rank 1] x\n');
    expect(stderr()).toContain('[rank 1] y\n');
    expect(stderr()).not.toContain('no');
  });

  it('shows the last lines of standard output of a rank that fails', async () => {
    const { code, stderr } = await run('[ $RANK = 0 ] || { seq 1 50; exit 5; }');
    expect(code).toBe(5);
    const shown = stderr.filter((line) => line.startsWith('[rank 1]'));
    expect([shown.length, shown[0], shown.at(-1)]).toEqual([20, '[rank 1] 31', '[rank 1] 50']);
  });

  it('of rank 0 goes to the terminal', requires(hasScript(), 'script of util-linux'), () => {
    const words = [
      process.execPath,
      launcher,
      JSON.stringify({ script: 'if [ -t 1 ] && [ -t 2 ]; then echo "rank $RANK"; fi' }),
    ];
    const line = words.map((word) => `'${word}'`).join(' ');
    const seen = execFileSync('script', ['-qec', line, '/dev/null'], { encoding: 'utf8', stdio: 'pipe' });
    expect(seen).toMatch(/^rank 0\r?$/m);
  });
});

function hasScript(): boolean {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux');
  } catch {
    return false;
  }
}

describe('when a rank fails', () => {
  it('ends as it ended, after the others have said what they met', async () => {
    const script = '[ $RANK = 1 ] && exit 3; sleep 0.3; echo "rank 1 has gone" >&2; exit 4';
    const { code, stderr } = await run(script);
    expect(code).toBe(3);
    expect(stderr).toContain('rank 1 has gone');
    expect(said(stderr)).toEqual(['rank 1 ended with exit code 3']);
  });

  it('kills those that do not notice, with what they have started', async () => {
    const script = 'if [ $RANK = 1 ]; then exit 3; else sleep 1000 & echo $!; wait; fi';
    const { code, stdout, stderr } = await run(script, { graceSeconds: 0.2 });
    expect(code).toBe(3);
    expect(said(stderr)).toEqual(['rank 1 ended with exit code 3', '0.2 s later rank 0 still ran: killed']);
    await until(() => !isAlive(Number(stdout)));
  });

  it('names the signal that ended it', async () => {
    const { code, stderr } = await run('[ $RANK = 1 ] && kill -KILL $$; sleep 0.2');
    expect(code).toBe(137);
    expect(said(stderr)).toEqual([expect.stringMatching(/^rank 1 was ended by SIGKILL; .*memory/)]);
  });

  it('says when a process cannot be started', async () => {
    const { code, stderr } = await run('', { command: ['/nonexistent/program'] });
    expect(code).toBe(1);
    expect(stderr.join('\n')).toContain('ENOENT');
  });
});

describe('a signal to the launcher', () => {
  /** Counts the signals that it gets, each as it comes (a shell that waits does not take two for one), until half a second after the first. */
  const counts = (signal: string, code: number) =>
    `n=0; trap 'n=$((n + 1))' ${signal}; echo "$RANK ready" >&2
     while [ $n = 0 ]; do sleep 0.5 & wait $!; done; sleep 0.5 & for i in 1 2 3; do wait $!; done; echo "$RANK got $n" >&2; exit ${code}`;
  const ready = ({ stderr }: Launched) => until(() => stderr().includes('0 ready') && stderr().includes('1 ready'));

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('%s reaches every rank once', async (signal, code) => {
    const launched = start(counts(signal.slice(3), code));
    await ready(launched);
    launched.child.kill(signal);
    expect(await launched.ended).toBe(code);
    const lines = launched.stderr().split('\n');
    expect(lines.filter((line) => line.includes('got')).sort()).toEqual(['0 got 1', '[rank 1] 1 got 1']);
    expect(said(lines)).toEqual([]);
  });

  it("reaches them once when it is a terminal's, which sends it to the whole group", async () => {
    const launched = start(counts('INT', 130));
    await ready(launched);
    process.kill(-launched.child.pid!, 'SIGINT');
    expect(await launched.ended).toBe(130);
    expect(launched.stderr()).toContain('[rank 1] 1 got 1');
  });

  it('ends them at once the second time', async () => {
    const launched = start(`trap 'echo "$RANK deaf" >&2' INT; echo "$RANK ready" >&2; while :; do sleep 0.02; done`);
    await ready(launched);
    launched.child.kill('SIGINT');
    await until(() => launched.stderr().includes('0 deaf') && launched.stderr().includes('1 deaf'));
    launched.child.kill('SIGINT');
    expect(await launched.ended).toBe(130);
  });

  it('gives the others time to save when one has ended as it was asked to', async () => {
    const script = `trap '[ $RANK = 0 ] && sleep 0.6 && echo saved; exit 143' INT; echo "$RANK ready" >&2; while :; do sleep 0.02; done`;
    const launched = start(script, { graceSeconds: 0.1 });
    await ready(launched);
    launched.child.kill('SIGINT');
    expect(await launched.ended).toBe(130); // which the rank that another one told of it does not know
    expect(launched.stdout()).toBe('saved\n');
  });
});

describe('when the launcher is killed', () => {
  it('no rank stays: they may save, and are killed after that', async () => {
    const script = `if [ $RANK = 0 ]; then trap 'echo saved; exit 0' TERM; echo "is $$" >&2
      else trap '' TERM; sleep 1000 & echo "is $$" >&2; echo "is $!" >&2; fi; while :; do sleep 0.02; done`;
    const launched = start(script, { graceSeconds: 1 });
    const pids = () => Array.from(launched.stderr().matchAll(/is (\d+)/g), ([, pid]) => Number(pid));
    await until(() => pids().length === 3);
    launched.child.kill('SIGKILL');
    await until(() => !pids().some(isAlive));
    expect(launched.stdout()).toBe('saved\n');
  });

  it('leaves no guard when it ends by itself', async () => {
    const { stderr } = await run('echo $PPID >&2');
    const launcherPid = stderr.find((line) => /^\d+$/.test(line))!;
    const all = execFileSync('ps', ['-eo', 'ppid=,args='], { encoding: 'utf8' }).split('\n');
    expect(
      all.filter((line) => line.includes('tsumugi-launch-guard') && line.trim().startsWith(`${launcherPid} `)),
    ).toEqual([]);
  });
});
