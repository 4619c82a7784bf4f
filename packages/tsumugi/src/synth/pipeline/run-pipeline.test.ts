// Whole pipelines at a service on this machine: what comes out, what is asked, what is kept.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Handler, Service } from '../../eval/backends/openai.testing.ts';
import type { Backend } from '../../eval/index.ts';
import { answering, documents, pipelineWorld, promptOf, questions, reply, wordsFor } from './pipeline.testing.ts';
import { runPipeline } from './run-pipeline.ts';

const world = pipelineWorld();
const { run, fresh, rowsOf, lines, write } = world;

it('makes conversations of documents, with where they come from', async () => {
  const service = await Service.start(answering);
  const data = write('山.jsonl', '{"text":"高尾山"}\n\n{"text":"富士山","id":7}\n');
  const out = fresh();
  const report = await run(service, { ...questions, data: [data], seed: 3 }, { out });
  expect(report).toMatchObject({ rows: 2, examples: 4, asked: 6, known: 0, stopped: false });
  expect(report.tokens).toEqual({ read: 60, write: 30 });
  const rows = rowsOf(out);
  expect(rows.map(({ messages }) => messages)).toEqual(
    ['高尾山とは何ですか。', '高尾山はどこですか。', '富士山とは何ですか。', '富士山はどこですか。'].map((question) => [
      { role: 'user', content: question },
      { role: 'assistant', content: `${question}への答えです。` },
    ]),
  );
  expect(rows[3]!.provenance).toEqual({
    source: { file: data, row: 3 },
    asked: ['question', 'answer'].map((step) => ({
      step,
      prompt: expect.stringMatching(/^[0-9a-f]{16}$/),
      model: expect.stringMatching(/^m at http:.* [0-9a-f]{16}$/),
      seed: expect.any(Number),
    })),
  });
  // The seed is that of the request.
  expect(rows[0]!.provenance.asked[0]!.seed).toBe(service.asked[0]!.body['seed']);
  expect(service.asked).toHaveLength(6);
  expect(promptOf(service.asked[0]!.body)).toContain('質問を3個、日本語で');
});

it('asks as the settings of the step say', async () => {
  const service = await Service.start(answering);
  const said = { maxTokens: 40, temperature: 0.3, topP: 0.4, stop: ['以上'] };
  const settings = {
    rows: [{ question: '雪は？' }],
    steps: [{ ask: 'respond', system: '短く。', ...said }],
    output: { user: 'question', assistant: 'answer' },
    apiKeyEnv: 'NAME_OF_MY_KEY',
  };
  const out = fresh();
  await run(service, settings, { out });
  // Where a key is kept is no part of what was made.
  expect(readFileSync(join(out, 'report', 'lineage.json'), 'utf8')).not.toContain('NAME_OF_MY_KEY');
  expect(service.asked.map(({ body }) => body)).toMatchObject([
    {
      max_tokens: 40,
      temperature: 0.3,
      top_p: 0.4,
      stop: ['以上'],
      messages: [
        { role: 'system', content: '短く。' },
        { role: 'user', content: '雪は？' },
      ],
    },
  ]);
});

it('asks nothing twice, and for the same bytes', async () => {
  const service = await Service.start(answering);
  const out = fresh();
  const settings = { ...questions, rows: documents(5) };
  await run(service, settings, { out });
  const bytes = world.bytesOf(out);
  const count = service.asked.length;
  expect(await run(service, settings, { out })).toMatchObject({ asked: 0, known: count });
  expect(service.asked).toHaveLength(count);
  expect(world.bytesOf(out)).toBe(bytes);
  // Rows before others change nothing for these; a filter more asks for nothing.
  const filtered = { ...settings, rows: [{ text: '谷' }, ...documents(5)!] };
  filtered.steps = [...settings.steps, { filter: 'length', field: 'question', min: 9 }];
  expect(await run(service, filtered, { out })).toMatchObject({ asked: 3, known: count });
});

it('asks for samples with seeds of their own, and gives the same for another time, not for another seed', async () => {
  const service = await Service.start((_path, { seed }) => [200, reply(`文${seed}`)]);
  const settings = { rows: [{ topic: '雪' }], steps: [{ ask: 'generate', samples: 3 }], output: { text: 'text' } };
  const [one, two, other] = [fresh(), fresh(), fresh()];
  await run(service, settings, { out: one });
  await run(service, settings, { out: two });
  await run(service, { ...settings, seed: 1 }, { out: other });
  const texts = (out: string) => rowsOf(out).map(({ text }) => text);
  expect(new Set(texts(one)).size).toBe(3);
  expect(texts(two)).toEqual(texts(one));
  expect(texts(other).some((text) => texts(one).includes(text))).toBe(false);
});

