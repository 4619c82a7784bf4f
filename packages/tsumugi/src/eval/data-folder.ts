// Where data sets lie: in their original formats, below one folder. What may not be passed on is not in the repository; an
// error says where it comes from.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../base/index.ts';
import type { DataSource } from './task.ts';

/** `TSUMUGI_BENCHMARKS`, otherwise `benchmarks` in the working folder. */
export function defaultDataFolder(): string {
  return process.env['TSUMUGI_BENCHMARKS'] || 'benchmarks';
}

/** The path of a file of a data set. @throws DataError naming origin and licence when it is not there */
export function dataFile(folder: string, source: DataSource, name: string): string {
  const path = join(folder, name);
  if (existsSync(path)) return path;
  throw new DataError(
    'no-data',
    `${path} does not exist. It comes from ${source.origin} (licence: ${source.licence})`,
    {
      remedy: `Get it from there and put it at ${path}, or name another data folder with --data or TSUMUGI_BENCHMARKS.`,
      fields: { path, origin: source.origin, licence: source.licence },
    },
  );
}
