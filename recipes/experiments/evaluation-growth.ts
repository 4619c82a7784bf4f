// Time against size of what an evaluation does with answers, data and caches: docs/results/2026-11-28-faults.md has the table.
//
//   node recipes/experiments/evaluation-growth.ts [PART OF A NAME]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AnswerCache } from '../../packages/tsumugi/src/eval/answer-cache.ts';
import { readGenerated } from '../../packages/tsumugi/src/eval/backends/openai-answer.ts';
import { readBody } from '../../packages/tsumugi/src/eval/backends/openai-body.ts';
import { CachedClient } from '../../packages/tsumugi/src/eval/cached-client.ts';
import { fakeBackend } from '../../packages/tsumugi/src/eval/eval.testing.ts';
import { bleu, bootstrapMean, charF1, chrf, setF1, spearman } from '../../packages/tsumugi/src/eval/index.ts';
import { parseCsv } from '../../packages/tsumugi/src/eval/tasks/csv.ts';
import { passesLoose } from '../../packages/tsumugi/src/eval/tasks/m-ifeval/check.ts';
import { verifiers } from '../../packages/tsumugi/src/eval/tasks/m-ifeval/registry.ts';
import { Fields, type Tools } from '../../packages/tsumugi/src/eval/tasks/m-ifeval/verifier.ts';
import { readRating } from '../../packages/tsumugi/src/eval/tasks/mt-bench.ts';
import { strip } from '../../packages/tsumugi/src/eval/tasks/pfgen/prompt.ts';
import { readJsonLines } from '../../packages/tsumugi/src/eval/tasks/rows.ts';
import { type GrowthCase, printGrowth } from './growth.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-growth-'));
const tools: Tools = {
  tokens: (text) => [...text].map((surface) => ({ surface, noun: true })),
  language: () => undefined,
  languages: [],
};

/** The loose check of an answer, eight readings of it, that looks like what the check looks for. */
const loose = (id: string, values: object, text: (n: number) => string) => (n: number) => {
  const passes = verifiers[`ja:${id}`]!(new Fields(values as Record<string, unknown>, '', 0, id), tools);
  const response = text(n);
  return () => passesLoose(response, passes);
};
const generate = (i: number) =>
  ({ kind: 'generate', prompt: `${i}`, maxTokens: 1, stop: [], temperature: 0, topP: 1, seed: 0 }) as const;
const answered = (text: string) => ({ choices: [{ text }] });
const model = { kind: 'k', fingerprint: 'f' };
const atLeast = { relation: '以上', num_sentences: 9 };

