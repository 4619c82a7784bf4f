// `tsumugi launch`: what it takes and refuses. How processes run and end is in mesh/launch.
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { runCli } from './cli.testing.ts';
import { resumeCommand } from './command-line.ts';
import { commands } from './commands.ts';
import { launchable } from './launchable.ts';

const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));
const launch = (words: string) => runCli(['launch', ...words.split(' ')]);

describe('refuses, in a sentence', () => {
  const machines = '--processes 2 --nodes 2';
  it.each([
    ['--processes 0 -- pretrain', /--processes: expected a whole number of at least 1, got "0"/],
    ['-- pretrain', /needs --processes N/],
    ['--processes 2', /needs a command after "--"\n.*pretrain/],
    ['--processes 2 --', /needs a command after "--"/],
    ['--processes 2 pretrain --out x', /needs "--" before the command\n.*launch --processes 2 -- pretrain --out x/],
    ['--processes 2 -- pretrian', /no command "pretrian"\n.*Did you mean "tsumugi pretrain"/],
    [
      '--processes 2 -- serve --model x',
      /tsumugi serve cannot run as several processes: a server is one process\n.*behind a proxy/,
    ],
    [
      '--processes 2 -- run plamo2-mini',
      /tsumugi run cannot .*: a recipe has stages of every kind\n.*Launch the training/,
    ],
    [
      '--processes 2 -- eval',
      /tsumugi eval cannot run as several processes: it is one process\n.*Those that can: pretrain/,
    ],
    ['--processes 2 -- gan sample', /tsumugi gan sample cannot/],
    ['--processes 2 -- distill logits', /tsumugi distill logits cannot/],
    ['--processes 2 -- launch', /tsumugi launch cannot/],
    ['--processes 1 -- serve', /tsumugi serve cannot/],
    ['--processes 2 --node-rank 1 -- sft', /--node-rank has no effect: without --nodes there is one machine/],
    ['--processes 2 --master a:1 -- sft', /--master has no effect/],
    [`${machines} -- sft`, /--nodes 2 needs --node-rank I/],
    [`${machines} --node-rank 1 -- sft`, /--nodes 2 needs --master HOST:PORT/],
    [`${machines} --node-rank 2 --master a:1 -- sft`, /--node-rank: expected a whole number from 0 to 1, got "2"/],
    [`${machines} --node-rank 1 --master a -- sft`, /--master: expected HOST:PORT, got "a"/],
    [`${machines} --node-rank 1 --master a:70000 -- sft`, /--master: expected HOST:PORT/],
    [`${machines} --node-rank 1 --master ::1:80 -- sft`, /--master: expected HOST:PORT.*\n.*\[fd00::1\]:29500/],
  ])('%s', async (words, message) => {
    const { code, stdout, stderr } = await launch(words);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  it('a port that is in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const { port } = server.address() as { port: number };
    const { code, stderr } = await launch(`${machines} --node-rank 0 --master localhost:${port} -- sft`);
    server.close();
    expect([code, stderr]).toEqual([2, expect.stringContaining(`port ${port} of this machine is in use`)]);
  });

  it('to be launched itself', async () => {
    vi.stubEnv('RANK', '1');
    vi.stubEnv('WORLD_SIZE', '2');
    const { code, stderr } = await launch('--processes 2 -- sft');
    vi.unstubAllEnvs();
    expect([code, stderr]).toEqual([2, expect.stringMatching(/rank 1 of 2 already .*\n.*leave launch out/)]);
  });
});

it('names trainings that there are', async () => {
  const { stdout } = await launch('--help');
  expect(stdout).toContain(`Commands: ${launchable.join(', ')}.`);
  for (const each of launchable) {
    expect(commands).toHaveProperty(each.split(' ')[0]!);
    expect((await runCli([...each.split(' '), '--help'])).stdout).toContain(`tsumugi ${each}`);
  }
});

it('of one process is the command itself', async () => {
  expect(await launch('--processes 1 -- pretrain --help')).toEqual(await runCli(['pretrain', '--help']));
  expect(await launch('--processes 1 -- pretrain')).toEqual(await runCli(['pretrain']));
});

it('starts the command as often as it is asked to, and prints what rank 0 prints', async () => {
  const words = ['launch', '--processes', '2', '--', 'pretrain', '--help'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...words], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([0, (await runCli(['pretrain', '--help'])).stdout]);
  expect(stderr).toMatch(/^tsumugi launch: .*2 processes, TSUMUGI_THREADS=\d+ each.*; they meet at 127\.0\.0\.1:\d+$/m);
});

it('ends as the command ends, with its stack where that is asked for', () => {
  const words = ['launch', '--processes', '2', '--debug', '--', 'gan', 'train', '--out', 'x'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...words], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^error: .*data is missing/m);
  expect(stderr).toMatch(/^\[rank 1\] error: .*data is missing/m);
  expect(stderr).toMatch(/^\[rank 1\] {5}at /m);
  expect(stderr).toMatch(/^tsumugi launch: rank [01] ended with exit code 2$/m);
});

it('is in the command that goes on with a run', () => {
  const plain = resumeCommand('tsumugi sft', 'a b', true);
  vi.stubEnv('TSUMUGI_LAUNCH', '--processes 2');
  expect(resumeCommand('tsumugi sft', 'a b', true)).toBe(plain.replace('sft', 'launch --processes 2 -- sft'));
  vi.unstubAllEnvs();
});
