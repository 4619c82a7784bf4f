// Measurements of a stage that is not complete, each in a file of its own: after a cut-off, the next attempt goes on from them.
import type { ProgressStream } from '../run/index.ts';
import { type Json, type readJson, readJsonIfSound, writeJson } from '../store/index.ts';

/** What an earlier attempt kept. Undefined when there is none, or none that can be read: it is measured again. */
export function kept<T>(
  file: string,
  schema: Parameters<typeof readJson<T>>[1],
  stream: ProgressStream,
): T | undefined {
  return readJsonIfSound(file, schema, ({ message }) =>
    stream.write(`  ${message.split('\n', 1)[0]}: measured again\n`),
  );
}

/** Keeps it for the next attempt. */
export function keep<T>(file: string, value: T): T {
  writeJson(file, value as Json);
  return value;
}
