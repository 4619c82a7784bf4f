// Japanese MT-Bench: conversations of two turns, graded 1 … 10 by a judge, each answer by itself. Zheng et al. 2023, "Judging
// LLM-as-a-Judge with MT-Bench and Chatbot Arena"; Japanese questions by Stability AI. The questions' file holds no prompts for
// the judge: the wording below is ours, so results compare with each other and not with published ones.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deriveSeed, invariant, sha256 } from '../../base/index.ts';
import type { Message } from '../../text/index.ts';
import type { GenerateRequest } from '../request.ts';
import type { DataSource, JudgedTask, SampleRecord, TaskContext } from '../task.ts';
import { fill } from './llm-jp-eval.ts';
import { distinct, readJsonLines } from './rows.ts';

const data: DataSource = {
  files: ['ja-mt-bench/question.jsonl'],
  origin: 'github.com/Stability-AI/FastChat (branch jp-stable), fastchat/llm_judge/data/japanese_mt_bench',
  licence: 'Apache-2.0',
};

/** Sampling temperature by category, FastChat's. */
const temperatures = {
  writing: 0.7,
  roleplay: 0.7,
  stem: 0.1,
  humanities: 0.1,
  extraction: 0,
  math: 0,
  coding: 0,
  reasoning: 0,
} as const;
type Category = keyof typeof temperatures;
const categories = Object.keys(temperatures) as Category[];

/** FastChat's `max-new-token`. */
const MAX_TOKENS = 1024;

export interface Question {
  id: string;
  category: Category;
  turns: string[];
  /** Good answers to both turns. */
  references?: string[];
}

/** The questions, with references where `reference_answer.jsonl` (FastChat's format) lies beside them. @throws DataError */
export function readQuestions(file: string): Question[] {
  const beside = join(dirname(file), 'reference_answer.jsonl');
  const answered = (existsSync(beside) ? readJsonLines(beside) : []).map((row) => ({
    id: String(row.integer('question_id', 0, Number.MAX_SAFE_INTEGER)),
    turns: row.rows('choices')[0]!.texts('turns', 2),
  }));
  const references = new Map(distinct(beside, answered).map(({ id, turns }) => [id, turns]));
  const questions = readJsonLines(file).map((row): Question => {
    const id = String(row.integer('question_id', 0, Number.MAX_SAFE_INTEGER));
    const reference = references.get(id);
    return {
      id,
      category: row.oneOf('category', categories),
      turns: row.texts('turns', 2),
      ...(reference && { references: reference }),
    };
  });
  return distinct(file, questions);
}

const judging = {
  system: 'あなたは公平で厳密な採点者です。AIアシスタントの回答の質を採点します。',
  turn: '【質問{n}】\n{question}\n\n{reference}【質問{n}への回答】\n{answer}',
  reference: '【質問{n}の模範解答】\n{reference}\n\n',
  task: '上の会話の、質問{n}への回答だけを採点してください。質問に沿っているか、正確か、役に立つか、十分に深く具体的かを見ます。長さや丁寧さだけで高い点を付けてはいけません。質問が求めていないのに日本語以外で書かれた回答は低く採点してください。',
  compare: '模範解答と比べ、誤りがあれば指摘してください。',
  rating:
    'まず採点の理由を短く述べ、最後に1から10までの整数の点数を二重の角括弧に入れて、[[5]]のように書いてください。',
};

/** What the judge is asked about the answer of a turn (0 or 1), given the answers so far. */
export function judgePrompt({ turns, references }: Question, turn: number, answers: readonly string[]): Message[] {
  const talk = turns.slice(0, turn + 1).map((question, i) => {
    const n = String(i + 1);
    const reference = references ? fill(judging.reference, { n, reference: references[i]! }) : '';
    return fill(judging.turn, { n, question, reference, answer: answers[i]! });
  });
  const order = fill(judging.task, { n: String(turn + 1) });
  return [
    { role: 'system', content: judging.system },
    {
      role: 'user',
      content: `${talk.join('\n\n')}\n\n${order}${references ? judging.compare : ''}\n${judging.rating}`,
    },
  ];
}

/** One mark between 1 and 10, maybe after a label and with what it is out of: "8", "点数: 7.5", "8/10", "10点". */
const mark = /^(?:[^\d-]*[:=] *)?(\d+(?:\.\d+)?) *点? *(?:\/ *10 *点?)?$/;

