// What a run was made from: where each input was, and the hash of its content. Going on with other inputs would make a model of
// which nobody can say what it has learned.
import { statSync } from 'node:fs';
import { z } from 'zod';
import { DataError, walkFiles } from '../base/index.ts';
import { formatInteger, formatTime } from './format.ts';

export const inputSchema = z.strictObject({
  /** As it was named. */
  path: z.string(),
  /** Of its content. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().nonnegative(),
  /** When it was last written to, ISO 8601; null for what is no file. */
  written: z.iso.datetime().nullable(),
});

export type RunInput = z.output<typeof inputSchema>;

/** By the place in the settings that names it: `data`, `mix.0.data`. */
export type RunInputs = Readonly<Record<string, RunInput>>;

/** The settings that say where something is: they may be others, as long as the same lies there. */
export const placesIn = (inputs: RunInputs): string[] => ['out', ...Object.keys(inputs)];

/** An input that is a file or folder, whose hash is known. */
export function inputAt(path: string, sha256: string): RunInput {
  const files = statSync(path).isDirectory() ? walkFiles(path).files : [{ path }];
  const found = files.map((file) => statSync(file.path));
  return {
    path,
    sha256,
    bytes: found.reduce((sum, { size }) => sum + size, 0),
    written: new Date(Math.max(...found.map(({ mtimeMs }) => mtimeMs))).toISOString(),
  };
}

/** @throws DataError naming every input that holds something else than when the run was started, then and now */
export function requireSameInputs(out: string, then: RunInputs, now: RunInputs): void {
  const changed = Object.entries(now).filter(([name, input]) => then[name]?.sha256 !== input.sha256);
  if (changed.length === 0) return;
  const both = changed.map(([name, input]) => `${name} was ${describe(then[name])} and is ${describe(input)}`);
  throw new DataError('input-changed', `${out} was started with other inputs: ${both.join('; ')}`, {
    remedy: 'Put back what it was started with, or start anew in another --out.',
    fields: { path: out, inputs: changed.map(([name]) => name) },
  });
}

function describe(input: RunInput | undefined): string {
  if (!input) return 'not named';
  const { path, sha256, bytes, written } = input;
  const when = written === null ? '' : `, of ${formatTime(written)}`;
  return `${path} (SHA-256 ${sha256.slice(0, 12)}…, ${formatInteger(bytes)} bytes${when})`;
}
