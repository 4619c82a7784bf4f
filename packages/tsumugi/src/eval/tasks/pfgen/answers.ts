// Stored answers: JSON lines {question, answer, timestamp}, all trials in one file or a file for each.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  DataError,
  decodeUtf8,
  FormatError,
  isObject,
  nearest,
  parseJson,
  readJsonValue,
} from '../../../base/index.ts';
import { readDecompressed } from '../../../text/index.ts';
import type { StoredAnswer } from './board.ts';

export interface AnswerFile {
  /** In the order of the file. */
  answers: StoredAnswer[];
  /** SHA-1 of the file as it is stored (of all trials' files one after the other), in hexadecimal. */
  inputHash: string;
  /** config.json beside the file, where there is one. */
  config?: Record<string, unknown>;
}

/** The files with answers that `path` stands for: itself; or in a folder all trials in one file, otherwise trial by trial. */
function filesOf(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found)
    throw new DataError('no-such-file', `${path} does not exist`, { remedy: 'Check the path.', fields: { path } });
  if (!found.isDirectory()) return [path];
  const names = readdirSync(path).sort();
  const whole = names.find((name) => /^trials\.jsonl(\.(xz|gz|zst))?$/.test(name));
  const files = whole ? [whole] : names.filter((name) => /^trial_\d+\.jsonl$/.test(name));
  if (files.length === 0)
    throw new DataError('no-answers', `${path} holds neither trials.jsonl, trials.jsonl.xz nor trial_001.jsonl`, {
      remedy: 'Name the file with the answers.',
      fields: { path },
    });
  return files.map((name) => join(path, name));
}

function badRow(file: string, row: number, message: string, field?: string, cause?: unknown): FormatError {
  return new FormatError('bad-answer', `${file}, row ${row} ${message}`, {
    remedy: 'A row should be {"question": "…", "answer": "…"}.',
    fields: { file, row, ...(field !== undefined && { field }) },
    cause,
  });
}

function parseRow(line: string, file: string, row: number): StoredAnswer {
  let value: unknown;
  try {
    value = parseJson(line);
  } catch (cause) {
    throw badRow(file, row, `is not JSON: ${(cause as Error).message}`, undefined, cause);
  }
  if (!isObject(value)) throw badRow(file, row, 'is no object');
  const { question, answer, timestamp } = value;
  if (typeof question !== 'string') throw badRow(file, row, 'has no text in "question"', 'question');
  if (typeof answer !== 'string') throw badRow(file, row, 'has no text in "answer"', 'answer');
  return { question, answer, ...(typeof timestamp === 'string' && { timestamp }) };
}

/** The config, as `result.json` repeats it. */
function readConfig(path: string): Record<string, unknown> | undefined {
  const remedy = 'Correct or remove it.';
  if (!existsSync(path)) return undefined;
  const config = readJsonValue(path, { remedy });
  if (isObject(config)) return config;
  throw new FormatError('not-an-object', `${path} should hold a JSON object`, { remedy, fields: { path } });
}

/**
 * Reads the answers in `path`: a .jsonl (also .xz, .gz, .zst), or a folder with trials.jsonl.xz, trials.jsonl or
 * trial_001.jsonl, ….
 *
 * @param questions the texts that may occur
 * @throws DataError or FormatError naming file, row and field
 */
export async function readAnswers(path: string, questions: readonly string[]): Promise<AnswerFile> {
  const files = filesOf(path);
  const known = new Set(questions);
  const hash = createHash('sha1');
  const answers: StoredAnswer[] = [];
  for (const file of files) {
    hash.update(readFileSync(file));
    const lines = decodeUtf8(await readDecompressed(file), file).split('\n');
    lines.forEach((line, i) => {
      if (line.trim() === '') return;
      const answer = parseRow(line, file, i + 1);
      if (!known.has(answer.question)) throw unknownQuestion(file, i + 1, answer.question, questions);
      answers.push(answer);
    });
  }
  const config = readConfig(join(dirname(files[0]!), 'config.json'));
  return { answers, inputHash: hash.digest('hex'), ...(config && { config }) };
}

function unknownQuestion(file: string, row: number, question: string, questions: readonly string[]): DataError {
  const near = nearest(question, questions);
  return new DataError('unknown-question', `${file}, row ${row}: there is no question "${question}"`, {
    remedy: near ? `Did you mean "${near}"?` : 'Use the questions that the answers were written for.',
    fields: { file, row, field: 'question' },
  });
}
