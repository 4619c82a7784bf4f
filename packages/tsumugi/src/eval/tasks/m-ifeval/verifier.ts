// What a verifiable instruction is: a function that reads its arguments once and returns the check of a response.
// The checks follow the Japanese part of M-IFEval (arXiv 2502.04688, github.com/lightblue-tech/M-IFEval), quirks included,
// so that results can be compared; docs/m-ifeval.md lists the quirks.
import { DataError, nearest } from '../../../base/index.ts';

/** A word as the morphological analyser cuts it. */
export interface Token {
  surface: string;
  noun: boolean;
}

/** What some checks need from outside. */
export interface Tools {
  /** Words of a text in order, white space included. */
  tokens(text: string): readonly Token[];
  /** ISO 639-1 code of the language of a text; undefined when it cannot be told (digits, emoji). */
  language(text: string): string | undefined;
  /** The codes that `language` can return. */
  languages: readonly string[];
}

/** Whether a response follows the instruction. Never called with a blank response. */
export type Check = (response: string) => boolean;

/** @throws DataError when an argument is missing or has the wrong type */
export type Verifier = (fields: Fields, tools: Tools) => Check;

const describe = (value: unknown) => (value === undefined ? 'missing' : JSON.stringify(value));

/** The arguments of one instruction. Every reader names file, line and field when the value is not what it should be. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #file: string;
  readonly #line: number;
  readonly #id: string;
  readonly #read = new Set<string>();

  constructor(values: Readonly<Record<string, unknown>>, file: string, line: number, id: string) {
    this.#values = values;
    this.#file = file;
    this.#line = line;
    this.#id = id;
  }

  text(name: string): string {
    const value = this.#take(name);
    if (typeof value !== 'string' || value.trim() === '') throw this.wrong(name, 'a text');
    return value;
  }

  texts(name: string): readonly string[] {
    const value = this.#take(name);
    const isTexts = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string' && item);
    if (!isTexts) throw this.wrong(name, 'a list of texts');
    return value as string[];
  }

  count(name: string): number {
    const value = this.#take(name);
    if (!Number.isInteger(value) || (value as number) < 0) throw this.wrong(name, 'a whole number from 0 on');
    return value as number;
  }

  /** A comparison with a count: 以上 = at least, 未満 = fewer than. */
  relation(relation: string, threshold: string): (count: number) => boolean {
    const limit = this.count(threshold);
    const value = this.#take(relation);
    if (value === '以上') return (count) => count >= limit;
    if (value === '未満') return (count) => count < limit;
    throw this.wrong(relation, '以上 or 未満');
  }

  /** @throws DataError when the data has arguments that nothing has read: another version of the benchmark */
  end(): void {
    const unread = Object.keys(this.#values).find((name) => this.#values[name] !== null && !this.#read.has(name));
    if (unread === undefined) return;
    const near = nearest(unread, this.#read);
    throw this.#error(
      unread,
      `is an argument that ${this.#id} does not have`,
      near ? `Did you mean "${near}"?` : 'Use the data file of M-IFEval as published.',
    );
  }

  wrong(name: string, expected: string): DataError {
    return this.#error(
      name,
      `should be ${expected} but is ${describe(this.#values[name])}`,
      `Correct kwargs of ${this.#id}.`,
    );
  }

  #take(name: string): unknown {
    this.#read.add(name);
    return this.#values[name];
  }

  #error(name: string, message: string, remedy: string): DataError {
    return new DataError('m-ifeval-argument', `${this.#file}, line ${this.#line}: kwargs "${name}" ${message}`, {
      remedy,
      fields: { file: this.#file, line: this.#line, field: name, instruction: this.#id },
    });
  }
}

/** Code points of a text. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** How often a pattern (with the flag g) occurs. */
export function occurrences(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

/** Without any of `characters` at the start. */
export function stripStart(text: string, characters: string): string {
  let start = 0;
  while (start < text.length && characters.includes(text[start]!)) start++;
  return text.slice(start);
}

/** Without any of `characters` at the end. */
export function stripEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** Without what stands in 「…」 and 『…』 on one line: words of others do not count as the response's own. */
export function withoutQuotations(text: string): string {
  return without(without(text, '「', '」'), '『', '』');
}

function without(text: string, open: string, close: string): string {
  const kept: string[] = [];
  let at = 0;
  for (const [start, end] of pairs(text, open, close)) {
    kept.push(text.slice(at, start));
    at = end;
  }
  return kept.join('') + text.slice(at);
}

/**
 * Where text stands between two marks on one line: from each opening mark to the next closing one. A line is read once, also when
 * nothing in it is ever closed.
 */
export function pairs(text: string, open: string, close: string): [start: number, end: number][] {
  const found: [number, number][] = [];
  let lineEnd = -1;
  for (let start = text.indexOf(open); start >= 0; ) {
    if (start > lineEnd) lineEnd = endOfLine(text, start);
    const end = text.slice(start + open.length, lineEnd).indexOf(close);
    if (end < 0) {
      start = text.indexOf(open, lineEnd);
      continue;
    }
    found.push([start, start + open.length + end + close.length]);
    start = text.indexOf(open, found.at(-1)![1]);
  }
  return found;
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}