const cases: GrowthCase[] = [
  [
    'keep n answers',
    4000,
    (n) => () => {
      using cache = new AnswerCache(join(home, `${n}`), model);
      for (let i = 0; i < n; i++) cache.put(`${i}`, { text: 'あ'.repeat(50), finish: 'end' });
    },
  ],
  ['open n kept answers', 4000, (n) => () => new AnswerCache(join(home, `${n}`), model)[Symbol.dispose]()],
  [
    'ask n requests',
    4000,
    (n) => () => new CachedClient(fakeBackend()).ask(Array.from({ length: n }, (_, i) => generate(i))),
  ],
  [
    'read n JSON lines',
    8000,
    (n) => {
      writeFileSync(join(home, `${n}.jsonl`), '{"a":"あいうえお"}\n'.repeat(n));
      return () => readJsonLines(join(home, `${n}.jsonl`));
    },
  ],
  ['read n CSV records', 8000, (n) => () => parseCsv('a,"b ""c""",d\r\n'.repeat(n), 'x')],
  [
    'read an answer with n characters of reasoning',
    100_000,
    (n) => () =>
      readGenerated(answered(`<think>${'あ\n'.repeat(n / 2)}</think>x`), { stops: ['\n\n'], keepReasoning: false }),
  ],
  [
    'read an answer with n thoughts',
    4000,
    (n) => () => readGenerated(answered('<think>あ</think>'.repeat(n)), { stops: [], keepReasoning: false }),
  ],
  [
    'read a stream of n pieces',
    4000,
    (n) => () => readBody(`${'data: {"choices":[{"delta":{"content":"あ"}}]}\n\n'.repeat(n)}data: [DONE]\n\n`),
  ],
  ['rating after n [', 10_000, (n) => () => readRating('['.repeat(n))],
  ['pfgen: strip n spaces inside', 5000, (n) => () => strip(`a${' '.repeat(n)}b`)],
  ['char_f1 of n characters', 1000, (n) => () => charF1('あい'.repeat(n / 2), 'いあ'.repeat(n / 2))],
  ['chrf of n characters', 20_000, (n) => () => chrf('あいう'.repeat(n / 3), 'いあえ'.repeat(n / 3))],
  ['bleu of n words', 20_000, (n) => () => bleu('a b c '.repeat(n / 3), 'b a d '.repeat(n / 3))],
  [
    'set_f1 of n lines',
    4000,
    (n) => {
      const lines = Array.from({ length: n }, (_, i) => `${i}`).join('\n');
      return () => setF1(lines, lines);
    },
  ],
  [
    'spearman of n pairs',
    50_000,
    (n) => {
      const values = Array.from({ length: n }, (_, i) => (i * 7919) % n);
      return () => spearman(values, values.toReversed());
    },
  ],
  [
    'bootstrap of n values',
    2000,
    (n) => () =>
      bootstrapMean(
        Array.from({ length: n }, (_, i) => i % 2),
        { seed: 0 },
      ),
  ],
  [
    'placeholders in n [',
    4000,
    loose('detectable_content:number_placeholders', { num_placeholders: 1 }, (n) => '['.repeat(n)),
  ],
  [
    'bullets in n blank lines',
    4000,
    loose('detectable_format:number_bullet_lists', { num_bullets: 1 }, (n) => `a${'\n'.repeat(n)}b`),
  ],
  [
    'numbered items in n digits',
    4000,
    loose('detectable_format:number_numbered_lists', { num_items: 1 }, (n) => '1'.repeat(n)),
  ],
  [
    'numbered items in n blank lines',
    4000,
    loose('detectable_format:number_numbered_lists', { num_items: 1 }, (n) => `a${'\n'.repeat(n)}b`),
  ],
  [
    'highlights in n 《',
    4000,
    loose('detectable_format:number_highlighted_sections', { num_highlights: 1 }, (n) => '《'.repeat(n)),
  ],
  ['titles in n 『', 4000, loose('detectable_format:title', {}, (n) => '『'.repeat(n))],
  [
    'sections in n digits',
    4000,
    loose(
      'detectable_format:multiple_sections',
      { num_sections: 1, section_spliter: '章' },
      (n) => `第${'1'.repeat(n)}`,
    ),
  ],
  ['noun endings in n 「', 4000, loose('detectable_format:nominal_ending', { count: 1 }, (n) => '「'.repeat(n))],
  [
    'paragraphs in n spaces',
    4000,
    loose('length_constraints:number_paragraphs', { num_paragraphs: 2 }, (n) => `a${' '.repeat(n)}b`),
  ],
  ['sentences in n 「', 4000, loose('length_constraints:number_sentences', atLeast, (n) => '「'.repeat(n))],
  [
    'sentences in n lines that go on',
    4000,
    loose('length_constraints:number_sentences', atLeast, (n) => 'あの\n'.repeat(n)),
  ],
  ['endings in n 『', 4000, loose('startend:sentence_unified_end', { ending: 'ね' }, (n) => '『'.repeat(n))],
  ['readings of n kanji', 4000, loose('letters:furigana', {}, (n) => '漢'.repeat(n))],
];

await printGrowth(import.meta.url, cases);
rmSync(home, { recursive: true });
