// Fuzzes the reader of Parquet, many files in one thread that is ended when one takes longer than a second or the memory
// that a file may take (fuzz-text.ts tries fewer, each in a thread of its own as the product does):
// `node tests/long/fuzz-parquet.ts [inputs, default 1000000] [the first one, default 0]`.
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { PARQUET_MEMORY_MIB } from '../../packages/tsumugi/src/text/limits.ts';
import type { ParquetFuzz } from '../fuzz/parquet-thread.ts';

const SECONDS = 1;
const [count, begin] = [Number(process.argv[2] ?? 1_000_000), Number(process.argv[3] ?? 0)];
const end = begin + count;
const fixtures = new URL('../../packages/tsumugi/src/text/fixtures/', import.meta.url);
const files = ['snappy.parquet', 'zstd.parquet'].map((name) => fileURLToPath(new URL(name, fixtures)));
const shared = new Int32Array(new SharedArrayBuffer(16));
const ended: string[] = [];

/** Reads from input `first` on. Returns the next one to read. */
async function readFrom(first: number): Promise<number> {
  const workerData: ParquetFuzz = { files, first, end, shared };
  const thread = new Worker(new URL('../fuzz/parquet-thread.ts', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: PARQUET_MEMORY_MIB },
  });
  let over: 'done' | 'memory' | undefined;
  thread.on('message', () => {
    over = 'done';
  });
  thread.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error;
    over = 'memory';
  });
  let [input, since] = [first, performance.now()];
  while (!over && performance.now() - since < 1000 * SECONDS) {
    await setTimeout(50);
    if (shared[0] !== input) [input, since] = [shared[0]!, performance.now()];
  }
  await thread.terminate();
  if (over === 'done') return end;
  ended.push(`${shared[0]} (${over ?? 'time'})`);
  return shared[0]! + 1;
}

const began = process.cpuUsage();
for (let next = begin; next < end; ) next = await readFrom(next);
const { user, system } = process.cpuUsage(began);
const [, read, refused, failed] = shared;
console.log(
  '| inputs | read | refused | failed in the reader, told as a refusal | ended | seconds |\n|---|---|---|---|---|---|',
);
const numbers = [count, read!, refused!, failed!, ended.length].map((value) => value.toLocaleString('en'));
console.log(`| ${numbers.join(' | ')} | ${((user + system) / 1e6).toFixed(0)} |`);
if (ended.length > 0) console.log(`ended: ${ended.join(', ')}`);
process.exitCode = read! + refused! + failed! + ended.length === count ? 0 : 1;
