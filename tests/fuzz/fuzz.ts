// Fuzzing a reader: every input is read, or refused as a mistake of whoever made the file; nothing else may happen, and none
// may take long. Inputs come from a seed, so a failure names the one that shows it again.
import { setImmediate } from 'node:timers/promises';
import { RandomStream, UserError } from '../../packages/tsumugi/src/base/index.ts';

export interface Target {
  name: string;
  /** Milliseconds that an input may take, where it is not what others may. */
  maxMs?: number;
  /** Makes an input and reads it. What it returns is left to the garbage collector. */
  attempt(random: RandomStream): unknown;
}

export interface Outcome {
  read: number;
  refused: number;
  /** How often each error code came. */
  codes: ReadonlyMap<string, number>;
  /** Of the slowest input, in milliseconds of the processor. */
  slowest: number;
  /** Of all, in seconds of the processor. */
  seconds: number;
  /** By which the process grew, in MiB. */
  grown: number;
}

/** No input of a few kilobytes may take longer, in milliseconds of the processor: how busy the machine is has no part in it. */
const MAX_MS = 2000;

const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** @throws Error naming the input, when a target throws anything but a UserError or takes too long */
export async function fuzz({ name, maxMs = MAX_MS, attempt }: Target, count: number, first = 0): Promise<Outcome> {
  const codes = new Map<string, number>();
  const [before, start] = [process.memoryUsage.rss(), processorMs()];
  let [read, slowest] = [0, 0];
  for (let input = first; input < first + count; input++) {
    // What finalizers let go of, mappings of files above all, goes when the event loop turns.
    if (input % 256 === 0) await setImmediate();
    const began = processorMs();
    try {
      await attempt(new RandomStream(input));
      read++;
    } catch (error) {
      if (!(error instanceof UserError)) throw new Error(`${name}: input ${input} gives ${error}`, { cause: error });
      codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
    }
    const took = processorMs() - began;
    if (took > maxMs) throw new Error(`${name}: input ${input} takes ${Math.round(took)} ms`);
    slowest = Math.max(slowest, took);
  }
  const seconds = (processorMs() - start) / 1000;
  const grown = (process.memoryUsage.rss() - before) / 2 ** 20;
  return { read, refused: count - read, codes, slowest, seconds, grown };
}

export const pick = <T>(random: RandomStream, ...choices: readonly T[]): T => choices[random.below(choices.length)]!;

/** Bytes that are flipped, cut off, put in or taken out, in a few places. */
export function damage(random: RandomStream, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let times = 1 + random.below(3); times > 0; times--) {
    const place = random.below(result.length + 1);
    switch (random.below(4)) {
      case 0:
        if (place < result.length) result[place] = random.below(256);
        break;
      case 1:
        result = result.subarray(0, place);
        break;
      case 2: {
        const more = Buffer.from(Array.from({ length: 1 + random.below(8) }, () => random.below(256)));
        result = Buffer.concat([result.subarray(0, place), more, result.subarray(place)]);
        break;
      }
      default:
        result = Buffer.concat([result.subarray(0, place), result.subarray(place + random.below(8))]);
    }
  }
  return result;
}
