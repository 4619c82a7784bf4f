// What clients ask: prompts and answers as long as those of conversations. The lengths are ours, not measured: log-normal, as the public
// collections of conversations (ShareGPT and the like) roughly are, drawn by seed. The ids are random.
import { RandomStream } from 'tsumugi/base';

/** A log-normal number of tokens, cut at both ends. */
export interface Lengths {
  median: number;
  /** Of the logarithm. */
  sigma: number;
  least: number;
  most: number;
}

/** Committed, so that results can be compared. */
export const conversation: { prompt: Lengths; answer: Lengths } = {
  prompt: { median: 96, sigma: 1, least: 4, most: 1024 },
  answer: { median: 128, sigma: 0.8, least: 4, most: 512 },
};

/** The same shape, short enough to see in seconds that it works. */
export const shortConversation: typeof conversation = {
  prompt: { median: 12, sigma: 1, least: 4, most: 48 },
  answer: { median: 8, sigma: 0.8, least: 2, most: 16 },
};

/** What is asked for: an answer of exactly so many tokens. */
export interface Asked {
  prompt: readonly number[];
  answerTokens: number;
}

/** Of the normal distribution (Box and Muller 1958). */
const normal = (random: RandomStream): number =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());

function drawLength(random: RandomStream, { median, sigma, least, most }: Lengths): number {
  const drawn = Math.round(median * Math.exp(sigma * normal(random)));
  return Math.min(most, Math.max(least, drawn));
}

/** The first id is that of BOS. */
export const randomPrompt = (random: RandomStream, length: number, vocabulary: number): number[] => [
  1,
  ...Array.from({ length: length - 1 }, () => 10 + random.below(vocabulary - 10)),
];

/** `count` requests: the same for a seed. */
export function drawRequests(lengths: typeof conversation, count: number, vocabulary: number, seed: number): Asked[] {
  const random = new RandomStream(seed);
  return Array.from({ length: count }, () => ({
    prompt: randomPrompt(random, drawLength(random, lengths.prompt), vocabulary),
    answerTokens: drawLength(random, lengths.answer),
  }));
}
