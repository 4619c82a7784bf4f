// Tokens per second and latencies at several numbers of clients, ours and llama.cpp's in turn.
import { Engine } from 'tsumugi/lm';
import type { Context } from '../lib/part.ts';
import { row } from '../lib/row.ts';
import { interleave } from '../lib/sampling.ts';
import { median } from '../lib/statistics.ts';
import { type Seen, type Write, workOff } from './clients.ts';
import { engineWrite } from './engine.ts';
import { LlamaPeer } from './llama.ts';
import { sameTexts } from './same-texts.ts';
import type { Subject } from './subject.ts';
import { type Asked, conversation, drawRequests, shortConversation } from './workload.ts';

const counts = (quick: boolean) => (quick ? [1, 4] : [1, 4, 16]);
/** A client's, on average. */
const requestsEach = (quick: boolean, clients: number) => (quick ? 2 : clients === 1 ? 8 : 4);
const wanted = 1.5;

/** Returns what a reader must know of the rows. */
export async function throughput(context: Context, subject: Subject): Promise<string[]> {
  const { quick, rows, log, machine } = context;
  const notes: string[] = [];
  const medians: { clients: number; ours: number; peer: number | undefined }[] = [];
  for (const clients of counts(quick)) {
    const lengths = quick ? shortConversation : conversation;
    const requests = drawRequests(lengths, clients * requestsEach(quick, clients), subject.config.vocab_size, clients);
    using engine = new Engine(subject.model, { slots: clients, prefixCache: false });
    const { gguf, contextTokens } = subject;
    await using peer =
      gguf &&
      (await LlamaPeer.open(gguf.library, gguf.file, { sequences: 1, contextTokens, threads: machine.threads }));
    if (peer) notes.push(await sameTexts(engineWrite(engine), peer.write, requests));
    const sampler = (name: string, write: Write | undefined, seen: Seen[]) =>
      write &&
      (async () => {
        const sample = await workOff(write, requests, clients);
        seen.push(sample);
        log(`${clients} clients, ${name}: ${sample.tokensPerSecond.toFixed(0)} tokens/s`);
        return sample.tokensPerSecond;
      });
    const [ours, theirs]: [Seen[], Seen[]] = [[], []];
    const rates = await interleave(quick ? 1 : 3, {
      ours: sampler('ours', engineWrite(engine), ours),
      peer: sampler('llama.cpp', peer?.write, theirs),
    });
    // The first sample of each warmed up.
    const [seen, peerSeen] = [ours.slice(1), theirs.slice(1)];
    const goal = clients === 16 ? ({ of: 'speed', bound: wanted } as const) : undefined;
    const who = clients === 1 ? '1 client' : `${clients} clients`;
    rows.push(
      row({ name: who, unit: 'tokens/s', better: 'higher', ours: rates.ours, peer: rates.peer, ...(goal && { goal }) }),
    );
    const latency = (name: string, of: (each: Seen) => number) =>
      rows.push(row({ name: `    ${name}`, unit: 'ms', better: 'lower', ours: seen.map(of), peer: peerSeen.map(of) }));
    latency('time to first token, p50', ({ first }) => first.p50);
    latency('time to first token, p99', ({ first }) => first.p99);
    latency('between two tokens, p50', ({ between }) => between.p50);
    latency('between two tokens, p99', ({ between }) => between.p99);
    medians.push({ clients, ours: median(rates.ours), peer: peer && median(rates.peer) });
    notes.push(told(requests, clients));
  }
  return [...notes, growth(medians)];
}

const told = (requests: readonly Asked[], clients: number): string => {
  const total = (of: (asked: Asked) => number) => requests.reduce((sum, asked) => sum + of(asked), 0);
  const [read, written] = [total(({ prompt }) => prompt.length), total(({ answerTokens }) => answerTokens)];
  return `${clients} at a time: ${requests.length} requests, ${read} tokens of prompts and ${written} of answers; tokens/s count the answers`;
};

/** How the rate grows with the clients. */
function growth(medians: readonly { clients: number; ours: number; peer: number | undefined }[]): string {
  const [one, most] = [medians[0]!, medians.at(-1)!];
  const peer = one.peer && most.peer ? `, llama.cpp's × ${(most.peer / one.peer).toFixed(2)}` : '';
  return `from ${one.clients} to ${most.clients} clients: our tokens/s × ${(most.ours / one.ours).toFixed(2)}${peer}`;
}
