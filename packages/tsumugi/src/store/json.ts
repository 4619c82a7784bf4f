// JSON files: read with errors that name the file and the place, written whole or not at all.
import { readFileSync, statSync } from 'node:fs';
import type { z } from 'zod';
import { DataError, decodeUtf8, FormatError, writeFileAtomic } from '../base/index.ts';
import { absence } from './absence.ts';
import { issueText } from './issue-text.ts';
import { jsonExcess, MAX_JSON_BYTES } from './json-limits.ts';

const remedy = 'Correct the file, or fetch or make it again.';

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The bytes of a JSON file. @throws DataError when it cannot be read, FormatError when it is too long to be one. */
export function readBytes(path: string): Buffer {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > MAX_JSON_BYTES)
    throw new FormatError('too-large', `${path} has ${bytes} bytes, and at most ${MAX_JSON_BYTES} are read`, {
      remedy: 'Check that it is the file that is meant.',
      fields: { path, bytes },
    });
  try {
    return readFileSync(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      const { fault, remedy } = absence(path);
      throw new DataError('no-such-file', `${path} ${fault}`, { remedy, fields: { path }, cause });
    }
    throw new DataError('cannot-read', `${path} cannot be read: ${(cause as Error).message}`, {
      remedy: 'Check the path and its permissions.',
      fields: { path },
      cause,
    });
  }
}

/**
 * Reads a JSON file and checks it against a schema.
 *
 * @throws DataError when there is no such file; FormatError when it is not JSON or breaks the schema.
 */
export function readJson<T>(path: string, schema: z.ZodType<T>): T {
  let value: unknown;
  const text = decodeUtf8(readBytes(path), path);
  const excess = jsonExcess(text);
  if (excess) throw new FormatError('too-large', `${path} ${excess}, more than is read`, { remedy, fields: { path } });
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError('not-json', `${path} is not valid JSON: ${(cause as Error).message}`, {
      remedy,
      fields: { path },
      cause,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new FormatError('unexpected-json', `${path} does not hold what it should: ${issueText(issue, value)}`, {
    remedy,
    fields: { path, key: issue.path.join('.') },
    cause: parsed.error,
  });
}

/** Writes indented JSON with a final newline. */
export function writeJson(path: string, value: Json): void {
  writeFileAtomic(path, renderJson(value));
}

export function renderJson(value: Json): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** JSON with the keys of objects in order and no spaces, so that equal values have equal texts to hash; undefined is left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
