// `tsumugi serve` as a process: what it says when it starts, how it ends, and what it refuses before it loads anything.
import { spawn } from 'node:child_process';
import { appendFileSync, cpSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { chatModel, scratchFolder } from '../serve/serve.testing.ts';
import { runCli } from './cli.testing.ts';

const tiny = chatModel();
afterAll(() => tiny[Symbol.dispose]());
const model = ['--model', `tiny=${tiny.folder}`, '--memory', '1G'];
const scratch = scratchFolder();
const noKeys = join(scratch, 'no-keys');
writeFileSync(noKeys, '# none yet\n');
const otherTokenizer = join(scratch, 'other');
cpSync(tiny.folder, otherTokenizer, { recursive: true });
appendFileSync(join(otherTokenizer, 'tokenizer.jsonl'), '["縞",-1,"NORMAL"]\n');
const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));
const children: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that serves; `said` has what it wrote. */
async function start(...args: string[]) {
  const child = spawn(process.execPath, [bin, 'serve', ...model, '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => (said.stdout += data));
  child.stderr.on('data', (data) => (said.stderr += data));
  const ended = new Promise<number | string | null>((resolve) =>
    child.on('exit', (code, signal) => resolve(signal ?? code)),
  );
  const until = async (test: () => boolean) => {
    while (!test() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await until(() => /http:\/\/\S+:\d+/.test(said.stdout + said.stderr));
  const url = /http:\/\/[\d.]+:\d+/.exec(said.stdout + said.stderr)![0];
  const health = async () => (await fetch(`${url}/health`)).status;
  const ready = async () => {
    while ((await health()) !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  return { child, said, ended, url, ready, until };
}

const chat = (url: string, body: object, key?: string) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content: '猫' }], max_tokens: 4, ...body }),
  });

describe('a server', () => {
  it('says where it is and what it serves, answers, and ends in good order', async () => {
    const { child, said, ended, url, ready } = await start();
    expect(said.stderr).toMatch(/tsumugi serves http:\S+, without a key, for this machine alone/);
    expect(said.stderr).toMatch(/tiny: .*weights .* KiB, context 32,768 tokens .*with chat template/);
    await ready();
    expect((await chat(url, {})).status).toBe(200);
    // What runs is finished.
    const running = await chat(url, { max_tokens: 200, stream: true, ignore_eos: true });
    child.kill('SIGTERM');
    expect(await running.text()).toMatch(/"finish_reason":"length".*\[DONE\]/s);
    expect(await ended).toBe(0);
    expect(said.stderr).toMatch(
      /ready after [\d.]+ s\n {2}prefix cache: prompts share \d+ tokens or more up to the end of a message, elsewhere \d+\n/,
    );
    expect(said.stderr).toMatch(
      /event=request .*path=\/v1\/chat\/completions status=200 .*prompt=\d+ cached=\d+ generated=4/,
    );
  });

  it('takes its keys from a file and tells programs in JSON, and never says a key', async () => {
    const file = join(scratch, 'keys');
    writeFileSync(file, '# ours\nsesame-open-1234\n\nsecond-key-5678\n');
    const { child, said, ended, url, ready } = await start('--api-key-file', file, '--json');
    const { url: told, models } = JSON.parse(said.stdout);
    expect([told, models[0].name, models[0].contextTokens]).toEqual([url, 'tiny', 32_768]);
    await ready();
    expect((await chat(url, {})).status).toBe(401);
    expect((await chat(url, {}, 'second-key-5678')).status).toBe(200);
    expect((await chat(url, {}, 'third')).status).toBe(401);
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    const lines = said.stderr.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.map((line) => JSON.parse(line).status)).toEqual(expect.arrayContaining([200, 401]));
    expect(said.stdout + said.stderr).not.toMatch(/sesame|second-key|third/);
  });

  it('ends at once the second time', async () => {
    const { child, said, ended, url, ready, until } = await start('--max-tokens', '1000000', '--context', '2000000');
    await ready();
    const running = chat(url, { max_tokens: 1_000_000, ignore_eos: true, stream: true }).then((response) =>
      response.text(),
    );
    running.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 500));
    child.kill('SIGTERM');
    await until(() => said.stderr.includes('once more ends at once'));
    child.kill('SIGTERM');
    expect(await ended).toBe('SIGTERM');
    await expect(running).rejects.toThrow();
  });
});

describe('it is refused', () => {
  const refused: [what: string, args: string[], message: RegExp][] = [
    ['without a model', [], /needs --model/],
    ['of a folder that there is not', ['--model', './nowhere'], /nowhere/],
    [
      'elsewhere without a key',
      [...model, '--host', '0.0.0.0'],
      /0\.0\.0\.0 can be reached from other machines, and has no key\n.*--api-key-file/,
    ],
    ['with a file of no keys', [...model, '--api-key-file', noKeys], /has no key/],
    [
      'with a variable that is not set',
      [...model, '--api-key-env', 'TSUMUGI_TEST_KEY'],
      /the environment has no TSUMUGI_TEST_KEY/,
    ],
    ['with a size that is none', [...model, '--cache', 'much'], /--cache: expected a size such as 512M/],
    ['without room for a text', [...model, '--cache', '0'], /a cache of 0 bytes has no room for a text/],
    ['with an adapter without a name', [...model, '--adapter', 'x'], /--adapter: expected NAME=DIR/],
    [
      'with a draft of another tokenizer',
      [...model, '--draft', otherTokenizer],
      /the draft in \S+ has another tokenizer \(SHA-256 \w{12}…\) than the model tiny in \S+ \(\w{12}…\)\n.*same tokenizer/,
    ],
    ['with one name twice', [...model, '--model', `tiny=${tiny.folder}`], /two models are to be served as "tiny"/],
    [
      'of a model that does not fit',
      [...model, '--memory', '1M', '--cache', '1M'],
      /the model tiny takes .*more than the 1.0 MiB\S* that models may take\n.*--memory/,
    ],
  ];
  it.each(refused)('%s', async (_, args, message) => {
    const { code, stderr, stdout } = await runCli(['serve', ...args, '--port', '0']);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)]);
    expect(stderr.split('\n').length).toBeLessThanOrEqual(3);
  });

  it('where something else listens', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const { code, stderr } = await runCli(['serve', ...model, '--port', String(port)]);
    other.close();
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(new RegExp(`cannot listen at 127.0.0.1, port ${port}: something else listens there`)),
    ]);
  });
});

it('says what it would take, and its draft', async () => {
  const { stdout, code } = await runCli(['serve', ...model, '--plan', '--json', '--cache', '64M']);
  const plan = JSON.parse(stdout);
  expect([code, plan.cacheBytes, plan.models[0]]).toEqual([
    0,
    64 << 20,
    expect.objectContaining({ name: 'tiny', template: 'model', draft: null }),
  ]);
  expect(plan.models[0].weightBytes).toBeGreaterThan(100_000);
  const draft = ['--draft', tiny.folder];
  expect((await runCli(['serve', ...model, ...draft, '--plan'])).stdout).toMatch(
    /tiny: .*\n {4}guesses by \S+, weights \S+ KiB, cache 256 MiB\n {2}memory 1.00 GiB, of it 256 MiB for each model's cache; 16 texts/,
  );
  // What the draft takes is looked at before anything is loaded.
  const small = await runCli(['serve', '--model', tiny.folder, ...draft, '--memory', '2M', '--cache', '1.5M']);
  expect([small.code, small.stderr]).toEqual([2, expect.stringMatching(/takes with its draft 1\.\d MiB/)]);
});
