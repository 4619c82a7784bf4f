// Commands that answer each line of JSON on standard input with one on standard output.
import { DataError, isObject, parseJson, UserError } from '../base/index.ts';
import { type Io, readLines, write } from './io.ts';

/** Answers are gathered into writes of this size, unless they take longer than this. */
const FLUSH_CHARACTERS = 1 << 16;
const FLUSH_MS = 50;

/**
 * Reads objects, one per line, and writes what `answer` makes of each as one line. `shape` shows such an object,
 * for errors. A line that is wrong ends it: what came before is answered, the error names the line.
 *
 * @throws DataError when a line is not such an object, or `answer` refuses it with a UserError
 */
export async function answerLines(
  io: Io,
  shape: string,
  answer: (record: Record<string, unknown>) => string,
): Promise<void> {
  for await (const lines of readLines(io.stdin)) {
    let answers = '';
    let nextFlush = performance.now() + FLUSH_MS;
    try {
      for (const { text, number } of lines) {
        answers += `${answerLine(text, number, shape, answer)}\n`;
        if (answers.length < FLUSH_CHARACTERS && performance.now() < nextFlush) continue;
        const ready = answers;
        answers = '';
        await write(io.stdout, ready);
        nextFlush = performance.now() + FLUSH_MS;
      }
    } finally {
      await write(io.stdout, answers);
    }
  }
}

function answerLine(
  text: string,
  number: number,
  shape: string,
  answer: (record: Record<string, unknown>) => string,
): string {
  const refuse = (code: string, fault: string, remedy: string, cause?: unknown) =>
    new DataError(code, `line ${number} of standard input ${fault}`, { remedy, fields: { line: number }, cause });
  let record: unknown;
  try {
    record = parseJson(text);
  } catch (cause) {
    throw refuse(
      'not-json',
      `is not JSON: ${(cause as Error).message}`,
      `Write one object such as ${shape} per line.`,
      cause,
    );
  }
  if (!isObject(record)) {
    throw refuse(
      'not-an-object',
      `is no JSON object: ${text.slice(0, 40)}`,
      `Write one object such as ${shape} per line.`,
    );
  }
  try {
    return answer(record);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw refuse(
      error.code,
      `cannot be used: ${error.fault}`,
      error.remedy ?? `Write one object such as ${shape} per line.`,
      error,
    );
  }
}

/** The string in a field. @throws DataError */
export function stringField(record: Record<string, unknown>, name: string): string {
  const value = record[name];
  if (typeof value === 'string') return value;
  throw new DataError('bad-field', `"${name}" ${describe(value)}, expected a string`);
}

/** The list of whole numbers in a field. @throws DataError */
export function integersField(record: Record<string, unknown>, name: string): number[] {
  const value = record[name];
  if (Array.isArray(value) && value.every((item) => Number.isSafeInteger(item))) return value;
  throw new DataError('bad-field', `"${name}" ${describe(value)}, expected a list of whole numbers`);
}

function describe(value: unknown): string {
  if (value === undefined) return 'is missing';
  const text = JSON.stringify(value);
  return `is ${text.length > 40 ? `${text.slice(0, 40)}…` : text}`;
}
