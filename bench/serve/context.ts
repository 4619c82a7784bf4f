// How reading and writing slow down as the prompt grows: one client, ours and llama.cpp's in turn.
import { RandomStream } from 'tsumugi/base';
import { Engine } from 'tsumugi/lm';
import type { Context } from '../lib/part.ts';
import { row } from '../lib/row.ts';
import { interleave } from '../lib/sampling.ts';
import { median } from '../lib/statistics.ts';
import type { Write } from './clients.ts';
import { engineWrite } from './engine.ts';
import { LlamaPeer } from './llama.ts';
import type { Subject } from './subject.ts';
import { randomPrompt } from './workload.ts';

const prompts = (quick: boolean) => (quick ? [16, 128] : [128, 1024, 3840]);

interface Times {
  /** Milliseconds. */
  first: number;
  tokensPerSecond: number;
}

async function once(write: Write, prompt: readonly number[], answerTokens: number): Promise<Times> {
  const began = performance.now();
  const at: number[] = [];
  await write(0, { prompt, answerTokens }, () => at.push(performance.now()));
  return { first: at[0]! - began, tokensPerSecond: (1e3 * (at.length - 1)) / (at.at(-1)! - at[0]!) };
}

/** Returns what a reader must know of the rows. */
export async function contexts(context: Context, subject: Subject): Promise<string[]> {
  const { quick, rows, machine } = context;
  const { gguf, contextTokens, config } = subject;
  using engine = new Engine(subject.model, { slots: 1, prefixCache: false });
  await using peer =
    gguf && (await LlamaPeer.open(gguf.library, gguf.file, { sequences: 1, contextTokens, threads: machine.threads }));
  const medians: { tokens: number; first: number; rate: number }[] = [];
  const random = new RandomStream(5);
  for (const tokens of prompts(quick)) {
    const [ours, theirs]: [Times[], Times[]] = [[], []];
    const sampler = (write: Write | undefined, kept: Times[]) =>
      write &&
      (async () => {
        // Another prompt each time: nothing of it is in a cache.
        const times = await once(write, randomPrompt(random, tokens, config.vocab_size), quick ? 4 : 64);
        kept.push(times);
        return times.tokensPerSecond;
      });
    await interleave(quick ? 1 : 5, { ours: sampler(engineWrite(engine), ours), peer: sampler(peer?.write, theirs) });
    const [seen, peerSeen] = [ours.slice(1), theirs.slice(1)];
    const compared = (name: string, unit: string, better: 'lower' | 'higher', of: (times: Times) => number) =>
      rows.push(row({ name, unit, better, ours: seen.map(of), peer: peerSeen.map(of) }));
    compared(`prompt of ${tokens}: time to first token`, 'ms', 'lower', ({ first }) => first);
    compared('    tokens after the first', 'tokens/s', 'higher', ({ tokensPerSecond }) => tokensPerSecond);
    const first = median(seen.map((times) => times.first));
    medians.push({ tokens, first, rate: median(seen.map((times) => times.tokensPerSecond)) });
  }
  const [least, most] = [medians[0]!, medians.at(-1)!];
  const perToken = ({ first, tokens }: (typeof medians)[number]) => first / tokens;
  return [
    `from a prompt of ${least.tokens} to one of ${most.tokens}: our time to read a token × ${(perToken(most) / perToken(least)).toFixed(2)}, our tokens/s × ${(most.rate / least.rate).toFixed(2)}`,
  ];
}
