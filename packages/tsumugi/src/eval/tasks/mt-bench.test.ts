// Japanese MT-Bench with a judge that is made up: turns, ratings, what cannot be rated.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Message } from '../../text/index.ts';
import { checkNeeds } from '../checks.ts';
import type { GenerateRequest } from '../request.ts';
import task, { judgePrompt, readQuestions, readRating } from './mt-bench.ts';
import { dataFolder, fakeContext, requiresFiles, shared, written } from './tasks.testing.ts';

const name = 'ja-mt-bench/question.jsonl';
const rows = [
  { question_id: 11, category: 'writing', turns: ['詩を書いて。', '短くして。'] },
  { question_id: 12, category: 'math', turns: ['1+1は？', '倍は？'] },
];
const lines = (values: object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
const files = {
  [name]: lines(rows),
  'ja-mt-bench/reference_answer.jsonl': lines([{ question_id: 12, choices: [{ turns: ['2です。', '4です。'] }] }]),
};

it.each<[string, number | undefined]>([
  ['[[7]]', 7],
  ['理由…\n[[8.5]]', 8.5],
  ['[[ 9 ]]', 9],
  ['[[10]]', 10],
  // Written in other ways.
  ['[[８]]', 8],
  ['［［７．５］］', 7.5],
  ['**[[7]]**', 7],
  ['[[**6**]]', 6],
  ['\\[\\[4\\]\\]', 4],
  ['[[8/10]]', 8],
  ['[[8／10点]]', 8],
  ['[[10点]]', 10],
  ['[[点数：9]]', 9],
  ['[[評価: 7.5 / 10]]', 7.5],
  // The last decides.
  ['[[5]]のように書くと … 点数：[[ 9 ]]', 9],
  ['創造性 [[6]]、正確さ [[7]]、総合 [[8]]', 8],
  ['[[3]] [[点数]]', 3],
  ['[[5]]のように … [[7-8]]', undefined],
  ['[[5]]のように … [[11]]', undefined],
  // No one mark from 1 to 10.
  ['7', undefined],
  ['[7]', undefined],
  ['[[0]]', undefined],
  ['[[11]]', undefined],
  ['[[-3]]', undefined],
  ['[[7〜8]]', undefined],
  ['[[80/100]]', undefined],
  ['[[8/5]]', undefined],
  ['[[点数]]', undefined],
  ['', undefined],
])('reads %j as the rating %j', (judgement, rating) => {
  expect(readRating(judgement)).toBe(rating);
});

it('talks in two turns, has each graded, and counts what has no rating', async () => {
  using folder = dataFolder(files);
  const judged: GenerateRequest[] = [];
  const judge = {
    name: 'grader',
    async ask(requests: readonly GenerateRequest[]) {
      judged.push(...requests);
      return requests.map((_request, i) =>
        written(judged.length <= 2 ? `[[${6 + i}]]` : i === 0 ? '点数なし' : '[[9]]'),
      );
    },
  };
  const context = fakeContext(
    task,
    folder.path,
    { write: (prompt) => `「${prompt}」への答え ` },
    { judge, chat: true },
  );
  const { records, aggregate, settings } = await task.run(context);
  const asked = context.asked as GenerateRequest[];
  expect(asked.map(({ temperature }) => temperature)).toEqual([0.7, 0, 0.7, 0]);
  expect(asked[2]!.prompt).toEqual([
    { role: 'user', content: '詩を書いて。' },
    { role: 'assistant', content: '「詩を書いて。」への答え' },
    { role: 'user', content: '短くして。' },
  ]);
  expect(new Set(asked.map(({ seed }) => seed)).size).toBe(4);
  expect(records.map(({ id, metrics, groups }) => [id, metrics, groups])).toEqual([
    ['11/1', { unrated: 0, score: 6 }, ['writing', 'turn 1']],
    ['12/1', { unrated: 0, score: 7 }, ['math', 'turn 1']],
    ['11/2', { unrated: 1 }, ['writing', 'turn 2']],
    ['12/2', { unrated: 0, score: 9 }, ['math', 'turn 2']],
  ]);
  expect(aggregate!['score']!(records)).toBeCloseTo(22 / 3, 12);
  expect(aggregate!['unrated']!(records)).toBe(0.25);
  expect(aggregate!['score']!(records.slice(2, 3))).toBeNaN();
  expect(settings).toMatchObject({ questions: 2, references: 1, judge: 'grader', unrated: 1 });
  expect(settings['missingCategories']).toBe('roleplay, stem, humanities, extraction, coding, reasoning');
  const [plain, referenced] = [judged[0]!, judged[3]!].map(({ prompt }) => (prompt as readonly Message[])[1]!.content);
  expect(plain).toMatch(
    /^【質問1】\n詩を書いて。\n\n【質問1への回答】\n「詩を書いて。」への答え\n\n上の会話の、質問1への回答だけを/,
  );
  expect(plain).not.toContain('模範解答');
  expect(referenced).toMatch(
    /^【質問1】\n1\+1は？\n\n【質問1の模範解答】\n2です。\n\n【質問1への回答】\n.*\n\n【質問2】\n倍は？\n\n【質問2の模範解答】\n4です。\n\n【質問2への回答】\n.*\n\n上の会話の、質問2への回答だけを.*模範解答と比べ/,
  );
});

it("puts braces of an answer into the judge's prompt as they are", () => {
  const [, { content }] = judgePrompt({ id: '1', category: 'coding', turns: ['{answer}', '次'] }, 0, [
    '{question} $&',
  ]) as [Message, Message];
  expect(content).toContain('【質問1】\n{answer}\n\n【質問1への回答】\n{question} $&\n');
});

it('needs a judge and a model that chats', () => {
  expect(() => checkNeeds(task, { judge: false, chat: true })).toThrow(/graded by a judge.*--judge-model/s);
  expect(() => checkNeeds(task, { judge: true, chat: false })).toThrow(/holds conversations.*--chat chat/s);
  expect(() => checkNeeds(task, { judge: true, chat: true })).not.toThrow();
});

it('refuses a question, or a reference, that stands twice', () => {
  using folder = dataFolder({ ...files, [name]: lines([rows[0]!, rows[1]!, rows[0]!]) });
  expect(() => readQuestions(join(folder.path, name))).toThrow('samples 1 and 3 have the same id, "11"');
  const reference = { question_id: 12, choices: [{ turns: ['2です。', '4です。'] }] };
  using other = dataFolder({ ...files, 'ja-mt-bench/reference_answer.jsonl': lines([reference, reference]) });
  expect(() => readQuestions(join(other.path, name))).toThrow('samples 1 and 2 have the same id, "12"');
});

it('names a malformed row', () => {
  using folder = dataFolder({ [name]: lines([rows[0]!, { ...rows[1]!, turns: ['一つだけ'] }]) });
  expect(() => readQuestions(join(folder.path, name))).toThrow(
    'question.jsonl, row 2: "turns" should be a list of 2 texts',
  );
});

it('reads the published questions', requiresFiles(shared, name), () => {
  // The copy lacks the ten questions each of math and coding.
  const questions = readQuestions(join(shared, name));
  expect(questions).toHaveLength(60);
  expect(questions[0]).toMatchObject({ id: '11', category: 'extraction' });
  expect(questions.at(-1)).toMatchObject({ id: '80', category: 'writing' });
});