it('critiques and revises, for pairs whose answers differ', async () => {
  const service = await Service.start((_path, body) => {
    const prompt = promptOf(body);
    if (prompt.includes('書き直してください')) return [200, reply(prompt.includes('一') ? '良い答え' : '答え')];
    return [200, reply(prompt.includes('批評') ? '短い' : '答え')];
  });
  const out = fresh();
  const report = await run(
    service,
    {
      rows: [{ question: '一は？' }, { question: '二は？' }],
      steps: [{ ask: 'respond' }, { ask: 'critique-and-revise' }],
      output: { prompt: 'question', chosen: 'revised', rejected: 'answer' },
    },
    { out },
  );
  expect(rowsOf(out).map(({ provenance: _, ...row }) => row)).toEqual([
    {
      prompt: [{ role: 'user', content: '一は？' }],
      chosen: [{ role: 'assistant', content: '良い答え' }],
      rejected: [{ role: 'assistant', content: '答え' }],
    },
  ]);
  expect(report.steps.map(({ step, rows, passed, dropped }) => [step, rows, passed, dropped])).toEqual([
    ['step 1 (respond)', 2, 2, 0],
    ['step 2 (critique)', 2, 2, 0],
    ['step 2 (revise)', 2, 2, 0],
    ['output', 2, 1, 1],
  ]);
});

it('filters between steps, so that nothing is asked for what is dropped', async () => {
  const service = await Service.start(answering);
  const out = fresh();
  const steps = [{ ask: 'question' }, { filter: 'near', field: 'question' }, { ask: 'answer' }];
  const report = await run(service, { ...questions, steps, rows: [{ text: '雪山' }, { text: '雪山' }] }, { out });
  // One question to two rows that are the same; then four questions of which two are new.
  expect(service.asked).toHaveLength(3);
  expect(report).toMatchObject({ examples: 2 });
  expect(lines(join(out, 'report', 'dropped.jsonl')).map(({ reason, source }) => [reason, source])).toEqual([
    ['nearly the same as text 1 that came here', { file: 'rows', row: 2 }],
    ['nearly the same as text 2 that came here', { file: 'rows', row: 2 }],
  ]);
});

it('keeps the answers in the order of the rows, whatever the order in which they come', async () => {
  const late: Handler = async (_path, body) => {
    const prompt = promptOf(body);
    await new Promise((done) => setTimeout(done, prompt.includes('第0') ? 60 : 0));
    return [200, reply(wordsFor(prompt))];
  };
  const out = fresh();
  await run(await Service.start(late), { ...questions, rows: documents(3) }, { out });
  expect(rowsOf(out).map(({ provenance }) => provenance.source.row)).toEqual([1, 1, 2, 2, 3, 3]);
});

it('makes a pass of the engine again as it was, where a kill left a part of its answers', async () => {
  // Like sums in floating point, what it writes depends on who is asked beside.
  const engine: Backend = {
    kind: 'engine',
    model: 'scripted',
    fingerprint: 'x',
    settings: {},
    kinds: new Set(['generate'] as const),
    async answer(requests, onAnswer) {
      for (const i of requests.keys())
        onAnswer(i, { text: `${requests.length}人の${i}番`, finish: 'end', tokens: 4, read: 2 });
    },
    async [Symbol.asyncDispose]() {},
  };
  const settings = { rows: documents(40), steps: [{ prompt: '{{text}}', into: 'more' }], output: { text: 'more' } };
  const out = fresh();
  await runPipeline(settings, { backend: engine, out });
  const bytes = world.bytesOf(out)!;
  expect(
    rowsOf(out)
      .map(({ text }) => text)
      .slice(30, 34),
  ).toEqual(['32人の30番', '32人の31番', '8人の0番', '8人の1番']);
  const [file] = globSync(join(out, 'answers', '*.jsonl'));
  const answers = readFileSync(file!, 'utf8').split('\n');
  for (const kept of [0, 1, 20, 32, 35]) {
    writeFileSync(file!, `${answers.slice(0, kept).join('\n')}\n{"key":"torn`);
    await runPipeline(settings, { backend: engine, out });
    expect(world.bytesOf(out), `${kept} kept`).toBe(bytes);
  }
});
