// What is asked of the engine: a prompt, how to choose tokens, and who is told.
import { ConfigError, checkCount, checkOptions, kindOf, type OptionNames } from '../../base/index.ts';
import { checkIds } from '../check-ids.ts';
import type { TokenConstraint } from '../constraint/token-constraint.ts';
import { checkSampling, type SamplingOptions } from '../sampling.ts';
import type { CachedReason } from './cached-reason.ts';
import type { TokenLogprobs } from './logprobs.ts';
import type { Proposer } from './speculation/proposer.ts';

export const defaultMaxTokens = 256;

/** How a text is written. */
export interface GenerateOptions extends SamplingOptions {
  /** Tokens to add at most. Default 256. */
  maxTokens?: number | undefined;
  /** Nothing of `stopIds` comes before so many tokens. Default 0. */
  minTokens?: number | undefined;
  /** Of the random draws: the same seed gives the same text. Default 0. */
  seed?: number | undefined;
  /** Token ids that end the text (not returned). */
  stopIds?: readonly number[] | undefined;
  /** Ids from here on are never picked: a vocabulary may be padded beyond its tokenizer. */
  vocabularyLimit?: number | undefined;
  /** Gives the log-probability of each new token, and of so many of the likeliest beside it. */
  logprobs?: number | undefined;
  /** What was read and written stays in the engine's prefix cache, so that a prompt that goes on from it is read from there. */
  remember?: boolean | undefined;
}

/** Why a text ended: a stop id (the model ended it), a stop string, or `maxTokens`. */
export type FinishReason = 'end' | 'stop' | 'length';

/** What a text took. */
export interface Usage {
  /** Tokens of the prompt. */
  prompt: number;
  /** Those of them that were not read, since the prefix cache held them. */
  cached: number;
  /** Those of them that were read before, though the state after them may be gone. */
  matched: number;
  /** Why not more came from the cache: `cachedReasons` has a sentence for each. Undefined until the text has begun. */
  cachedReason: CachedReason | undefined;
  /** New tokens. */
  generated: number;
  /** Milliseconds. */
  timings: Timings;
}

/** Milliseconds that a text waited for a slot, that its prompt was read, and that it was written since. */
export interface Timings {
  queued: number;
  prefill: number;
  decode: number;
}

/**
 * A text to be written. It ends with one call of `onEnd` or `onError`, or with being cancelled.
 *
 * The engine takes it as it is when it is added. What `onId` or `onEnd` throws, or a promise of theirs rejects with, is the
 * request's own affair: its text ends, and its `onError` is told, nobody else. Promises are not waited for. What `onError` throws
 * is an uncaught exception of the process, as in a timer.
 */
export interface EngineRequest extends GenerateOptions {
  prompt: readonly number[];
  /**
   * Numbers of tokens after which messages of the prompt end: states are kept there. The prompt is cut there when it is read, so
   * that prompts share what was read of messages that both begin with.
   */
  boundaries?: readonly number[] | undefined;
  /** What is kept of prompts is shared by requests with the same salt alone: one for each tenant. Default: none. */
  cacheSalt?: string | undefined;
  /** What the text is held to. It belongs to the engine once the request is added, which disposes it when the text has ended. */
  constraint?: TokenConstraint | undefined;
  /** Who guesses how the text goes on: the text stays the same, and takes fewer passes. It belongs to the engine as the constraint does. */
  proposer?: Proposer | undefined;
  /** Takes each new id (and, where asked for, its log-probability); true ends the text with it. */
  onId(id: number, logprobs?: TokenLogprobs): boolean | PromiseLike<unknown>;
  onEnd(reason: FinishReason, usage: Usage): void;
  /** Nothing more comes: a pass failed, the logits were not finite, a callback went wrong, or the engine was disposed. */
  onError(error: unknown): void;
}

export const generateOptions: OptionNames<GenerateOptions> = {
  maxTokens: true,
  minTokens: true,
  seed: true,
  stopIds: true,
  vocabularyLimit: true,
  logprobs: true,
  remember: true,
  temperature: true,
  topK: true,
  topP: true,
  minP: true,
  repetitionPenalty: true,
  presencePenalty: true,
  frequencyPenalty: true,
  logitBias: true,
};

/** What other libraries call them. */
export const generateHints = {
  maxNewTokens: 'Write maxTokens.',
  max_new_tokens: 'Write maxTokens.',
  max_tokens: 'Write maxTokens.',
  min_tokens: 'Write minTokens.',
  minNewTokens: 'Write minTokens.',
  logit_bias: 'Write logitBias.',
  presence_penalty: 'Write presencePenalty.',
  frequency_penalty: 'Write frequencyPenalty.',
  doSample: 'A temperature above 0 draws; 0 takes the likeliest token.',
  do_sample: 'A temperature above 0 draws; 0 takes the likeliest token.',
  eosTokenId: 'Write stopIds, a list.',
  eos_token_id: 'Write stopIds, a list.',
};

