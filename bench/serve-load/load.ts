// A mixed load on a server, bounded in time, and what is left when it is over.
import { setTimeout as sleep } from 'node:timers/promises';
import { RandomStream } from 'tsumugi/base';
import type { Served } from '../lib/served.ts';
import { randomPrompt } from '../serve/workload.ts';
import { type End, ends, Ledger } from './ledger.ts';
import { type Body, bodyOf, type Known, type Visit, visitors } from './visitors.ts';

export interface LoadOptions {
  seconds: number;
  clients: number;
  /** Ids of the model. */
  vocabulary: number;
  /** Requests that the server has room for: texts at a time, and those that wait. */
  room: number;
  log(line: string): void;
}

export interface LoadReport {
  sent: number;
  ends: Record<End, number>;
  /** What must not be: requests lost, answered twice or wrongly, refused without a reason. */
  faults: string[];
  /** Live tensors of the engine's thread while nothing runs: after a first fifth of the time, and at the end. */
  handles: { before: number; after: number };
  /** Resident bytes: growth per minute over the second half, by least squares, and at the end. */
  memory: { bytesPerMinute: number; bytes: number };
}

const prompts = 24;

/** Answers of the server while it is alone. */
async function know({ url }: Served, vocabulary: number): Promise<Known[]> {
  const random = new RandomStream(11);
  const known: Known[] = [];
  for (let i = 0; i < prompts; i++) {
    const prompt = randomPrompt(random, 4 + random.below(60), vocabulary);
    const maxTokens = 4 + random.below(40);
    const headers = { 'content-type': 'application/json' };
    const body = bodyOf({ prompt, maxTokens }, false);
    const response = await fetch(`${url}/v1/completions`, { method: 'POST', headers, body });
    if (response.status !== 200)
      throw new Error(`alone, the server answers ${response.status}: ${await response.text()}`);
    const { choices } = (await response.json()) as Body;
    known.push({ prompt, maxTokens, text: choices[0]!.text });
  }
  return known;
}

/** When nothing is running, and the counters have been told so. */
async function settle(served: Served): Promise<void> {
  for (let quiet = 0; quiet < 3; await sleep(500)) {
    const busy =
      (await served.metric('vllm:num_requests_running')) + (await served.metric('vllm:num_requests_waiting'));
    quiet = busy === 0 ? quiet + 1 : 0;
  }
}

/** Each as often as it weighs. */
function draw(random: RandomStream): (typeof visitors)[number] {
  let place = random.below(visitors.reduce((sum, { weight }) => sum + weight, 0));
  for (const visitor of visitors) {
    place -= visitor.weight;
    if (place < 0) return visitor;
  }
  throw new RangeError('weights are whole numbers');
}

async function visitUntil(client: number, visit: Omit<Visit, 'random'>): Promise<void> {
  const random = new RandomStream(100 + client);
  while (performance.now() < visit.end) {
    const who = draw(random);
    try {
      await who.visit({ ...visit, random });
    } catch (error) {
      const { message, cause } = error as Error;
      visit.ledger.fault(`${who.name}: ${message} ${(cause as Error | undefined)?.message ?? ''}`);
    }
    await sleep(random.below(30));
  }
}

/** Bytes per minute. */
export function slope(samples: readonly { seconds: number; bytes: number }[]): number {
  const mean = (of: (sample: (typeof samples)[number]) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [t, b] = [mean(({ seconds }) => seconds), mean(({ bytes }) => bytes)];
  const spread = mean(({ seconds }) => (seconds - t) ** 2);
  return (60 * mean(({ seconds, bytes }) => (seconds - t) * (bytes - b))) / spread;
}

export async function load(served: Served, options: LoadOptions): Promise<LoadReport> {
  const { seconds, clients, vocabulary, room, log } = options;
  const known = await know(served, vocabulary);
  const ledger = new Ledger();
  const visit = { url: served.url, ledger, known, burst: 2 * room };
  const visitFor = async (time: number) => {
    const end = performance.now() + 1e3 * time;
    await Promise.all(Array.from({ length: clients }, (_, client) => visitUntil(client, { ...visit, end })));
    await settle(served);
  };
  // Until the cache has what is asked for, and allocators what they keep.
  await visitFor(seconds / 5);
  const before = await served.metric('tsumugi:live_handles');
  const began = performance.now();
  const samples: { seconds: number; bytes: number }[] = [];
  const watch = setInterval(() => {
    const now = (performance.now() - began) / 1e3;
    samples.push({ seconds: now, bytes: served.residentBytes });
    if (samples.length % 30 === 0)
      log(
        `${now.toFixed(0)} s: ${ledger.sent} requests, ${(samples.at(-1)!.bytes / 1e6).toFixed(0)} MB, ${ledger.faults.length} faults`,
      );
  }, 1000);
  try {
    await visitFor((4 * seconds) / 5);
  } finally {
    clearInterval(watch);
  }
  const after = await served.metric('tsumugi:live_handles');
  const logged = served.log.filter(({ event }) => event === 'request').map(({ id }) => id);
  return {
    sent: ledger.sent,
    ends: Object.fromEntries(ends.map((end) => [end, ledger.count(end)])) as Record<End, number>,
    faults: ledger.check(logged),
    handles: { before, after },
    memory: { bytesPerMinute: slope(samples.slice(samples.length >> 1)), bytes: served.residentBytes },
  };
}
