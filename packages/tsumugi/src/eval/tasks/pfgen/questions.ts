// The questions of pfgen-bench (Qnn.json), and the reference answers that are shown as examples (questions.jsonl).
import { createHash } from 'node:crypto';
import { decodeUtf8, FormatError, invariant, isObject, parseJson } from '../../../base/index.ts';
import type { QuestionFile } from './question-files.ts';

/** What a helpful answer mentions: one literal text, all of some rules, or any of them. */
export type Rule = { importance: number } & (
  | { kind: 'text'; text: string }
  | { kind: 'and' | 'or'; rules: readonly Rule[] }
);

export interface Question {
  /** "Q01". */
  id: string;
  question: string;
  category: string;
  rules: readonly Rule[];
  /** Reference texts by group: P (PFN), T (Titech), S (Stockmark), R (RAG), in the file's order. */
  groups: ReadonlyMap<string, readonly string[]>;
  /** SHA-1 of the file, in hexadecimal. */
  sha1: string;
}

/** A question with the answer that is shown to the model as an example. */
export interface ReferenceAnswer {
  question: string;
  answer: string;
}

/** Reports that a field of a file is not what it should be. */
function wrong(file: string, field: string, expected: string, value: unknown): FormatError {
  const found = value === undefined ? 'is missing' : `is ${JSON.stringify(value).slice(0, 60)}`;
  return new FormatError('bad-question', `${file}: "${field}" ${found}; expected ${expected}`, {
    remedy: 'Correct the file, or fetch it again.',
    fields: { file, field },
  });
}

function parseObject(text: string, file: string, field: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new FormatError('not-json', `${file}${field && `, ${field}`} is not JSON: ${(cause as Error).message}`, {
      remedy: 'Correct the file, or fetch it again.',
      fields: { file },
      cause,
    });
  }
  if (!isObject(value)) throw wrong(file, field, 'an object', value);
  return value;
}

function text(value: unknown, file: string, field: string): string {
  if (typeof value !== 'string' || value === '') throw wrong(file, field, 'a text', value);
  return value;
}

/** The patterns are regular expressions in the original; all that occur are literal, and nothing else is read. */
function pattern(value: unknown, file: string, field: string): string {
  const literal = text(value, file, field);
  if (/[\\^$.*+?()[\]{}|]/.test(literal))
    throw wrong(file, field, 'a text without signs of regular expressions', value);
  return literal;
}

function parseRule(value: unknown, file: string, field: string): Rule {
  if (!isObject(value)) throw wrong(file, field, 'an object with "t", "and" or "or"', value);
  const importance = value['importance'] ?? 1;
  if (typeof importance !== 'number' || !(importance >= 0 && importance <= 1))
    throw wrong(file, `${field}.importance`, 'a number from 0 to 1', importance);
  if ('t' in value) return { kind: 'text', text: pattern(value['t'], file, `${field}.t`), importance };
  const kind = 'and' in value ? 'and' : 'or';
  const rules = value[kind];
  if (!Array.isArray(rules) || rules.length === 0) throw wrong(file, `${field}.${kind}`, 'a list of rules', rules);
  return {
    kind,
    rules: rules.map((rule: unknown, i) => parseRule(rule, file, `${field}.${kind}[${i}]`)),
    importance,
  };
}

/** The tables count texts in 16 bits. */
const MAX_TEXTS = 65_535;

function parseTexts(value: unknown, file: string, field: string): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_TEXTS)
    throw wrong(file, field, `a list of 1 to ${MAX_TEXTS} texts`, value);
  const bad = value.findIndex((entry) => typeof entry !== 'string');
  if (bad >= 0) throw wrong(file, `${field}[${bad}]`, 'a text', value[bad]);
  if (value.every((entry) => entry === '')) throw wrong(file, field, 'a text that is not empty', value);
  return value as string[];
}

/** Reads a Qnn.json. @throws FormatError naming file and field */
export function readQuestion({ name: file, read }: QuestionFile): Question {
  const bytes = read();
  const value = parseObject(decodeUtf8(bytes, file), file, '');
  const answers = value['answers'];
  const keywords = value['keywords'];
  if (!isObject(answers) || Object.keys(answers).length === 0)
    throw wrong(file, 'answers', 'an object of groups with their texts', answers);
  if (!Array.isArray(keywords)) throw wrong(file, 'keywords', 'a list of rules', keywords);
  return {
    id: text(value['question_id'], file, 'question_id'),
    question: text(value['question'], file, 'question'),
    category: text(value['category'], file, 'category'),
    rules: keywords.map((rule: unknown, i) => parseRule(rule, file, `keywords[${i}]`)),
    groups: new Map(
      Object.entries(answers).map(([group, texts]) => [group, parseTexts(texts, file, `answers.${group}`)]),
    ),
    sha1: createHash('sha1').update(bytes).digest('hex'),
  };
}

/** Reads questions.jsonl: the order of the records is the benchmark's. @throws FormatError naming file, row and field */
export function readReferenceAnswers({ name: file, read }: QuestionFile): ReferenceAnswer[] {
  const lines = decodeUtf8(read(), file).split('\n');
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return [];
    const value = parseObject(line, file, `row ${i + 1}`);
    return {
      question: text(value['question'], file, `row ${i + 1}, question`),
      answer: text(value['answer'], file, `row ${i + 1}, answer`),
    };
  });
}

/** The hash that results name their questions by: SHA-1 of the files' SHA-1s in hexadecimal, in order of the files. */
export function metadataHash(questions: readonly Pick<Question, 'sha1'>[]): string {
  invariant(questions.length > 0, 'no questions to hash');
  return createHash('sha1')
    .update(questions.map(({ sha1 }) => sha1).join(''))
    .digest('hex');
}
