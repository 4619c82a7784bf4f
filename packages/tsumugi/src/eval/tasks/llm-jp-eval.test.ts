// The protocol of llm-jp-eval: prompts letter for letter.
import { expect, it } from 'vitest';
import { requireExamples } from '../examples.ts';
import { fill, llmJpEvalPrompt, llmJpEvalTask } from './llm-jp-eval.ts';
import { fakeContext } from './tasks.testing.ts';

const instruction = '指示文。';
const [one, two] = [
  { id: '1', input: '質問：一', output: '壱' },
  { id: '2', input: '質問：二', output: '弐' },
];

it('is the template of llm-jp-eval', () => {
  const header =
    '以下は、タスクを説明する指示と、文脈のある入力の組み合わせです。要求を適切に満たす応答を書きなさい。\n\n### 指示:\n指示文。';
  expect(llmJpEvalPrompt(instruction, one!, [])).toBe(`${header}\n\n### 入力:\n質問：一\n\n### 応答:\n`);
  expect(llmJpEvalPrompt(instruction, one!, [two!])).toBe(
    `${header}\n\n### 入力:\n質問：二\n\n### 応答:\n弐\n\n### 入力:\n質問：一\n\n### 応答:\n`,
  );
  const own = { ...one!, ownExamples: [{ id: '3', input: '質問：三', output: '参' }, two!] };
  expect(llmJpEvalPrompt(instruction, own, [two!])).toContain(
    '### 入力:\n質問：三\n\n### 応答:\n参\n\n### 入力:\n質問：一',
  );
});

it('fills fields, and leaves braces in their values alone', () => {
  expect(fill('{a}と{b}と{c}', { a: '{b}', b: '$&' })).toBe('{b}と$&と{c}');
});

it('refuses more examples than there are', () => {
  expect(() => requireExamples(5, { shots: 6 })).toThrow('--shots 6 asks for more examples than the 5 there are');
  requireExamples(5, { shots: 5 });
  requireExamples(0, { shots: undefined });
});

const task = llmJpEvalTask({
  name: 't',
  version: 1,
  summary: '',
  metric: 'exact_match',
  data: { files: ['t.jsonl'], origin: 'made up', licence: 'CC0-1.0' },
  instruction,
  form: '質問：{q}',
  wordingFrom: 'ours',
  maxTokens: 2,
  labels: ['壱', '弐弐弐'],
  load: () => ({ samples: [one!, { ...one!, id: '4' }], examples: [two!] }),
  score: (answer, target) => ({ exact_match: answer === target ? 1 : 0 }),
});

it('reads the answer up to the blank line, in NFKC, and asks greedily', async () => {
  const context = fakeContext(task, '', { write: () => ' 壱\n\n### 入力:' });
  const result = await task.run(context);
  expect(result.records.map(({ metrics }) => metrics)).toEqual([{ exact_match: 1 }, { exact_match: 1 }]);
  expect(context.asked[0]).toMatchObject({ maxTokens: 2, temperature: 0, stop: ['\n\n'] });
  expect(result.settings).toEqual({ shots: 1, wording: 'ours', form: 'completion', maxTokens: 2, temperature: 0 });
});

it('makes room for the longest label when the tokens of the model are small', async () => {
  const context = fakeContext(task, '', { write: () => '' }, { countTokens: (text) => text.length });
  expect((await task.run(context)).settings).toMatchObject({ maxTokens: 3 });
  expect(context.asked[0]).toMatchObject({ maxTokens: 3 });
});

it('asks a model that chats in a message', async () => {
  const context = fakeContext(task, '', { write: () => '壱' }, { chat: true });
  const { settings, promptHash } = await task.run(context);
  expect(context.asked[0]).toMatchObject({
    prompt: [{ role: 'user', content: llmJpEvalPrompt(instruction, one!, [two!]) }],
  });
  expect(settings).toMatchObject({ form: 'chat' });
  expect(promptHash).toMatch(/^[0-9a-f]{64}$/);
});
