// What fails: kept aside, asked again when told to, and what stops a run.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Handler, type Reply, Service } from '../../eval/backends/openai.testing.ts';
import { answering, documents, pipelineWorld, promptOf, questions, reply, wordsFor } from './pipeline.testing.ts';

const { run, fresh, rowsOf, lines } = pipelineWorld();
const failedOf = (out: string) => lines(join(out, 'report', 'failed.jsonl'));

/** Answers all but the prompts that have `text` in them, for which it does what `bad` says. */
function allBut(text: string, bad: (count: number) => Reply): Handler {
  let count = 0;
  return (_path, body) => {
    const prompt = promptOf(body);
    return prompt.includes(text) ? bad(count++) : [200, reply(wordsFor(prompt))];
  };
}

it.each<[string, () => Reply, string, RegExp]>([
  ['an empty reply', () => [200, reply('')], 'empty-reply', /the reply is an empty reply/],
  ['white space', () => [200, reply(' \n')], 'empty-reply', /an empty reply/],
  ['a cut reply', () => [200, reply('名前は', 'length')], 'reply-cut', /reached maxTokens \(512\)/],
  ['a filtered reply', () => [200, reply('', 'content_filter')], 'reply-filter', /filtered/],
  ['a list without items', () => [200, reply('質問：')], 'unreadable-reply', /a list without an item/],
  ['half of a character', () => [200, reply('答えは\ud83d')], 'broken-reply', /half of a surrogate pair/],
  ['a busy service', () => [503, { error: { message: 'overloaded' } }], 'endpoint-busy', /answered with 503 \(tried 2/],
  ['a connection that breaks off', () => 'die', 'endpoint-unreachable', /cannot be reached \(tried 2/],
  ['a page', () => [200, '<html><title>Bad gateway</title></html>'], 'endpoint-answer', /a web page.*Bad gateway/],
])('keeps a row aside for %s, and finishes the others', async (_name, bad, code, message) => {
  const service = await Service.start(allBut('第1', bad));
  const out = fresh();
  const report = await run(service, { ...questions, rows: documents(3) }, { out });
  expect(report).toMatchObject({ rows: 3, examples: 4, failedNow: 1, stopped: false });
  const [failure, ...others] = failedOf(out);
  expect(others).toEqual([]);
  expect(failure).toEqual({
    step: 'step 1 (question)',
    source: { file: 'rows', row: 2 },
    code,
    message: expect.stringMatching(message),
  });
  // Left aside, and asked for again only when told to, with another seed.
  const before = service.asked.length;
  expect(await run(service, { ...questions, rows: documents(3) }, { out })).toMatchObject({ asked: 0, examples: 4 });
  expect(service.asked).toHaveLength(before);
});

it('asks nothing where a row leaves the prompt empty', async () => {
  const service = await Service.start(answering);
  const out = fresh();
  const settings = {
    rows: [{ question: '雪は？' }, { question: ' \n' }, { question: '雲は？' }],
    steps: [{ ask: 'respond' }],
    output: { user: 'question', assistant: 'answer' },
  };
  expect(await run(service, settings, { out })).toMatchObject({ asked: 2, examples: 2, stopped: false });
  expect(service.asked).toHaveLength(2);
  expect(failedOf(out)).toEqual([
    {
      step: 'step 1 (respond)',
      source: { file: 'rows', row: 2 },
      code: 'empty-prompt',
      message: 'the prompt is empty',
    },
  ]);
});

it('stops where the key is refused after it was good, and sets nothing aside', async () => {
  const refused: Reply = [401, { error: { message: 'no such key' } }];
  const service = await Service.start(allBut('第1', () => refused));
  const out = fresh();
  const settings = { ...questions, rows: documents(3), concurrency: 1 };
  await expect(run(service, settings, { out })).rejects.toMatchObject({ code: 'endpoint-key' });
  expect(existsSync(join(out, 'failures.jsonl'))).toBe(false);
});

it('asks once more for what failed, with another seed', async () => {
  const service = await Service.start(
    allBut('第1', (times) => [200, reply(times < 2 ? '' : wordsFor('文書：\n第1の山\n作ってください'))]),
  );
  const out = fresh();
  const settings = { ...questions, rows: documents(2) };
  expect(await run(service, settings, { out })).toMatchObject({ examples: 2, failedNow: 1 });
  expect(await run(service, settings, { out, retryFailed: true })).toMatchObject({
    examples: 2,
    asked: 0,
    failedNow: 1,
    stopped: false,
  });
  expect(await run(service, settings, { out, retryFailed: true })).toMatchObject({
    examples: 4,
    asked: 3,
    failedNow: 0,
  });
  expect(failedOf(out)).toEqual([]);
  const seeds = service.asked.filter(
    ({ body }) => promptOf(body).includes('第1の山\n') || promptOf(body).endsWith('第1の山'),
  );
  expect(new Set(seeds.slice(0, 3).map(({ body }) => body['seed'])).size).toBe(3);
  // What was asked for again counts like the others from then on.
  const asked = service.asked.length;
  expect(await run(service, settings, { out })).toMatchObject({ examples: 4, asked: 0 });
  expect(service.asked).toHaveLength(asked);
});

it('waits as long as a busy service asks for', async () => {
  let times = 0;
  const service = await Service.start((_path, body) =>
    times++ === 0
      ? [429, { error: { message: 'slow down' } }, { 'retry-after': '0.2' }]
      : [200, reply(wordsFor(promptOf(body)))],
  );
  const out = fresh();
  const start = performance.now();
  expect(await run(service, { ...questions, rows: documents(1) }, { out })).toMatchObject({
    examples: 2,
    failedNow: 0,
  });
  expect(performance.now() - start).toBeGreaterThan(200);
});

it.each<[string, Reply, RegExp]>([
  ['is a page from the first', [200, '<html><title>Welcome</title></html>'], /answered with a web page.*Welcome/],
  ['refuses the key', [401, { error: { message: 'bad key' } }], /refused the key \(401\)/],
  ['has no quota', [429, { error: { message: 'x', type: 'insufficient_quota' } }], /has no quota left/],
  ['is busy from the first', [503, {}], /answered with 503/],
])('stops with one sentence where the endpoint %s, and leaves no result', async (_name, bad, message) => {
  const service = await Service.start(() => bad);
  const out = fresh();
  const settings = { ...questions, rows: documents(3) };
  await expect(run(service, settings, { out, retries: 0 })).rejects.toThrow(message);
  expect(() => rowsOf(out)).toThrow(/ENOENT/);
  // Nothing is held against the rows: the endpoint was.
  service.address = (await Service.start(answering)).address;
  expect(await run(service, settings, { out })).toMatchObject({ examples: 6, failedNow: 0 });
});

it('stops where a service that answered is out of order, and goes on where it was', async () => {
  let well = 5;
  const service = await Service.start((_path, body) => (well-- > 0 ? [200, reply(wordsFor(promptOf(body)))] : 'die'));
  const out = fresh();
  const settings = { ...questions, rows: documents(40), concurrency: 2 };
  await expect(run(service, settings, { out, retries: 0 })).rejects.toThrow(/cannot be reached/);
  well = Infinity;
  expect(await run(service, settings, { out })).toMatchObject({ known: 5, asked: 115, examples: 80, failedNow: 0 });
});

it('stops at the eighth failure in a row, and begins to count anew after an answer', async () => {
  const words = [200, reply('答えです。')] as const;
  const replies: Reply[] = [[...words], ...Array.from({ length: 7 }, (): Reply => [500, {}]), [...words]];
  const service = await Service.start(() => replies.shift() ?? [500, {}]);
  const out = fresh();
  const settings = {
    rows: Array.from({ length: 20 }, (_, i) => ({ question: `${i}は？` })),
    steps: [{ ask: 'respond' }],
    output: { user: 'question', assistant: 'answer' },
    concurrency: 1,
  };
  await expect(run(service, settings, { out, retries: 0 })).rejects.toMatchObject({ code: 'endpoint-busy' });
  expect(service.asked).toHaveLength(1 + 7 + 1 + 8);
  // Those before the answer are the rows' own fault, those after it the service's.
  expect(lines(join(out, 'failures.jsonl'))).toHaveLength(7);
});
