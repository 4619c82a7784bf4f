// Long texts of clients: others have their turns meanwhile, and what is asked is refused as early as it can be.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Steps } from '../../base/index.ts';
import { scriptedServerOfFile } from '../scripted.testing.ts';
import { TextWork } from './text-work.ts';

const never = new AbortController().signal;
const log: string[] = [];
function* steps(name: string, count: number): Steps<string> {
  for (let i = 0; i < count; i++) {
    log.push(`${name}${i}`);
    yield;
  }
  log.push(`${name} done`);
  return name;
}

describe('work on texts', () => {
  it('is done at once where it is short, and otherwise one after the other, a step a turn', async () => {
    log.length = 0;
    const work = new TextWork();
    const both = Promise.all([work.do(steps('a', 3), never), work.do(steps('b', 2), never)]);
    expect(await work.do(steps('short', 0), never)).toBe('short');
    let turns = 0;
    const ended = both.then(() => true);
    while (!(await Promise.race([ended, nextTurn(false)]))) turns++;
    expect(await both).toEqual(['a', 'b']);
    expect(log).toEqual(['a0', 'b0', 'short done', 'a1', 'a2', 'a done', 'b1', 'b done']);
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  it('ends where nobody waits for it, and where it fails, and the next is done', async () => {
    log.length = 0;
    const work = new TextWork();
    const gone = new AbortController();
    const left = work.do(steps('left', 1000), gone.signal);
    function* failing(): Steps<string> {
      yield;
      throw new Error('mine');
    }
    const failed = work.do(failing(), never);
    const next = work.do(steps('next', 1), never);
    await nextTurn();
    gone.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    await expect(failed).rejects.toThrow('mine');
    expect(await next).toBe('next');
    expect(log.length).toBeLessThan(10);
    await expect(work.do(steps('late', 0), gone.signal)).rejects.toThrow('gone');
  });
});

const server = scriptedServerOfFile();
const post = async (path: string, body: object) => {
  const headers = { authorization: 'Bearer secret' };
  const response = await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
};

it.each([
  ['/tokenize', (content: string) => ({ content })],
  [
    '/tokenize',
    (content: string) => ({
      messages: [
        { role: 'system', content },
        { role: 'user', content: '猫' },
      ],
    }),
  ],
  ['/v1/messages/count_tokens', (content: string) => ({ messages: [{ role: 'user', content }] })],
  ['/v1/embeddings', (input: string) => ({ input })],
] as const)('a server answers others while it encodes a long text for %s', async (path, body) => {
  const text = '猫は海へ'.repeat(150_000);
  let ended = false;
  const long = post(path, body(text)).finally(() => {
    ended = true;
  });
  // Until the text has arrived the server has nothing to do: what counts is how often it answers from then on.
  let answered = 0;
  while (!ended) {
    const { status } = await fetch(`${server.url}/health`);
    expect(status).toBe(200);
    if (server.encoding && !ended) answered++;
  }
  expect([200, 400]).toContain((await long).status);
  expect(answered).toBeGreaterThan(3);
});

it.each([
  ['/v1/completions', 'prompt', [...Array(5000).fill(1), -1]],
  [
    '/v1/completions',
    'prompt',
    [
      [1, 2],
      [...Array(5000).fill(1), -1],
    ],
  ],
  ['/v1/embeddings', 'input', [...Array(5000).fill(1), -1]],
])('ids that no text can have are refused before a schema looks at them: %s', async (path, param, ids) => {
  const { status, body } = await post(path, { [param]: ids });
  expect([status, body]).toMatchObject([
    400,
    {
      error: {
        code: 'context_length_exceeded',
        param,
        message: expect.stringMatching(/has 5001 tokens.*4096 at most/),
      },
    },
  ]);
});
