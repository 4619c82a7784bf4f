// Rows of a data set in files, with their fields checked: what does not fit is reported by file, row and field.
import { DataError, isObject, parseJson as parse } from '../../base/index.ts';
import { readUtf8 } from '../read-utf8.ts';

/** JSQuAD, one object, has half a million. */
const MAX_VALUES = 2 ** 24;

/** The error about a row, or a field of it, that is not as published. */
export function badRow(where: { file: string; row: number | string; field?: string }, fault: string): DataError {
  return new DataError('bad-row', `${where.file}, row ${where.row}${fault}`, {
    remedy: 'Get the file again from where it comes from: it is read as it was published.',
    fields: where,
  });
}

/** @throws DataError when two samples of a file have one id, counting samples from 1 */
export function distinct<S extends { id: string }>(file: string, samples: S[]): S[] {
  const seen = new Map<string, number>();
  for (const [i, { id }] of samples.entries()) {
    const before = seen.get(id);
    if (before !== undefined)
      throw new DataError('sample-twice', `${file}: samples ${before + 1} and ${i + 1} have the same id, "${id}"`, {
        remedy: 'Get the file again from where it comes from: it is read as it was published.',
        fields: { file, id, rows: [before + 1, i + 1] },
      });
    seen.set(id, i);
  }
  return samples;
}

export class Row {
  readonly #where: { file: string; row: number | string };
  readonly #fields: Readonly<Record<string, unknown>>;

  /** `row` says where in the file: a number from 1, or a path inside a document. */
  constructor(file: string, row: number | string, fields: Readonly<Record<string, unknown>>) {
    this.#where = { file, row };
    this.#fields = fields;
  }

  /** A text that is not empty. */
  text(field: string): string {
    const value = this.#fields[field];
    return typeof value === 'string' && value !== '' ? value : this.#refuse(field, 'a text');
  }

  /** One of a few texts. */
  oneOf<T extends string>(field: string, values: readonly T[]): T {
    const value = this.#fields[field];
    return values.find((each) => each === value) ?? this.#refuse(field, `one of ${values.join(', ')}`);
  }

  /** A number between two, both included. */
  number(field: string, low: number, high: number): number {
    const value = this.#fields[field];
    return typeof value === 'number' && value >= low && value <= high
      ? value
      : this.#refuse(field, `a number from ${low} to ${high}`);
  }

  integer(field: string, low: number, high: number): number {
    const value = this.number(field, low, high);
    return Number.isInteger(value) ? value : this.#refuse(field, `a whole number from ${low} to ${high}`);
  }

  /** The objects of a list that is not empty, as rows. */
  rows(field: string): Row[] {
    const value = this.#fields[field];
    if (!Array.isArray(value) || value.length === 0) return this.#refuse(field, 'a list that is not empty');
    const { file, row } = this.#where;
    return value.map((each: unknown, i) => rowOf(file, `${row}, ${field}[${i}]`, each));
  }

  /** Texts of a list of exactly `length`. */
  texts(field: string, length: number): string[] {
    const value = this.#fields[field];
    return Array.isArray(value) && value.length === length && value.every((each) => typeof each === 'string')
      ? value
      : this.#refuse(field, `a list of ${length} texts`);
  }

  #refuse(field: string, expected: string): never {
    const found = JSON.stringify(this.#fields[field])?.slice(0, 60) ?? 'missing';
    throw badRow({ ...this.#where, field }, `: "${field}" should be ${expected} but is ${found}`);
  }
}

function rowOf(file: string, row: number | string, value: unknown): Row {
  if (isObject(value)) return new Row(file, row, value);
  throw badRow({ file, row }, ` should be an object but is ${JSON.stringify(value).slice(0, 60)}`);
}

function parseJson(file: string, row: number, text: string): Row {
  let value: unknown;
  try {
    value = parse(text, MAX_VALUES);
  } catch (cause) {
    throw badRow({ file, row }, ` is not JSON: ${(cause as Error).message}`);
  }
  return rowOf(file, row, value);
}

/** The rows of a file of JSON lines; blank lines count but are skipped. @throws DataError */
export function readJsonLines(file: string): Row[] {
  return readUtf8(file)
    .split('\n')
    .flatMap((line, i) => (line.trim() === '' ? [] : [parseJson(file, i + 1, line)]));
}

/** A file that is one JSON object. @throws DataError */
export function readJsonFile(file: string): Row {
  return parseJson(file, 1, readUtf8(file));
}