const requestOptions: OptionNames<EngineRequest> = {
  ...generateOptions,
  prompt: true,
  boundaries: true,
  cacheSalt: true,
  constraint: true,
  proposer: true,
  onId: true,
  onEnd: true,
  onError: true,
};

/** Has `rejected` hear what a callback that is asynchronous rejects with. */
export function watch<T>(returned: T, rejected: (error: unknown) => void): T {
  if (typeof (returned as PromiseLike<unknown> | undefined)?.then === 'function')
    Promise.resolve(returned).catch(rejected);
  return returned;
}

/** The request as it is now, whatever becomes of the object. Its callbacks are called as its methods, and watched. */
export function takeRequest(request: EngineRequest, rejected: (error: unknown) => void): EngineRequest {
  const names = Object.keys(requestOptions) as (keyof EngineRequest)[];
  const taken = Object.fromEntries(names.map((name) => [name, request[name]])) as unknown as EngineRequest;
  const { prompt, boundaries, stopIds, logitBias, onId, onEnd, onError } = taken;
  return {
    ...taken,
    prompt: [...prompt],
    boundaries: boundaries && [...boundaries],
    stopIds: stopIds && [...stopIds],
    logitBias: logitBias && { ...logitBias },
    onId: (...id) => watch(onId.call(request, ...id), rejected),
    onEnd: (...end) => watch(onEnd.call(request, ...end), rejected),
    onError: (error) => onError.call(request, error),
  };
}

/** An array of numbers, typed or not. */
export const isList = (value: unknown): boolean =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);

/** @throws ConfigError for an empty prompt or an option out of range; DataError for an id outside the vocabulary */
export function checkRequest(request: EngineRequest, config: { vocab_size: number }): void {
  checkOptions('Engine.add', request, requestOptions, generateHints);
  for (const name of ['onId', 'onEnd', 'onError'] as const)
    if (typeof request[name] !== 'function')
      throw new ConfigError('bad-option', `Engine.add: ${name} must be a function, got ${kindOf(request[name])}`, {
        fields: { option: name },
      });
  if (request.constraint !== undefined && typeof request.constraint?.mask !== 'function')
    throw new ConfigError('bad-option', `constraint must be a TokenConstraint, got ${kindOf(request.constraint)}`, {
      fields: { option: 'constraint' },
    });
  if (request.proposer !== undefined && typeof request.proposer?.propose !== 'function')
    throw new ConfigError('bad-option', `proposer must be a Proposer, got ${kindOf(request.proposer)}`, {
      fields: { option: 'proposer' },
    });
  checkSampling(request);
  checkCount('maxTokens', request.maxTokens, 0);
  checkCount('minTokens', request.minTokens, 0);
  checkCount('logprobs', request.logprobs, 0, 1000);
  checkCount('vocabularyLimit', request.vocabularyLimit, 1);
  for (const name of ['prompt', 'stopIds'] as const)
    if ((name === 'prompt' || request[name] !== undefined) && !isList(request[name]))
      throw new ConfigError('bad-option', `${name} must be a list of ids, got ${kindOf(request[name])}`, {
        fields: { option: name },
      });
  if (request.seed !== undefined && typeof request.seed !== 'number')
    throw new ConfigError('bad-option', `seed must be a whole number, got ${kindOf(request.seed)}`, {
      fields: { option: 'seed' },
    });
  for (const id of request.stopIds ?? [])
    if (!Number.isSafeInteger(id))
      throw new ConfigError('bad-option', `stopIds must be a list of ids, got ${kindOf(id)} in it`, {
        fields: { option: 'stopIds' },
      });
  for (const id of Object.keys(request.logitBias ?? {}))
    if (Number(id) >= config.vocab_size)
      throw new ConfigError(
        'bad-option',
        `logitBias has id ${id}, but the vocabulary ends at ${config.vocab_size - 1}`,
        {
          fields: { option: 'logitBias' },
        },
      );
  if (request.prompt.length === 0)
    throw new ConfigError('empty-prompt', 'the prompt has no tokens', {
      remedy: 'Begin with the BOS token or some text.',
    });
  checkIds(request.prompt, config);
  checkBoundaries(request);
  if (request.cacheSalt !== undefined && typeof request.cacheSalt !== 'string')
    throw new ConfigError('bad-option', `cacheSalt must be a text, got ${kindOf(request.cacheSalt)}`, {
      fields: { option: 'cacheSalt' },
    });
}

function checkBoundaries({ boundaries, prompt }: EngineRequest): void {
  if (boundaries === undefined) return;
  const isPlace = (place: unknown) =>
    Number.isSafeInteger(place) && Number(place) >= 0 && Number(place) <= prompt.length;
  if (isList(boundaries) && boundaries.every(isPlace)) return;
  const got = isList(boundaries) ? `${kindOf(boundaries.find((place) => !isPlace(place)))} in it` : kindOf(boundaries);
  throw new ConfigError(
    'bad-option',
    `boundaries must be a list of numbers of tokens from 0 to ${prompt.length}, got ${got}`,
    { fields: { option: 'boundaries' } },
  );
}
