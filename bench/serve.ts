// Serving: what clients see of our engine and of llama.cpp on the same weights, several at a time; what a conversation gains from the prefix
// cache; how speed falls with the context.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endLlama } from './lib/llama.ts';
import type { Context, PartResult } from './lib/part.ts';
import { contexts } from './serve/context.ts';
import { http } from './serve/http.ts';
import { makeSubject, type Subject } from './serve/subject.ts';
import { throughput } from './serve/throughput.ts';
import { together } from './serve/together.ts';
import { turns } from './serve/turns.ts';

export async function run(context: Context): Promise<PartResult> {
  const build = fileURLToPath(new URL('../build', import.meta.url));
  mkdirSync(build, { recursive: true });
  const home = mkdtempSync(join(build, 'bench-serve-'));
  const notes = [
    'requests have random ids and log-normal lengths of our choice, drawn by seed (bench/serve/workload.ts); each client asks its next one when it has its answer; greedy, answers of exactly the length that is asked for',
  ];
  let subject: Subject | undefined;
  try {
    subject = await makeSubject(home, context.quick, notes);
    for (const piece of [throughput, together, turns, contexts, http]) notes.push(...(await piece(context, subject)));
    return { rows: context.rows, notes };
  } finally {
    subject?.model.dispose();
    if (subject?.gguf) await endLlama(subject.gguf.library);
    rmSync(home, { recursive: true, force: true });
  }
}
