// The task with a scripted model, and the files it leaves.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { GenerateAnswer, GenerateRequest } from '../../request.ts';
import type { TaskContext } from '../../task.ts';
import { temporaryFolder, toyReferences, writeToyBenchmark } from './pfgen.testing.ts';
import { rescorePfgen } from './rescore.ts';
import { configJson, runFolder } from './run-files.ts';
import { pfgenTask } from './task.ts';

const end = (text: string): GenerateAnswer => ({ text, finish: 'end' });

/** A toy benchmark, a model given as a function, and what it was asked. */
function set(answer: (request: GenerateRequest, asking: number) => string, change: Partial<TaskContext> = {}) {
  const folder = temporaryFolder();
  writeToyBenchmark(folder.at('data'));
  const asked: GenerateRequest[][] = [];
  const context: TaskContext = {
    ask: async (requests) => {
      asked.push(requests as readonly unknown[] as GenerateRequest[]);
      return requests.map((request) => end(answer(request as GenerateRequest, asked.length))) as never;
    },
    file: () => folder.path,
    limit: undefined,
    shots: undefined,
    seed: 0,
    keepTexts: false,
    chat: false,
    model: { kind: 'engine', model: './models/toy/base' },
    options: { trials: '2' },
    ...change,
  };
  return {
    asked,
    context,
    run: () => pfgenTask(folder.at('cache')).run(context),
    folder,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

it('asks every question in every trial and scores the answers', async () => {
  using toy = set(() => ' よいものです。\n');
  const { records, settings } = await toy.run();
  expect(records.map(({ id }) => id).slice(4, 8)).toEqual(['001/Q05', '001/Q06', '002/Q01', '002/Q02']);
  expect(records).toHaveLength(12);
  expect(records[0]).toMatchObject({ groups: ['nature'], metrics: { helpfulness: 1, length: 7 } });
  const { score, fluency, truthfulness, helpfulness } = records[0]!.metrics as Record<string, number>;
  expect(score).toBeCloseTo((fluency! + truthfulness! + helpfulness!) / 3, 5);
  expect(toy.asked).toHaveLength(1);
  expect(toy.asked[0]![0]).toMatchObject({
    maxTokens: 300,
    stop: ['Q:', '\n\n'],
    temperature: 1,
    topP: 0.98,
    seed: 818_176_819,
    prompt: expect.stringMatching(/^## 回答例\nQ: 雪.*Q: 春とは何ですか？\nA:$/s),
  });
  expect(settings).toMatchObject({ mode: 'completion', trials: 2, shots: 20, seed: '' });
});

it('asks again where nothing came, with another seed, and gives up after ten rounds', async () => {
  using late = set(({ prompt }, asking) =>
    asking < 3 && String(prompt).endsWith('夏とは何ですか？\nA:') ? '\n' : 'よい',
  );
  const { records } = await late.run();
  expect(records).toHaveLength(12);
  expect(late.asked.map((requests) => requests.length)).toEqual([12, 2, 2]);
  expect(new Set(late.asked.map((requests) => requests.at(-1)!.seed)).size).toBe(3);
  using silent = set(() => '');
  await expect(silent.run()).rejects.toMatchObject({ code: 'no-answer', fields: { trial: 1, open: 12 } });
  expect(silent.asked).toHaveLength(10);
});

it('counts what a service refuses as empty, without asking again', async () => {
  using refused = set(() => '');
  const { records } = await pfgenTask(refused.folder.at('cache')).run({
    ...refused.context,
    ask: async (requests, ids) => {
      refused.asked.push(requests as readonly unknown[] as GenerateRequest[]);
      return requests.map(
        (_, i): GenerateAnswer =>
          ids![i] === '1/春とは何ですか？' ? { text: '', finish: 'refused', reason: 'no' } : end('よいものです。'),
      ) as never;
    },
  });
  expect(refused.asked).toHaveLength(1);
  expect(records).toHaveLength(12);
  expect(records[0]!.metrics).toMatchObject({ fluency: 0, truthfulness: 0, length: 0 });
  expect(records[1]!.metrics['fluency']).toBeGreaterThan(0);
});

it('asks a filtered prompt again, and gives it up in the end', async () => {
  using filtered = set(() => '');
  const { records } = await pfgenTask(filtered.folder.at('cache')).run({
    ...filtered.context,
    ask: async (requests) => {
      filtered.asked.push(requests as readonly unknown[] as GenerateRequest[]);
      return requests.map((): GenerateAnswer => ({ text: '', finish: 'filter' })) as never;
    },
  });
  expect(filtered.asked).toHaveLength(10);
  expect(records.every(({ metrics }) => metrics['length'] === 0)).toBe(true);
});

it('refuses more examples than there are other questions', async () => {
  using toy = set(() => 'よい', { shots: 6 });
  await expect(toy.run()).rejects.toThrow('--shots 6 asks for more examples than the 5 there are');
  expect(toy.asked).toEqual([]);
});

it('talks to models that chat in one message, or as it is told', async () => {
  using chat = set(() => '回答例。A: よい', { chat: true, limit: 3, shots: 1, keepTexts: true });
  const { records } = await chat.run();
  expect(records).toHaveLength(3);
  expect(records[0]).toMatchObject({ answer: { read: 'よい' }, target: toyReferences[0]!.answer });
  expect(chat.asked[0]![0]).toMatchObject({ stop: ['Q:'], prompt: [{ role: 'user' }] });
  using system = set(() => 'よい', { options: { mode: 'chat', trials: '1' } });
  await system.run();
  expect(system.asked[0]![0]!.prompt).toMatchObject([{ role: 'system' }, { role: 'user' }]);
});

it('refuses settings that cannot be, before asking', async () => {
  for (const options of [{ trials: '0' }, { trials: 'ten' }, { mode: 'talk' }, { out: '/nowhere' }] as const) {
    using toy = set(() => 'よい', { options, limit: 5 });
    await expect(toy.run()).rejects.toMatchObject({ name: 'ConfigError' });
    expect(toy.asked).toEqual([]);
  }
});

it("writes the benchmark's own files", async () => {
  using place = temporaryFolder();
  const answer = ({ seed }: GenerateRequest) => (seed === 818_176_819 ? 'よい' : 'とてもよいものです。');
  const options = { trials: '2', out: place.at('result') };
  using toy = set(answer, { options });
  const { records } = await toy.run();
  const config = { engine: 'engine', model: './models/toy/base', mode: 'completion', examples: 20 } as const;
  const folder = runFolder(options.out, config);
  expect(folder).toMatch(/result\/toy\/base\/[0-9a-f]{7}$/);
  expect(readdirSync(folder).sort()).toEqual(['config.json', 'result.json', 'trial_001.jsonl', 'trial_002.jsonl']);
  const line = readFileSync(`${folder}/trial_002.jsonl`, 'utf8').split('\n')[1]!;
  expect(JSON.parse(line)).toMatchObject({ question: toyReferences[1]!.question, answer: 'とてもよいものです。' });
  const written = JSON.parse(readFileSync(`${folder}/result.json`, 'utf8'));
  const {
    fluency: _f,
    truthfulness: _t,
    helpfulness: _h,
    ...again
  } = await rescorePfgen({
    questions: toy.folder.path,
    answers: folder,
    cacheFolder: null,
  });
  expect(written).toEqual(again);
  const mean = records.reduce((total, { metrics }) => total + metrics['score']!, 0) / records.length;
  expect(written.score).toBeCloseTo(mean, 4);
  // A second run with fewer trials leaves none of the first; a folder with other things in it is not touched.
  using shorter = set(answer, { options: { ...options, trials: '1' } });
  await shorter.run();
  expect(existsSync(`${folder}/trial_002.jsonl`)).toBe(false);
  writeFileSync(`${folder}/notes.txt`, 'mine');
  using third = set(answer, { options });
  await expect(third.run()).rejects.toMatchObject({ code: 'place-taken' });
  expect(third.asked).toEqual([]);
  expect(readFileSync(`${folder}/notes.txt`, 'utf8')).toBe('mine');
});

it('hashes the config as the benchmark does', () => {
  // A folder of the published results has this name: Qwen/Qwen3-0.6B-Base/f504bef.
  const config = { engine: 'hf', model: 'Qwen/Qwen3-0.6B-Base', mode: 'completion', examples: 20 } as const;
  expect(configJson(config)).toBe(
    '{"engine": "hf", "max_tokens": 300, "mode": "completion", "model": "Qwen/Qwen3-0.6B-Base", "num_examples": 20, ' +
      '"stop": ["Q:", "\\n\\n"], "temperature": 1.0, "top_p": 0.98}',
  );
  expect(runFolder('result', config)).toBe('result/Qwen/Qwen3-0.6B-Base/f504bef');
});
