// node bench/serve-load.ts [--seconds 600] [--clients 12] [--json FILE]
//
// A mixed load on `tsumugi serve`, on this machine alone, bounded in time: whole answers and streams, clients that leave in the middle, slow
// readers, mistaken requests, bursts over the queue's limit. Ends with 1 when a request was lost, answered twice or wrongly, when
// memory grows, or when tensors are left.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { preset } from 'tsumugi/lm';
import { smallTokenizer, writeRandomModel } from './lib/random-model.ts';
import { Served } from './lib/served.ts';
import { type LoadReport, load } from './serve-load/load.ts';

/** Little work for each token: what is tried is the server, not the model. */
const config = preset('mini', {
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  hidden_size_per_head: 32,
  mamba_num_heads: 2,
  vocab_size: 2000,
});
const [slots, queue] = [4, 16];
/** Of memory, per minute: what a measurement of minutes can tell from none. */
const flat = 4e6;

/** What is wrong, in a line each. */
export function complaints({ faults, handles, memory }: LoadReport, seconds: number): string[] {
  const found = [...faults];
  if (handles.after > handles.before) found.push(`${handles.after - handles.before} tensors are left`);
  // In half a minute the allocators have not come to rest.
  if (seconds >= 120 && memory.bytesPerMinute > flat)
    found.push(`memory grows by ${(memory.bytesPerMinute / 1e6).toFixed(1)} MB a minute`);
  return found;
}

export async function run(seconds: number, clients: number, log: (line: string) => void): Promise<LoadReport> {
  const home = mkdtempSync(join(tmpdir(), 'tsumugi-serve-load-'));
  try {
    mkdirSync(join(home, 'tokenizer'));
    smallTokenizer(join(home, 'tokenizer'));
    const folder = join(home, 'model');
    writeRandomModel(folder, config, 1, join(home, 'tokenizer'));
    const words = ['--port', '0', '--slots', String(slots), '--queue', String(queue), '--cache', '16M'];
    await using served = await Served.start(folder, words);
    return await load(served, { seconds, clients, vocabulary: config.vocab_size, room: slots + queue, log });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '600' },
      clients: { type: 'string', default: '12' },
      json: { type: 'string' },
    },
  });
  const [seconds, clients] = [Number(values.seconds), Number(values.clients)];
  const report = await run(seconds, clients, (line) => process.stderr.write(`  … ${line}\n`));
  const { sent, ends, handles, memory } = report;
  console.log(`${seconds} s, ${clients} clients: ${sent} requests`);
  for (const [end, count] of Object.entries(ends)) console.log(`  ${end.padEnd(18)}${count}`);
  console.log(`  live tensors      ${handles.before} before, ${handles.after} after`);
  console.log(
    `  memory            ${(memory.bytes / 1e6).toFixed(0)} MB, ${(memory.bytesPerMinute / 1e6).toFixed(2)} MB a minute over the second half`,
  );
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  const found = complaints(report, seconds);
  for (const each of found) console.log(`  FAULT ${each}`);
  process.exitCode = found.length > 0 ? 1 : 0;
}