/**
 * The rating of a judgement: the last [[…]] with a digit in it decides, since the reasons before may repeat the example or weigh
 * other marks. Digits and brackets may be full-width or escaped. undefined when that is no one mark from 1 to 10 (a range, out of
 * 100), or there is none.
 */
export function readRating(judgement: string): number | undefined {
  const plain = judgement.normalize('NFKC').replace(/[*`\\]/g, '');
  const last = [...plain.matchAll(/\[\[([^[\]]*\d[^[\]]*)\]\]/g)].at(-1)?.[1]?.trim();
  const rating = Number(mark.exec(last ?? '')?.[1] ?? Number.NaN);
  return rating >= 1 && rating <= 10 ? rating : undefined;
}

const conversation = ({ turns }: Question, turn: number, answers: readonly string[]): Message[] =>
  turns.slice(0, turn + 1).flatMap((content, i): Message[] => {
    const question: Message = { role: 'user', content };
    return i < turn ? [question, { role: 'assistant', content: answers[i]! }] : [question];
  });

function requestOf(prompt: Message[], maxTokens: number, temperature: number, seed: number): GenerateRequest {
  return { kind: 'generate', prompt, maxTokens, stop: [], temperature, topP: 1, seed };
}

async function run(context: TaskContext) {
  const { judge, chat, seed, keepTexts } = context;
  invariant(judge && chat, 'what a task needs is there');
  const all = readQuestions(context.file(data.files[0]!));
  const questions = all.slice(0, context.limit);
  const answers: string[][] = questions.map(() => []);
  const records: SampleRecord[] = [];
  for (const turn of [0, 1]) {
    const ids = questions.map(({ id }) => `${id}/${turn + 1}`);
    const requests = questions.map((question, i) =>
      requestOf(
        conversation(question, turn, answers[i]!),
        MAX_TOKENS,
        temperatures[question.category],
        deriveSeed(seed, 'ja-mt-bench', question.id, turn),
      ),
    );
    for (const [i, { text }] of (await context.ask(requests, ids)).entries()) answers[i]!.push(text.trim());
    const judgements = await judge.ask(
      questions.map((question, i) => requestOf(judgePrompt(question, turn, answers[i]!), 2048, 0, 0)),
      ids,
    );
    for (const [i, question] of questions.entries()) {
      const judgement = judgements[i]!.text;
      const rating = readRating(judgement);
      records.push({
        id: ids[i]!,
        metrics: rating === undefined ? { unrated: 1 } : { unrated: 0, score: rating },
        groups: [question.category, `turn ${turn + 1}`],
        ...(keepTexts && {
          prompt: requests[i]!,
          answer: { text: answers[i]![turn], judgement },
          target: question.references?.[turn],
        }),
      });
    }
  }
  const missing = categories.filter((category) => all.every((question) => question.category !== category));
  return {
    records,
    aggregate: {
      score: (some: readonly SampleRecord[]) => meanOf(some.flatMap(({ metrics }) => metrics['score'] ?? [])),
      unrated: (some: readonly SampleRecord[]) => meanOf(some.map(({ metrics }) => metrics['unrated']!)),
    },
    settings: {
      questions: questions.length,
      missingCategories: missing.join(', ') || 'none',
      references: questions.filter(({ references }) => references).length,
      judge: judge.name,
      judgeWording: `ours, SHA-256 ${judgeHash.slice(0, 16)}`,
      unrated: records.filter(({ metrics }) => metrics['unrated'] === 1).length,
      maxTokens: MAX_TOKENS,
    },
    promptHash: judgeHash,
  };
}

const judgeHash = sha256(JSON.stringify(judging));

/** NaN for none. */
function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const task: JudgedTask<Question> = {
  name: 'ja-mt-bench',
  version: 2,
  summary: 'conversations of two turns, graded 1 to 10 by a judge (--judge-model)',
  metric: 'score',
  kind: 'judged',
  needs: ['judge', 'chat'],
  data,
  async samples({ file, limit }) {
    return { samples: readQuestions(file(data.files[0]!)).slice(0, limit), shots: [] };
  },
  // The first turn: what is said in the second depends on the model's own answer.
  prompt: (question) => conversation(question, 0, []),
  reference: ({ references }) => references?.[0],
  run,
};
export default task;
