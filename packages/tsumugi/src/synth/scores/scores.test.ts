// Scores of answers: each rule by cases worked out by hand, tasks by their own samples, a judge by what it is asked and answers.
import { afterEach, describe, expect, it } from 'vitest';
import { Service } from '../../eval/backends/openai.testing.ts';
import { fakeBackend } from '../../eval/eval.testing.ts';
import { findTasks, generateTask, openBackend, sampleContext } from '../../eval/index.ts';
import { judgementPrompt, judgeScorer, lastNumber, ruleScorer, type ScoreItem, taskPrompts } from './index.ts';

afterEach(() => Service.stopAll());

const item = (answer: string, row: object = {}, prompt = '問い'): ScoreItem => ({
  prompt,
  answer,
  row: row as ScoreItem['row'],
});

describe('lastNumber', () => {
  it.each([
    ['答えは12です。', 12],
    ['12と34を足すと46。', 46],
    ['答えは-7', -7],
    ['3-5', 5],
    ['a−5 は −2.50 円', -2.5],
    ['1,234,567円', 1234567],
    ['答えは1,234', 1234],
    ['1,2,3', 3],
    ['１２．５', 12.5],
    ['12345,678', 678],
    ['#### 42', 42],
    ['3.', 3],
    ['面積は12cm²', 12],
    ['12㎠です', 12],
    ['１２cm^2', 12],
    ['12 km2.', 12],
    ['底面は3m2、高さは5', 5],
    ['x₁は-4', -4],
    ['m2は7', 7],
    ['1.5e-7', 1.5e-7],
    ['2E3個', 2000],
    ['約 .5 倍', 0.5],
    ['-.25', -0.25],
    ['No.5', 5],
    ['1.2.3', 3],
    ['わかりません', undefined],
    ['', undefined],
  ])('%s → %s', (text, expected) => expect(lastNumber(text)).toBe(expected));
});

describe('ruleScorer', () => {
  it('finds the number that is asked for', async () => {
    const scorer = ruleScorer('number');
    const row = { answer: '#### 1,200' };
    expect(
      await scorer.score([item('1200円です', row), item('1,200.0', row), item('120', row), item('', row)]),
    ).toEqual([1, 1, 0, 0]);
    const area = { answer: '12cm²' };
    expect(await scorer.score([item('15cm²', area), item('12㎠', area), item('2', area)])).toEqual([0, 1, 0]);
    expect(await scorer.score([item('7', { answer: 5e-7 }), item('0.0000005', { answer: 5e-7 })])).toEqual([0, 1]);
    expect(await scorer.score([item('7', { answer: 7 }), item('8', { answer: [6, '8'] })])).toEqual([1, 1]);
  });

  it('compares whole answers, in one width, up to the first blank line', async () => {
    const scorer = ruleScorer('exact', 'reading');
    const row = { reading: 'カタカナ' };
    expect(
      await scorer.score([
        item(' ｶﾀｶﾅ\n\nと読みます', row),
        item('カタカナ。', row),
        item('ひらがな', { reading: ['かな', 'ひらがな '] }),
      ]),
    ).toEqual([1, 0, 1]);
  });

  it('is another one with another rule or field', () => {
    const hashes = [ruleScorer('exact'), ruleScorer('number'), ruleScorer('exact', 'a')].map(({ hash }) => hash);
    expect(new Set(hashes).size).toBe(3);
    expect(ruleScorer('exact', 'answer').hash).toBe(hashes[0]);
  });

  it.each([
    ['number', {}, 'answer should be a text, a number or a list of them but is not there'],
    ['number', { answer: 'なし' }, 'answer has no number: "なし"'],
    ['exact', { answer: '  ' }, 'answer should be a text, a number or a list of them but is "  "'],
    ['exact', { answer: [] }, 'answer should be'],
    ['exact', { answer: [true] }, 'answer should be'],
  ] as const)('refuses %s of %j', (rule, row, message) => {
    expect(() => ruleScorer(rule).check!(row as never)).toThrow(message);
  });
});

