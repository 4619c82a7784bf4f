// JSON files: read with errors that name the file and the place, written whole or not at all.
import { existsSync } from 'node:fs';
import type { z } from 'zod';
import { FormatError, isObject, issueText, readJsonValue, writeFileAtomic } from '../base/index.ts';

const remedy = 'Correct the file, or fetch or make it again.';

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Reads a JSON file and checks it against a schema.
 *
 * @throws DataError when there is no such file; FormatError when it is not JSON or breaks the schema.
 */
export function readJson<T>(path: string, schema: z.ZodType<T>): T {
  const value = readJsonValue(path, { remedy });
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new FormatError('unexpected-json', `${path} does not hold what it should: ${issueText(issue, value)}`, {
    remedy,
    fields: { path, key: issue.path.join('.') },
    cause: parsed.error,
  });
}

/** As `readJson`, for what can be made again: undefined where there is no file. A damaged one is as none, and is told. */
export function readJsonIfSound<T>(
  path: string,
  schema: z.ZodType<T>,
  onDamage: (error: FormatError) => void = () => {},
): T | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return readJson(path, schema);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    onDamage(error);
    return undefined;
  }
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
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
