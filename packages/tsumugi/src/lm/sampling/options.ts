// How a token is chosen: the options, and what each may be.
import { ConfigError, isObject, kindOf } from '../../base/index.ts';

export interface SamplingOptions {
  /** Added to the logits of these ids. Source: the OpenAI API, where ±100 bans a token or leaves nothing else. */
  logitBias?: Readonly<Record<number, number>> | undefined;
  /** Divides positive logits (multiplies negative ones) of tokens already seen; 1 = off. Source: CTRL, arXiv 1909.05858. */
  repetitionPenalty?: number;
  /** Taken off the logits of tokens that were written, once each; 0 = off. Source: the OpenAI API. */
  presencePenalty?: number | undefined;
  /** Taken off the logits of tokens that were written, as often as they were; 0 = off. Source: the OpenAI API. */
  frequencyPenalty?: number | undefined;
  /** 0 = greedy. Logits are divided by it. */
  temperature?: number;
  /** Keep the k most likely tokens, and those as likely as the last of them; 0 = all. */
  topK?: number;
  /** Keep the smallest set of most likely tokens whose probabilities reach this sum: 1 = all, 0 = the most likely one. */
  topP?: number;
  /** Keep tokens at least this fraction as likely as the most likely one; 0 = all. */
  minP?: number;
}

const ranges: Record<Exclude<keyof SamplingOptions, 'logitBias'>, [low: number, high: number, text: string]> = {
  temperature: [0, 100, 'a number from 0 (greedy) to 100'],
  topK: [0, Number.MAX_SAFE_INTEGER, 'a whole number, 0 for all'],
  topP: [0, 1, 'a number from 0 to 1'],
  minP: [0, 1, 'a number from 0 to 1'],
  // Further out a penalised logit is no f32 number any more.
  repetitionPenalty: [0.01, 100, 'a number from 0.01 to 100, 1 for none'],
  presencePenalty: [-2, 2, 'a number from -2 to 2, 0 for none'],
  frequencyPenalty: [-2, 2, 'a number from -2 to 2, 0 for none'],
};

const LARGEST_BIAS = 100;

/** @throws ConfigError naming the option that is out of range. */
export function checkSampling(options: SamplingOptions): void {
  for (const [name, [low, high, text]] of Object.entries(ranges)) {
    const value = options[name as keyof typeof ranges];
    const isWhole = name !== 'topK' || Number.isInteger(value);
    if (value === undefined || (Number.isFinite(value) && value >= low && value <= high && isWhole)) continue;
    throw refused(name, `must be ${text}, got ${value}`);
  }
  if (options.logitBias !== undefined) checkBias(options.logitBias);
}

function checkBias(bias: unknown): void {
  if (!isObject(bias)) throw refused('logitBias', `must be an object from ids to numbers, got ${kindOf(bias)}`);
  for (const [id, value] of Object.entries(bias)) {
    if (!/^(0|[1-9]\d*)$/.test(id))
      throw refused('logitBias', `has the key ${JSON.stringify(id)}, which is no token id`);
    if (typeof value !== 'number' || !(Math.abs(value) <= LARGEST_BIAS))
      throw refused('logitBias', `must be from -${LARGEST_BIAS} to ${LARGEST_BIAS}, got ${kindOf(value)} for id ${id}`);
  }
}

const refused = (option: string, what: string): ConfigError =>
  new ConfigError('bad-option', `${option} ${what}`, { fields: { option } });