describe('taskPrompts', () => {
  const sums = generateTask({
    name: 'sums',
    version: 3,
    summary: 'sums',
    metric: 'off',
    lowerIsBetter: true,
    wording: '{a}+1=',
    load: () => ({ samples: [1, 5].map((a) => ({ id: `s${a}`, a })) }),
    prompt: ({ a }) => `${a}+1=`,
    reference: ({ a }) => String(a + 1),
    decoding: { maxTokens: 4 },
    score: ({ a }, text) => ({ off: Math.abs(Number(text) - a - 1) }),
  });

  it('asks what the task asks, and scores as it does, higher for better', async () => {
    const { rows, scorer } = await taskPrompts(sums, sampleContext(sums));
    expect(rows).toEqual([
      { id: 's1', prompt: '1+1=' },
      { id: 's5', prompt: '5+1=' },
    ]);
    expect(await scorer.score([item('4', rows[0]), item('6', rows[1]), item('いち', rows[0])])).toEqual([-2, -0, NaN]);
    expect(() => scorer.check!({ id: 's9' })).toThrow('sums has no sample with the id "s9"');
    const later = await taskPrompts({ ...sums, version: 4 }, sampleContext(sums));
    expect(later.scorer.hash).not.toBe(scorer.hash);
    const mended = { ...sums, samples: async () => ({ samples: [{ id: 's1', a: 2 }], shots: [] }) };
    const other = { ...sums, samples: async () => ({ samples: [{ id: 's1', a: 1 }], shots: [] }) };
    const [hash, otherHash] = await Promise.all(
      [mended, other].map(async (task) => (await taskPrompts(task as never, sampleContext(sums))).scorer.hash),
    );
    expect(hash).not.toBe(otherHash); // samples with the same ids, and other answers
  });

  it('has only tasks whose answers a rule scores', async () => {
    const [task] = await findTasks(['particle-cloze']);
    await expect(taskPrompts(task!, sampleContext(task!, { limit: 2 }))).rejects.toThrow(
      'particle-cloze cannot score an answer: it weighs the likelihood of choices',
    );
  });
});

describe('judgeScorer', () => {
  it('shows the judge what was asked, a model answer where there is one, and the answer', async () => {
    const judge = fakeBackend({ answer: () => ({ text: 'よい。[[8]]', finish: 'end' }) });
    const scorer = judgeScorer(judge, { reference: 'model' });
    const prompt = [
      { role: 'system', content: '短く。' },
      { role: 'user', content: '空は？' },
    ] as const;
    expect(await scorer.score([{ prompt, answer: '青い', row: { model: '青' } }])).toEqual([8]);
    const request = judge.asked[0] as unknown as { prompt: { content: string }[] };
    expect(request.prompt).toEqual(judgementPrompt(prompt, '青い', '青'));
    expect(request.prompt[1]!.content).toMatch(
      /^【質問】\n指示：短く。\n利用者：空は？\n\n【模範解答】\n青\n\n【採点する回答】\n青い\n\n/,
    );
    expect(judgementPrompt('空は？', '青い')[1]!.content).not.toContain('模範解答');
    expect(() => scorer.check!({})).toThrow('model should be a text');
  });

  it('asks again where there is no mark, and puts aside what gets none', async () => {
    const asked = new Map<string, number>();
    const draws: unknown[] = [];
    const judge = fakeBackend({
      answer(request) {
        const text = JSON.stringify((request as { prompt: unknown }).prompt);
        const name = /答案(.)/.exec(text)![1]!;
        const times = (asked.get(name) ?? 0) + 1;
        asked.set(name, times);
        const { temperature, seed } = request as unknown as Record<string, number>;
        if (name === 'は') draws.push([temperature, seed]);
        if (name === 'い') return { text: '[[3]]', finish: 'end' };
        if (name === 'ろ') return { text: times < 3 ? '点は[[11]]' : '[[10]]', finish: 'end' };
        return { text: '', finish: 'refused', reason: '不適切' };
      },
    });
    const aside: string[][] = [];
    const scorer = judgeScorer(judge, { onFailure: ({ answer }, reason) => aside.push([answer, reason]) });
    expect(await scorer.score(['答案い', '答案ろ', '答案は'].map((answer) => item(answer)))).toEqual([3, 10, NaN]);
    expect(Object.fromEntries(asked)).toEqual({ い: 1, ろ: 3, は: 3 });
    expect(draws).toEqual([
      [0, 0],
      [0.7, 1],
      [0.7, 2],
    ]);
    expect(aside).toEqual([['答案は', 'the judge did not answer: 不適切']]);
  });

  it('asks an endpoint, and waits for one that is busy', async () => {
    let busy = 2;
    const service = await Service.start((path, { messages }) => {
      if (!path.endsWith('/chat/completions')) return [404, { error: { message: 'no' } }];
      if (busy-- > 0) return [503, { error: { message: 'busy' } }, { 'retry-after': '0' }];
      const long = (messages as { content: string }[])[1]!.content.includes('とても長い');
      return [200, { choices: [{ message: { content: long ? '[[9]]' : '[[2]]' }, finish_reason: 'stop' }] }];
    });
    await using judge = await openBackend({ model: 'j', endpoint: service.address, chat: 'chat' });
    const scorer = judgeScorer(judge);
    expect(scorer.name).toContain('judge j at http://127.0.0.1');
    expect(await scorer.score([item('とても長い答え'), item('短い')])).toEqual([9, 2]);
    expect(service.asked.length).toBe(4);
  });

  it('is another one for another judge, or with a model answer', () => {
    const hashes = [
      judgeScorer(fakeBackend()),
      judgeScorer(fakeBackend({ fingerprint: 'g' })),
      judgeScorer(fakeBackend(), { reference: 'answer' }),
      judgeScorer({ ...fakeBackend(), settings: { reasoning: 'high' } } as never),
    ].map(({ hash }) => hash);
    expect(new Set(hashes).size).toBe(4);
  });
});
