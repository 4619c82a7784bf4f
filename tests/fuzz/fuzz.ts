// Fuzzing a reader: every input is read, or refused as a mistake of whoever made the file; nothing else may happen, and none
// may take long. Inputs come from a seed, so a failure names the one that shows it again.
import { RandomStream, UserError } from '../../packages/tsumugi/src/base/index.ts';

export interface Target {
  name: string;
  /** Makes an input and reads it. What it returns is left to the garbage collector. */
  attempt(random: RandomStream): void;
}

/** A target that reads as it goes. */
export interface AsyncTarget {
  name: string;
  /** Milliseconds that an input may take, where it is not what others may. */
  mostMs?: number;
  attempt(random: RandomStream): Promise<void>;
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
const MOST_MS = 2000;

const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Counts what comes of inputs. */
class Tally {
  readonly codes = new Map<string, number>();
  #read = 0;
  #slowest = 0;
  readonly #before = process.memoryUsage.rss();
  readonly #start = processorMs();
  readonly #name: string;
  readonly #mostMs: number;

  constructor(name: string, mostMs = MOST_MS) {
    this.#name = name;
    this.#mostMs = mostMs;
  }

  /** @throws Error naming the input, when it gave anything but a UserError or took too long */
  add(input: number, began: number, error?: unknown): void {
    if (error === undefined) this.#read++;
    else if (error instanceof UserError) this.codes.set(error.code, (this.codes.get(error.code) ?? 0) + 1);
    else throw new Error(`${this.#name}: input ${input} gives ${error}`, { cause: error });
    const took = processorMs() - began;
    if (took > this.#mostMs) throw new Error(`${this.#name}: input ${input} takes ${Math.round(took)} ms`);
    this.#slowest = Math.max(this.#slowest, took);
  }

  outcome(count: number): Outcome {
    const seconds = (processorMs() - this.#start) / 1000;
    const grown = (process.memoryUsage.rss() - this.#before) / 2 ** 20;
    return { read: this.#read, refused: count - this.#read, codes: this.codes, slowest: this.#slowest, seconds, grown };
  }
}

/** @throws Error naming the input, when a target throws anything but a UserError or takes too long */
export function fuzz(target: Target, count: number, first = 0): Outcome {
  const tally = new Tally(target.name);
  for (let input = first; input < first + count; input++) {
    const began = processorMs();
    try {
      target.attempt(new RandomStream(input));
    } catch (error) {
      tally.add(input, began, error);
      continue;
    }
    tally.add(input, began);
  }
  return tally.outcome(count);
}

/** `fuzz` of a target that reads as it goes. */
export async function fuzzAsync(target: AsyncTarget, count: number, first = 0): Promise<Outcome> {
  const tally = new Tally(target.name, target.mostMs);
  for (let input = first; input < first + count; input++) {
    const began = processorMs();
    try {
      await target.attempt(new RandomStream(input));
    } catch (error) {
      tally.add(input, began, error);
      continue;
    }
    tally.add(input, began);
  }
  return tally.outcome(count);
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
