// Taking samples of several contestants in turn (A B A B …), so that whatever the machine does meanwhile hits all alike.
import { setTimeout as sleep } from 'node:timers/promises';
import { CutOff, cutOffBy } from './cut-off.ts';

/** Takes one sample: does the work and returns the result (seconds, tokens per second …). */
export type Sampler = () => number | Promise<number>;

// Threads of an OpenMP pool spin for a while after their work; a pause lets the one side's settle before the other starts.
const settleMs = 30;

/**
 * Each sampler is called once per round, in order; the first call of each warms up and does not count.
 * An undefined sampler (a peer that is missing) gives no samples. Ctrl-C ends it early, when each has a sample.
 *
 * @throws CutOff when Ctrl-C came before that
 */
export async function interleave<Name extends string>(
  rounds: number,
  samplers: Record<Name, Sampler | undefined>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(samplers) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const sampler = samplers[name];
      if (!sampler) continue;
      if (cutOffBy() !== undefined) {
        const isSampled = names.every((each) => samplers[each] === undefined || results[each].length > 0);
        if (isSampled) return results;
        throw new CutOff('cut off');
      }
      const result = await sampler();
      if (round >= 0) results[name].push(result);
      await sleep(settleMs);
    }
  }
  return results;
}

/** Seconds that `work` took. */
export function seconds(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1e3;
}
