// A row on its way through a pipeline: its fields, where it began, what was asked for it.
import { DataError, nearest } from '../../base/index.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** One answer that went into a row. */
export interface Asked {
  readonly step: string;
  /** SHA-256 of the messages, its first 16 digits. */
  readonly prompt: string;
  readonly model: string;
  readonly seed: number;
}

export interface SynthRow {
  readonly fields: Fields;
  /** Rows count from 1, as lines do. */
  readonly source: { readonly file: string; readonly row: number };
  readonly asked: readonly Asked[];
}

/** The text of a field. @throws DataError naming file, row and field when it is not there or holds no text */
export function textOf({ fields, source: { file, row } }: SynthRow, name: string, where: string): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  const names = Object.keys(fields);
  const place = { file, row, field: name };
  if (value === undefined || value === null) {
    const near = value === null ? undefined : nearest(name, names);
    throw new DataError(
      'missing-field',
      `${file}, row ${row} has ${value === null ? 'null as' : 'no'} field "${name}", which ${where} needs`,
      {
        remedy: near
          ? `Did you mean "${near}"?`
          : `It has ${names.map((each) => `"${each}"`).join(', ') || 'none'}: write a text there, or take the row out.`,
        fields: { ...place, existing: names },
      },
    );
  }
  const kind = Array.isArray(value) ? 'a list' : 'an object';
  throw new DataError('not-text', `${file}, row ${row}: "${name}" is ${kind}, and ${where} needs a text`, {
    remedy: 'Write it as a text, or name another field.',
    fields: place,
  });
}
