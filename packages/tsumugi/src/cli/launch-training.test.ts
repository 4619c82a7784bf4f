// A training as two processes: Ctrl-C saves it, and the command it prints goes on with both to the end.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { fault } from '../../../../tests/files.ts';
import { runCli } from './cli.testing.ts';

const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));

it('is saved and goes on', { timeout: 120_000 }, async () => {
  const home = mkdtempSync(join(tmpdir(), 'tsumugi-launch-training-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const [tokenizer, data, out] = ['tokenizer', 'data', 'run'].map((name) => join(home, name)) as [
    string,
    string,
    string,
  ];
  const text = ['--text', fault('training/a.jsonl')];
  const done = async (...args: string[]) => expect((await runCli(args)).code).toBe(0);
  await done('tokenizer', 'train', ...text, '--vocabulary-size', '400', '--out', tokenizer);
  await done('data', 'prepare', ...text, '--tokenizer', tokenizer, '--out', data);

  const start = (program: string, words: readonly string[]) => {
    const child = spawn(program, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, TSUMUGI_THREADS: '1' },
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (bytes) => {
      stdout += bytes;
    });
    child.stderr.on('data', (bytes) => {
      stderr += bytes;
    });
    const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
      child.on('close', (code) => resolve({ code, stdout, stderr })),
    );
    return { child, ended };
  };
  const events = join(out, 'events.jsonl');
  const steps = () => (existsSync(events) ? readFileSync(events, 'utf8').split('"type":"step"').length - 1 : 0);

  const settings = ['steps=150', 'evaluateEvery=0', 'checkpointEvery=0'].flatMap((each) => ['--set', each]);
  const words = ['--config', fault('training/settings.json'), '--data', data, '--tokenizer', tokenizer, '--out', out];
  const command = ['pretrain', ...words, ...settings, '--json'];
  const { child, ended } = start(process.execPath, [bin, 'launch', '--processes', '2', '--no-pin', '--', ...command]);
  while (child.exitCode === null && steps() === 0) await sleep(20);
  // As a terminal does, to all of its group.
  process.kill(-child.pid!, 'SIGINT');
  const first = await ended;
  expect(first.code, first.stderr).toBe(130);
  expect(JSON.parse(first.stdout)).toMatchObject({ interrupted: true });
  expect(readdirSync(join(out, 'checkpoints'))).toHaveLength(1);
  const printed = /go on with: (.*)/.exec(first.stderr)![1]!;
  expect(printed).toMatch(/ launch --processes 2 --no-pin -- pretrain --out .* --resume --json$/);
  expect(steps()).toBeLessThan(150);

  const second = await start('sh', ['-c', `exec ${printed}`]).ended;
  expect(second.code, second.stderr).toBe(0);
  expect(JSON.parse(second.stdout)).toMatchObject({ interrupted: false });
  expect(steps()).toBe(150);
});
