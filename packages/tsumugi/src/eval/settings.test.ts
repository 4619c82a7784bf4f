// Every setting of an evaluation reaches every task that has a use for it: two runs that differ in one setting alone, and what
// changes between them in what is asked and in what is reported.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fakeBackend } from './eval.testing.ts';
import { type EvaluateOptions, evaluate, findTasks, textTask } from './index.ts';
import type { Answer, ChoicesRequest, GenerateRequest, Request, RollingRequest } from './request.ts';
import type { Task } from './task.ts';
import { toyData } from './tasks/data.testing.ts';
import { pfgenTask } from './tasks/pfgen/task.ts';

const folder = toyData();
const tables = mkdtempSync(join(tmpdir(), 'tsumugi-settings-'));
afterAll(() => {
  folder[Symbol.dispose]();
  rmSync(tables, { recursive: true });
});

interface Case {
  task: string;
  options: Record<string, string>;
  /** Samples without a limit, and records of a sample. */
  samples: number;
  each?: number;
  /** Whether what is asked depends on the seed, and whether a model that chats is asked otherwise. */
  seeded: boolean;
  chats: boolean;
  /** Examples there can be. */
  shots?: number;
}
const short = { lengths: '512', depths: '0,100', samples: '2' };
const cases: Case[] = [
  { task: 'jnli', options: {}, samples: 6, seeded: false, chats: true, shots: 6 },
  { task: 'jcommonsenseqa', options: {}, samples: 6, seeded: false, chats: false, shots: 6 },
  { task: 'jcommonsenseqa-generate', options: {}, samples: 6, seeded: false, chats: true, shots: 6 },
  { task: 'ja-mt-bench', options: {}, samples: 3, each: 2, seeded: true, chats: false },
  { task: 'm-ifeval-ja', options: {}, samples: 3, seeded: true, chats: true },
  { task: 'pfgen', options: { trials: '2' }, samples: 12, seeded: true, chats: true, shots: 5 },
  { task: 'needle', options: short, samples: 4, seeded: true, chats: false },
  { task: 'needle-generate', options: short, samples: 4, seeded: true, chats: true },
  { task: 'phonebook', options: short, samples: 4, seeded: true, chats: false },
  { task: 'phonebook-generate', options: short, samples: 4, seeded: true, chats: true },
  { task: 'position', options: { lengths: '256,512', samples: '3' }, samples: 3, seeded: false, chats: false },
];

function answer(request: Request): Answer {
  if (request.kind === 'generate') return { text: 'よいものです。', finish: 'end' };
  if (request.kind === 'choices')
    return { logprobs: request.choices.map((choice) => -choice.length), tokens: request.choices.map(() => 1) };
  const bins = (request.edges ?? [1]).map(() => 1);
  return { nats: bins, tokens: bins, characters: bins };
}

async function run({ task, options }: Case, changes: Partial<EvaluateOptions> & { chat?: boolean } = {}) {
  const { chat = task === 'ja-mt-bench', ...rest } = changes;
  const found: Task[] = task === 'pfgen' ? [pfgenTask(tables)] : await findTasks([task]);
  const judge = fakeBackend({ answer: () => ({ text: '[[5]]', finish: 'end' }) });
  const backend = fakeBackend({ answer, chat, countTokens: (text) => text.length });
  const { tasks } = await evaluate({
    tasks: found,
    backend,
    dataFolder: folder.path,
    taskOptions: options,
    ...(task === 'ja-mt-bench' && { judge }),
    ...rest,
  });
  return { report: tasks[0]!, asked: backend.asked, judged: judge.asked as GenerateRequest[] };
}

