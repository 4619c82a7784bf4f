// Reads damaged Parquet files one after the other in one thread, as parquet-thread.ts reads one; `shared` says how far it is,
// since a file may send the reader round for ever.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { RandomStream, UserError } from '../../packages/tsumugi/src/base/index.ts';
import { parquetTexts } from '../../packages/tsumugi/src/text/parquet-groups.ts';
import { damage, pick } from './fuzz.ts';

export interface ParquetFuzz {
  files: string[];
  /** Inputs [first, end). */
  first: number;
  end: number;
  /** Input being read, read, refused, failed inside the reader. */
  shared: Int32Array;
}

const { files, first, end, shared } = workerData as ParquetFuzz;
const whole = files.map((file) => readFileSync(file));
const home = mkdtempSync(join(tmpdir(), 'tsumugi-fuzz-'));
const path = join(home, 'a.parquet');
for (let input = first; input < end; input++) {
  shared[0] = input;
  const random = new RandomStream(input);
  const bytes = pick(random, ...whole);
  writeFileSync(path, random.below(8) > 0 ? damage(random, bytes) : bytes);
  try {
    for await (const _ of parquetTexts(path, 'content'));
    shared[1]!++;
  } catch (error) {
    // The thread of the product hands on whatever else is thrown as a refusal.
    shared[error instanceof UserError ? 2 : 3]!++;
  }
}
rmSync(home, { recursive: true });
parentPort!.postMessage('done');
