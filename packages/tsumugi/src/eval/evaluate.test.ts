// Evaluations with a fake model: what is asked, what is reported, what is refused before anything is asked.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { sha256 } from '../base/index.ts';
import { fakeBackend } from './eval.testing.ts';
import {
  choiceTask,
  evaluate,
  generateTask,
  rollingTask,
  type SampleContext,
  sampleContext,
  sayCounts,
  type Task,
} from './index.ts';
import type { GenerateAnswer, GenerateRequest, Request } from './request.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-evaluate-'));
afterAll(() => rmSync(home, { recursive: true }));
const dataFolder = join(home, 'data');
mkdirSync(join(dataFolder, 'words'), { recursive: true });
writeFileSync(join(dataFolder, 'words', 'words.txt'), 'abc\nabba\nkayak\nまみむめも\nabc');
const data = { files: ['words/words.txt'], origin: 'example.org/words', licence: 'CC0' };

const generate = (prompt: string): GenerateRequest => ({
  kind: 'generate',
  prompt,
  maxTokens: 8,
  stop: [],
  temperature: 0,
  topP: 1,
  seed: 0,
});
const words = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .map((word, i) => ({ id: String(i), word }));

/** Is what the model writes the word itself? The fake one writes it backwards. */
const palindrome = generateTask<{ id: string; word: string }>({
  name: 'palindrome',
  version: 3,
  summary: 'words that are the same backwards',
  metric: 'same',
  data,
  shots: 0,
  wording: '{word}',
  load: (context) => ({ samples: words(context.file('words/words.txt')) }),
  prompt: ({ word }) => word,
  decoding: { maxTokens: 8 },
  reference: ({ word }) => word,
  score: ({ word }, text) => ({ same: text === word ? 1 : 0 }),
  groups: ({ word }) => [word.length > 4 ? 'long' : 'short'],
});

const shortest = choiceTask<{ id: string; word: string }>({
  name: 'shortest',
  version: 1,
  summary: 'the shorter of two',
  metric: 'acc',
  data,
  shots: 1,
  wording: '{word}?',
  load: (context) => {
    const [example, ...samples] = words(context.file('words/words.txt'));
    return { samples, examples: [example!] };
  },
  prompt: ({ word }, examples) => `${examples.map((example) => example.word).join('')}${word}?`,
  choices: ({ word }) => [`${word}${word}`, word],
  target: () => 1,
});