describe.each(cases)('$task', (own) => {
  it('takes as many samples as the limit says, the first', async () => {
    const all = await run(own);
    expect(all.report.n).toBe(own.samples * (own.each ?? 1));
    const two = await run(own, { limit: 2, keepTexts: true });
    expect(two.report.n).toBe(2 * (own.each ?? 1));
    expect(two.report.settings['limit']).toBe(2);
    expect(JSON.stringify(all.asked)).toContain(JSON.stringify(two.asked[0]));
    expect(two.asked.length).toBeLessThan(all.asked.length);
  });

  it('keeps texts on request alone', async () => {
    const { report } = await run(own, { keepTexts: true });
    for (const record of report.records!)
      expect([record.prompt, record.answer].every((each) => each !== undefined)).toBe(true);
    expect((await run(own)).report.records).toBeUndefined();
    // A task that fills its records unasked holds the texts of a whole evaluation in memory.
    let records: object[] = [];
    const spied = (await (own.task === 'pfgen' ? [pfgenTask(tables)] : findTasks([own.task])))[0]!;
    await evaluate({
      backend: fakeBackend({ answer, chat: true, countTokens: (text) => text.length }),
      dataFolder: folder.path,
      judge: fakeBackend({ answer: () => ({ text: '[[5]]', finish: 'end' }) }),
      taskOptions: own.options,
      tasks: [
        {
          ...spied,
          async run(context) {
            const result = await spied.run(context);
            records = result.records;
            return result;
          },
        },
      ],
    });
    expect(records.some((record) => 'prompt' in record || 'answer' in record || 'target' in record)).toBe(false);
  });

  it(`asks ${own.seeded ? 'otherwise' : 'the same'} with another seed, and draws another interval`, async () => {
    const [zero, one] = [await run(own, { seed: 0 }), await run(own, { seed: 1 })];
    expect(one.report.requestsHash === zero.report.requestsHash).toBe(!own.seeded);
    expect(one.report.seed).toBe(1);
    const again = await run(own, { seed: 1 });
    expect(again.asked).toEqual(one.asked);
    expect(again.report.metrics).toEqual(one.report.metrics);
  });

  it(`asks ${own.chats ? 'otherwise' : 'the same'} where the model chats`, async () => {
    if (own.task === 'ja-mt-bench') return;
    const [plain, chat] = [await run(own), await run(own, { chat: true })];
    const conversations = ({ asked }: typeof chat) =>
      asked.filter((each) => Array.isArray((each as GenerateRequest).prompt));
    expect(conversations(plain)).toHaveLength(0);
    expect(conversations(chat)).toHaveLength(own.chats ? chat.asked.length : 0);
  });

  const shots = own.shots;
  if (shots === undefined)
    it('has no place for examples', () => expect(run(own, { shots: 1 })).rejects.toMatchObject({ code: 'no-shots' }));
  else
    it('shows as many examples as it is told, in the order of the file', async () => {
      const promptOf = ({ asked }: Awaited<ReturnType<typeof run>>) => JSON.stringify(asked[0]);
      const lengths = [];
      for (let n = 0; n <= shots; n++) lengths.push(promptOf(await run(own, { shots: n })).length);
      expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
      expect(new Set(lengths).size).toBe(shots + 1);
      await expect(run(own, { shots: shots + 1 })).rejects.toMatchObject({ code: 'too-many-shots' });
      if (own.task === 'pfgen') return;
      const shown = await run(own, { shots: 3 });
      const places = [50, 51, 52].map((i) => promptOf(shown).search(own.task === 'jnli' ? `文${i}` : `問${i}`));
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      expect(places[0]).toBeGreaterThan(0);
    });
});

it('the seed decides the interval, and nothing else of a metric', async () => {
  const score = (i: number) => ({ id: `${i}`, metrics: { m: (i * 7) % 11 } });
  const task: Task = {
    name: 't',
    version: 1,
    summary: '',
    metric: 'm',
    kind: 'judged',
    samples: async () => ({ samples: [], shots: [] }),
    prompt: () => '',
    reference: () => undefined,
    run: async () => ({ records: Array.from({ length: 40 }, (_, i) => score(i)), settings: {}, promptHash: '' }),
  };
  const metric = async (seed: number) =>
    (await evaluate({ tasks: [task], backend: fakeBackend(), seed })).tasks[0]!.metrics['m']!;
  const [zero, one] = [await metric(0), await metric(1)];
  expect(one.value).toBe(zero.value);
  expect([one.low, one.high]).not.toEqual([zero.low, zero.high]);
});

it('the right number stands at other places among the choices with another seed', async () => {
  const own = { ...cases.find(({ task }) => task === 'phonebook')!, options: { ...short, samples: '6' } };
  const places = async (seed: number) => {
    const { report } = await run(own, { seed, keepTexts: true });
    return report.records!.map(({ prompt, target }) => (prompt as ChoicesRequest).choices.indexOf(target as string));
  };
  const [zero, one] = [await places(0), await places(1)];
  expect(zero).not.toEqual(one);
  expect(new Set(zero).size).toBeGreaterThan(2);
});

it('lengths are in the tokens of the model, where it can count them', async () => {
  const { report } = await run(cases.find(({ task }) => task === 'needle')!);
  expect(report.settings).toMatchObject({ unit: 'tokens' });
});

it('text measures as many documents as the limit says, the first', async () => {
  const paths = [1, 2, 3].map((i) => join(folder.path, `${i}.txt`));
  for (const path of paths) writeFileSync(path, `${path}の文。`);
  const texts = async (limit?: number) => {
    const backend = fakeBackend();
    const { tasks } = await evaluate({ tasks: [textTask(paths)], backend, limit });
    expect(tasks[0]!.n).toBe(backend.asked.length);
    return backend.asked.map((request) => (request as RollingRequest).text);
  };
  const all = await texts();
  expect(all).toHaveLength(3);
  expect(await texts(2)).toEqual(all.slice(0, 2));
});

it('the judge of ja-mt-bench is greedy, has room for its reasons, and the seed does not reach it', async () => {
  const { judged, asked } = await run(cases.find(({ task }) => task === 'ja-mt-bench')!, { seed: 3 });
  expect(judged).toHaveLength(6);
  for (const request of judged)
    expect(request).toMatchObject({ temperature: 0, topP: 1, maxTokens: 2048, seed: 0, stop: [] });
  for (const request of asked as GenerateRequest[])
    expect(request).toMatchObject({ temperature: 0.7, topP: 1, maxTokens: 1024, stop: [] });
});
