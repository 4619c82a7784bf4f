// A text to be written by the engine, with the tokenizer's part in it: what its prompt is, where it ends, and which piece of text
// each token makes certain.
import { ConfigError, kindOf, type OptionNames } from '../../base/index.ts';
import type { Tokenizer } from '../../text/index.ts';
import { type Plamo2Config, tokenIds } from '../config.ts';
import type { TokenConstraint } from '../constraint/token-constraint.ts';
import { TextStream } from '../text-stream.ts';
import type { LanguageModel } from '../types.ts';
import type { TokenLogprobs } from './logprobs.ts';
import {
  type EngineRequest,
  type FinishReason,
  type GenerateOptions,
  generateOptions,
  isList,
  type Usage,
  watch,
} from './request.ts';

export interface GenerateIdsOptions extends GenerateOptions {
  /**
   * Called with each new id before it, or the text it completes, is yielded; with its log-probability where `logprobs` asks for it.
   * What it throws, or its promise rejects with before the text has ended, is thrown to whoever waits for the text.
   */
  onId?: ((id: number, logprobs?: TokenLogprobs) => void) | undefined;
  /**
   * What the text is held to, from `grammars.constrain(grammar, stopIds)`. One is for one text: the engine disposes it when the text has
   * ended.
   */
  constraint?: TokenConstraint | undefined;
  /** Called when the text has ended. */
  onUsage?: ((usage: Usage) => void) | undefined;
}

export interface GenerateTextOptions extends GenerateIdsOptions {
  /** Texts that end the output, or one; they are not part of it. */
  stop?: string | readonly string[] | undefined;
}

export const idsOptions: OptionNames<GenerateIdsOptions> = {
  ...generateOptions,
  constraint: true,
  onId: true,
  onUsage: true,
};
export const textOptions: OptionNames<GenerateTextOptions> = { ...idsOptions, stop: true };

/**
 * Who hears of what is written: pieces, then one of `onEnd` and `onError`. What a promise of `onId` or `onUsage` rejects with comes
 * to `onError` too, at any time.
 */
export interface Listener<T> {
  onPiece(piece: T): void;
  onEnd(reason: FinishReason): void;
  onError(error: unknown): void;
}

/** The ids with which a model ends its text: those of its tokenizer and of its config. */
export function endIds({ eosId, bosId }: Tokenizer, { eos_token_id }: Pick<Plamo2Config, 'eos_token_id'>): number[] {
  return [...new Set([eosId, bosId, ...tokenIds(eos_token_id)])];
}

/** Asks for ids. */
export function idsRequest(
  prompt: readonly number[],
  options: GenerateIdsOptions,
  listener: Listener<number>,
): EngineRequest {
  const { onId, onUsage, ...settings } = options;
  return {
    ...settings,
    prompt,
    onId(id, logprobs) {
      watch(onId?.(id, logprobs), listener.onError);
      listener.onPiece(id);
      return false;
    },
    onEnd(reason, usage) {
      watch(onUsage?.(usage), listener.onError);
      listener.onEnd(reason);
    },
    onError: listener.onError,
  };
}

/**
 * Asks for text. Pieces never break a character, and text that may be the beginning of a stop string is held back until it is
 * known not to be. A prompt of ids is taken as it is; text gets BOS and cannot spell control pieces.
 */
export function textRequest(
  model: LanguageModel,
  tokenizer: Tokenizer,
  prompt: string | readonly number[],
  options: GenerateTextOptions,
  listener: Listener<string>,
): EngineRequest {
  const { stop, ...settings } = options;
  if (stop !== undefined && !(Array.isArray(stop) ? stop : [stop]).every((each) => typeof each === 'string'))
    throw new ConfigError('bad-option', `stop must be a text or a list of texts, got ${kindOf(stop)}`, {
      fields: { option: 'stop' },
    });
  if (typeof prompt !== 'string' && !isList(prompt))
    throw new ConfigError('bad-option', `the prompt must be a text or a list of ids, got ${kindOf(prompt)}`, {
      fields: { option: 'prompt' },
    });
  const ids = typeof prompt === 'string' ? tokenizer.encode(prompt, { addBos: true, safe: true }) : prompt;
  const stream = new TextStream(tokenizer, typeof stop === 'string' ? [stop] : stop, ids);
  const release = (text: string) => {
    if (text !== '') listener.onPiece(text);
  };
  const request = idsRequest(ids, settings, {
    onPiece: (id) => release(stream.push(id)),
    onEnd(reason) {
      release(stream.end());
      listener.onEnd(reason);
    },
    onError: listener.onError,
  });
  return {
    ...request,
    stopIds: options.stopIds ?? endIds(tokenizer, model.config),
    vocabularyLimit: options.vocabularyLimit ?? tokenizer.vocabSize,
    onId(id, logprobs) {
      request.onId(id, logprobs);
      return stream.stopped;
    },
  };
}