describe('evaluate', () => {
  it('reports metrics with intervals, groups, and what was measured', async () => {
    const backend = fakeBackend();
    const { interrupted, tasks } = await evaluate({ tasks: [palindrome], backend, dataFolder, seed: 7 });
    expect(interrupted).toBe(false);
    const [report] = tasks;
    expect(report).toMatchObject({
      task: 'palindrome',
      version: 3,
      metric: 'same',
      lowerIsBetter: false,
      n: 5,
      seed: 7,
      model: { kind: 'fake', model: 'a model', fingerprint: 'f', settings: { deterministic: true } },
      settings: { shots: 0 },
      // 'abc' comes twice and is asked once.
      asked: 4,
      cached: 0,
    });
    expect(report!.metrics['same']!.value).toBeCloseTo(2 / 5, 10);
    expect(report!.metrics['same']!.low).toBeLessThan(0.4);
    expect(report!.groups['short']).toMatchObject({ n: 3, metrics: { same: { value: 1 / 3 } } });
    expect(report!.promptHash).toMatch(/^[0-9a-f]{64}$/);
    expect(report!.records).toBeUndefined();
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('shows each sample on request', async () => {
    const { tasks } = await evaluate({
      tasks: [palindrome],
      backend: fakeBackend(),
      dataFolder,
      keepTexts: true,
      limit: 2,
    });
    expect(tasks[0]!.records).toEqual([
      expect.objectContaining({ id: '0', metrics: { same: 0 }, target: 'abc', prompt: generate('abc') }),
      expect.objectContaining({ id: '1', metrics: { same: 1 }, target: 'abba' }),
    ]);
    expect(tasks[0]!.settings).toEqual({ shots: 0, limit: 2 });
  });

  it('has the wording in its hash, and the neutral prompt where there is one', async () => {
    const hashes = await evaluate({ tasks: [palindrome, shortest], backend: fakeBackend(), dataFolder });
    expect(hashes.tasks.map(({ promptHash }) => promptHash)).toEqual([sha256('{word}'), sha256('{word}?\n答え：')]);
  });

  it('gives choices all normalisations, with examples in the prompt', async () => {
    const backend = fakeBackend();
    const { tasks } = await evaluate({ tasks: [shortest], backend, dataFolder, limit: 2 });
    expect(tasks[0]!.metrics).toMatchObject({ acc: { value: 1 }, acc_norm: { value: 0 }, acc_pmi: { value: 0 } });
    expect(tasks[0]!.settings).toMatchObject({ shots: 1, neutralPrompt: '答え：' });
    expect(backend.asked[0]).toMatchObject({ prompt: 'abcabba?' });
    const bare = fakeBackend();
    await evaluate({ tasks: [shortest], backend: bare, dataFolder, limit: 1, shots: 0 });
    expect(bare.asked[0]).toMatchObject({ prompt: 'abba?' });
  });

  it('asks only what is missing, and gets the same metrics from kept answers', async () => {
    const cache = join(home, 'cache');
    const first = await evaluate({ tasks: [palindrome], backend: fakeBackend(), dataFolder, cache, limit: 2 });
    const backend = fakeBackend();
    const second = await evaluate({ tasks: [palindrome], backend, dataFolder, cache });
    expect(second.tasks[0]).toMatchObject({ asked: 2, cached: 2 });
    expect(backend.asked).toHaveLength(2);
    const third = await evaluate({ tasks: [palindrome], backend: fakeBackend(), dataFolder, cache });
    expect(third.tasks[0]).toMatchObject({ asked: 0, cached: 4 });
    expect(third.tasks[0]!.metrics).toEqual(second.tasks[0]!.metrics);
    expect(third.tasks[0]!.requestsHash).toBe(second.tasks[0]!.requestsHash);
    expect(third.tasks[0]!.requestsHash).not.toBe(first.tasks[0]!.requestsHash);
  });

  it('stops when it is told to, keeps what was answered, and goes on', async () => {
    const cache = join(home, 'interrupted');
    const controller = new AbortController();
    const backend = fakeBackend();
    const stopped = await evaluate({
      tasks: [palindrome, shortest],
      backend,
      dataFolder,
      cache,
      signal: controller.signal,
      onProgress: ({ asked }) => {
        if (asked === 3) controller.abort();
      },
    });
    expect(stopped).toEqual({ interrupted: true, tasks: [] });
    expect(backend.asked).toHaveLength(3);
    const { tasks } = await evaluate({ tasks: [palindrome], backend: fakeBackend(), dataFolder, cache });
    expect(tasks[0]).toMatchObject({ asked: 1, cached: 3 });
  });

  it('tells how far it is', async () => {
    const seen: number[] = [];
    const backend = fakeBackend({ weigh: (request: Request) => ({ read: JSON.stringify(request).length, write: 1 }) });
    await evaluate({
      tasks: [palindrome, shortest],
      backend,
      dataFolder,
      onProgress: ({ task, index, tasks, requests, done, tokens }) => {
        expect([task, index, tasks]).toEqual(index === 0 ? ['palindrome', 0, 2] : ['shortest', 1, 2]);
        expect(requests).toBe(index === 0 ? 4 : 8);
        expect(tokens!.write).toBe(requests);
        if (index === 0) seen.push(done);
      },
    });
    expect(seen).toHaveLength(5);
    expect([seen[0], seen.at(-1)]).toEqual([0, 1]);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('lets a judge answer, and names it', async () => {
    const judged: Task = {
      ...palindrome,
      metric: 'mark',
      async run({ ask, judge, limit }) {
        const answers = await ask(['a', 'b'].slice(0, limit).map(generate));
        const marks = await judge!.ask(answers.map(({ text }) => generate(`mark ${text}`)));
        return {
          records: marks.map(({ text }, i) => ({ id: String(i), metrics: { mark: text.length } })),
          settings: {},
          promptHash: '',
        };
      },
    };
    const judge = fakeBackend({ model: 'the judge', fingerprint: 'j' });
    const { tasks } = await evaluate({
      tasks: [judged],
      backend: fakeBackend(),
      judge,
      dataFolder,
      cache: join(home, 'j'),
    });
    expect(tasks[0]).toMatchObject({
      judgeAnswers: { texts: 2 },
      answers: { texts: 2 },
      judge: { model: 'the judge' },
      asked: 2,
      metrics: { mark: { value: 6 } },
    });
    expect(readdirSync(join(home, 'j'))).toHaveLength(2);
  });
});

describe('answers that are none', () => {
  const answers: Record<string, GenerateAnswer> = {
    abc: { text: '', finish: 'refused', reason: 'no' },
    abba: { text: 'abba', finish: 'filter', reason: 'SAFETY' },
    kayak: { text: ' \n', finish: 'end', leftOut: ['seed', 'temperature'] },
    まみむめも: { text: 'ま', finish: 'length', reasoning: 'うーん', leftOut: ['stop', 'seed'] },
  };
  const answer = (request: Request) => answers[(request as GenerateRequest).prompt as string]!;

  it('are graded, counted, and not kept where the service refused or filtered', async () => {
    const cache = join(home, 'none');
    const asked = { tasks: [palindrome], dataFolder, cache };
    const { tasks } = await evaluate({ ...asked, backend: fakeBackend({ answer }) });
    const counts = { texts: 4, empty: 1, cut: 1, filtered: 1, refused: 1, reasoned: 1 };
    // The refused prompt is that of two samples; they count as wrong, and the filtered text as what there was.
    expect(tasks[0]).toMatchObject({
      n: 5,
      metrics: { same: { value: 1 / 5 } },
      answers: { ...counts, leftOut: ['seed', 'stop', 'temperature'] },
    });
    const again = fakeBackend({ answer });
    const second = await evaluate({ ...asked, backend: again });
    expect(again.asked.map((request) => (request as GenerateRequest).prompt)).toEqual(['abc', 'abba']);
    expect(second.tasks[0]!.answers).toEqual(tasks[0]!.answers);
    expect(sayCounts(tasks[0]!.answers!)).toBe(
      'of 4 texts 1 empty, 1 cut at the limit of tokens, 1 filtered (graded as what there was before), ' +
        '1 refused (graded as empty texts), 1 with reasoning that is not graded; ' +
        'asked without seed, stop, temperature, which the service does not take',
    );
  });

  it('are no metric where there are no others', async () => {
    const backend = fakeBackend({ answer: () => answers['abc']! });
    await expect(evaluate({ tasks: [palindrome], backend, dataFolder })).rejects.toThrow(
      'palindrome: the service filtered or refused all 4 prompts, so there is nothing to grade',
    );
  });

  it('say nothing where nothing is written', async () => {
    const { tasks } = await evaluate({ tasks: [shortest], backend: fakeBackend(), dataFolder });
    expect(tasks[0]).not.toHaveProperty('answers');
  });
});

describe('evaluate refuses', () => {
  const backend = fakeBackend();
  const refuse = async (tasks: Task[], message: string | RegExp, more: object = {}) => {
    await expect(evaluate({ tasks, backend, dataFolder, ...more })).rejects.toThrow(message);
    expect(backend.asked).toEqual([]);
  };

  it('data that is not there, saying where it comes from and its licence, before anything is asked', () =>
    refuse(
      [palindrome, { ...shortest, data: { ...data, files: ['none.txt'] } }],
      /none\.txt does not exist\. It comes from example\.org\/words \(licence: CC0\)\n.*--data/s,
    ));

  it('what the backend cannot answer', () =>
    refuse([palindrome, shortest], 'shortest asks for probabilities of choices, which mute (fake) cannot give', {
      backend: fakeBackend({ model: 'mute', kinds: new Set(['generate'] as const) }),
    }));

  it('settings that no task has', () =>
    refuse([palindrome], 'palindrome has no setting "depth"', { taskOptions: { depth: '3' } }));

  it.each([
    ['numbers that are none', { logprobs: [Number.NaN, -1], tokens: [1, 1] }],
    ['too few numbers', { logprobs: [-1], tokens: [1, 1] }],
  ])('answers with %s', async (_what, answer) => {
    const broken = fakeBackend({ answer: () => answer });
    const cache = join(home, `broken-${answer.logprobs.length}`);
    await expect(evaluate({ tasks: [shortest], backend: broken, dataFolder, cache })).rejects.toThrow(
      'answered sample "1" (choices) with "logprobs" that is not 2 finite numbers',
    );
    const { tasks } = await evaluate({ tasks: [shortest], backend: fakeBackend(), dataFolder, cache });
    expect(tasks[0]!.cached).toBe(0);
  });

  it.each([
    ['limit', 0],
    ['limit', -1],
    ['limit', 1.5],
    ['limit', Number.NaN],
    ['shots', -1],
    ['shots', 0.5],
    ['seed', -1],
    ['seed', 2 ** 32],
    ['seed', 0.1],
  ])('%s = %d', (name, value) => refuse([palindrome], `${name} should be a whole number from `, { [name]: value }));

  it('more examples than there are, and examples where prompts have none', async () => {
    await refuse([shortest], '--shots 2 asks for more examples than the 1 there are', { shots: 2 });
    const bare: Task = { ...palindrome, shots: undefined };
    await refuse([bare], '--shots has no effect: there are no examples in the prompts of palindrome', { shots: 0 });
    const backend = fakeBackend();
    const { tasks } = await evaluate({ tasks: [{ ...bare, name: 'bare' }, shortest], backend, dataFolder, shots: 0 });
    expect(tasks).toHaveLength(2);
  });

  it('a judged task without a judge, and a conversation without a model for it', async () => {
    await refuse([palindrome, { ...shortest, needs: ['judge'] }], 'shortest is graded by a judge, and none was given');
    await refuse([palindrome, { ...shortest, needs: ['chat'] }], 'shortest holds conversations');
  });

  it.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['"1"', '1' as never],
    ['null', null as never],
    ['true', true as never],
  ])('%s as the metric of a sample, by its name', async (shown, value) => {
    const odd: Task = {
      ...palindrome,
      run: async () => ({
        records: [
          { id: 'a', metrics: { same: 1 } },
          { id: 'b', metrics: { same: value } },
        ],
        settings: {},
        promptHash: '',
      }),
    };
    await refuse([odd], `palindrome, sample "b": same is ${shown}, which is no finite number`);
  });

  it.each([undefined, {}, [null], [{ id: 1, metrics: {} }], [{ id: 'a' }]])('no records: %j', async (records) => {
    const odd = { ...palindrome, run: async () => ({ records, settings: {}, promptHash: '' }) as never };
    await refuse([odd], 'palindrome returned no list of records with "id" and "metrics"');
  });

  it('two samples of one name', async () => {
    const record = { id: 'a', metrics: { same: 1 } };
    const twice: Task = {
      ...palindrome,
      run: async () => ({ records: [record, record], settings: {}, promptHash: '' }),
    };
    await refuse([twice], 'palindrome has two samples called "a"');
  });

  it.each([-1, 2, 0.5, Number.NaN])('a right choice that is none of the choices: %d', async (target) => {
    const odd = choiceTask<{ id: string }>({
      name: 'odd',
      version: 1,
      summary: '',
      metric: 'acc',
      shots: 0,
      wording: '',
      load: () => ({ samples: [{ id: 'x7' }], examples: [] }),
      prompt: () => 'p',
      choices: () => ['a', 'b'],
      target: () => target,
    });
    await refuse([odd], `odd, sample "x7": the right choice is number ${target} of 2 ("target", sample 1)`);
  });

  it('a right choice, or choices, that are none, by file and row', async () => {
    const odd = (more: object) => choiceTask({ ...choices, ...more });
    const choices = {
      name: 'odd',
      version: 1,
      summary: '',
      metric: 'acc' as const,
      data,
      wording: '',
      load: ({ file }: SampleContext) => ({ samples: words(file('words/words.txt')).slice(0, 4) }),
      prompt: () => 'p',
      choices: () => ['a', 'b'],
      target: ({ id }: { id: string }) => Number(id),
    };
    await refuse(
      [odd({})],
      'odd, sample "2": the right choice is number 2 of 2 ("target", sample 3 of words/words.txt)',
    );
    const empty = /odd, sample "0": its choices are no list of texts \("choices", sample 1 of words/;
    for (const none of [undefined, [], ['a', '']]) await refuse([odd({ choices: () => none })], empty);
    // An example is in the prompt of every sample.
    const load = () => ({ samples: [{ id: '0' }], examples: [{ id: '1' }, { id: '5' }] });
    await refuse([odd({ load, shots: 2 })], 'odd, sample "5": the right choice is number 5 of 2 ("target")');
  });

  it('a metric that the score does not give, before anything is asked', async () => {
    const of = (metric: string, more: object = {}) =>
      generateTask<{ id: string }>({
        name: 'odd',
        version: 1,
        summary: '',
        metric,
        wording: '',
        decoding: { maxTokens: 1 },
        load: () => ({ samples: [{ id: 'a' }] }),
        prompt: () => 'p',
        score: () => ({ accuracy: 1 }),
        ...more,
      });
    await refuse([of('acuracy')], /odd: "metric" is "acuracy", and its score gives no such value\n.*"accuracy"/);
    // What is taken over all records stands in the place of the means.
    await refuse([of('accuracy', { aggregate: { pearson: () => 1 } })], /"metric" is "accuracy".*\n.*pearson/);
    const rolling = rollingTask<{ id: string }>({
      ...{
        name: 'odd',
        version: 1,
        summary: '',
        metric: 'bits',
        wording: '',
        load: () => ({ samples: [{ id: 'a' }] }),
      },
      text: () => 'x',
      score: (_sample, { nats }) => ({ nats: nats[0]! }),
    });
    await refuse([rolling], /"metric" is "bits".*\n.*nats/);
    const own: Task = {
      ...palindrome,
      metric: 'acc',
      run: async () => ({ records: [{ id: 'a', metrics: { same: 1 } }], settings: {}, promptHash: '' }),
    };
    await refuse([own], 'palindrome: "metric" is "acc", and its score gives no such value');
  });

  it('samples that are none, or have one id, before anything is asked', async () => {
    const of = (samples: unknown) =>
      generateTask<{ id: string }>({
        name: 'odd',
        version: 1,
        summary: '',
        metric: 'm',
        wording: '',
        decoding: { maxTokens: 1 },
        load: () => ({ samples }) as never,
        prompt: () => 'p',
        score: () => ({ m: 1 }),
      });
    for (const none of [undefined, {}, [{}], [{ id: 1 }], ['a']])
      await refuse([of(none)], 'odd: load gave no list of samples with an "id" each, a text');
    await refuse([of([{ id: 'a' }, { id: 'b' }, { id: 'a' }])], 'odd has two samples called "a"');
  });

  it('an answer to score that is none', async () => {
    const sample = { id: '0', word: 'abba' };
    expect(palindrome.score(sample, 'abba')).toEqual({ same: 1 });
    expect(() => palindrome.score(sample, { text: 'abba' } as never)).toThrow('palindrome: score takes the text');
    expect(() => shortest.score(sample, { logprobs: [-1], tokens: [1] })).toThrow(
      '"logprobs" and "tokens" of 2 choices',
    );
  });

  it('settings that samples cannot be read with', async () => {
    expect(() => sampleContext(shortest, { limit: 0 })).toThrow('limit should be a whole number');
    expect(() => sampleContext(shortest, { taskOptions: { depth: '1' } })).toThrow('shortest has no setting "depth"');
    const read = (shots: number) => shortest.samples(sampleContext(shortest, { dataFolder, shots, limit: 2 }));
    expect(await read(0)).toMatchObject({ samples: [{ word: 'abba' }, { word: 'kayak' }], shots: [] });
    await expect(read(2)).rejects.toThrow('--shots 2 asks for more examples than the 1 there are');
  });

  it.each(['done', undefined])('a text that ended in %s', async (finish) => {
    const broken = fakeBackend({ answer: () => ({ text: '', finish }) as never });
    await expect(evaluate({ tasks: [palindrome], backend: broken, dataFolder })).rejects.toThrow(
      `answered sample "0" (generate) with the end "${finish}", which is none`,
    );
  });

  it('a task without samples', async () => {
    const empty = { ...palindrome, run: async () => ({ records: [], settings: {}, promptHash: '' }) };
    await refuse([empty], 'palindrome has no samples');
  });
});
