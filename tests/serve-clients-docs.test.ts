// docs/serve-clients.md: its programs and its calls of curl run against `tsumugi serve`, and do what they say.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatModel } from '../packages/tsumugi/src/serve/serve.testing.ts';
import { blocksOf, readPage, root, runSnippets, snippetsOf } from './snippets.testing.ts';

const page = readPage('serve-clients.md');
const address = 'http://127.0.0.1:8000';
const tiny = chatModel();
let server: ChildProcess;
let url = '';

beforeAll(async () => {
  const [start] = blocksOf(page, 'sh');
  expect(start).toBe('tsumugi serve --model chat=out/model\n');
  const options = ['serve', '--model', `chat=${tiny.folder}`, '--port', '0', '--memory', '512MB'];
  server = spawn(process.execPath, [`${root}packages/tsumugi/bin/tsumugi.js`, ...options]);
  let told = '';
  await new Promise<void>((resolve, reject) => {
    server.stderr!.on('data', (chunk) => {
      told += String(chunk);
      if (/^ready/m.test(told)) resolve();
    });
    server.once('exit', () => reject(new Error(told)));
  });
  [, url = ''] = /serves (http:\S+),/.exec(told)!;
}, 120_000);

afterAll(async () => {
  const gone = new Promise((resolve) => server.once('exit', resolve));
  server.kill();
  await gone;
  tiny[Symbol.dispose]();
});

it('has programs that print what they say', () => {
  const snippets = snippetsOf(page).map((each) => ({ ...each, code: each.code.replaceAll(address, url) }));
  expect(snippets.length).toBeGreaterThan(4);
  expect(runSnippets(snippets)).toEqual(snippets.map(({ prints }) => ({ prints })));
});

describe('a call of curl', () => {
  const calls = blocksOf(page, 'sh').flatMap((block) => block.split('\n').filter((line) => line.startsWith('curl')));

  it.each(calls)('%s', (line) => {
    const command = line.replaceAll(address, url).replace('curl', 'curl --silent --fail-with-body');
    const answer = JSON.parse(execFileSync('sh', ['-c', command], { encoding: 'utf8' })) as Record<string, unknown>;
    const field = /completions/.test(line) ? 'choices' : /detokenize|messages -H/.test(line) ? 'content' : 'tokens';
    expect(answer[field]).toBeDefined();
  });
});
