// From a prompt to its continuation: prefill once, then one token at a time through the cache.
import { ConfigError, RandomStream } from '../base/index.ts';
import type { Tokenizer } from '../text/index.ts';
import { noGrad, scope, tensor } from '../torch/index.ts';
import { Cache } from './cache.ts';
import { type Plamo2Config, tokenIds } from './config.ts';
import { withCause } from './not-finite.ts';
import { checkSampling, type SamplingOptions, sample } from './sampling.ts';
import { TextStream } from './text-stream.ts';
import type { LanguageModel } from './types.ts';

export const defaultMaxTokens = 256;

export interface GenerateOptions extends SamplingOptions {
  /** Tokens to add at most. */
  maxTokens?: number;
  seed?: number;
  /** Token ids that end the text (not returned). */
  stopIds?: readonly number[];
  /** Ids from here on are never picked: a vocabulary may be padded beyond its tokenizer. */
  vocabularyLimit?: number;
  /** Prompt tokens per forward pass. */
  prefillChunk?: number;
  /** Ids before the prompt that the repetition penalty applies to as well: those a cache already holds. */
  earlier?: readonly number[];
  /** Goes on from this cache instead of an empty one; it then also holds the prompt and all but the last new token. */
  cache?: Cache;
}

/** Logits [V] of the token after `ids`, which are added to the cache. */
export function nextLogits(model: LanguageModel, ids: readonly number[], cache: Cache): Float32Array {
  return scope(() =>
    noGrad(() => {
      const device = model.parameterDevice;
      const hidden = model.forward(tensor(BigInt64Array.from(ids, BigInt), { shape: [1, ids.length], device }), {
        cache,
      });
      return model
        .logits(hidden.narrow(1, ids.length - 1, 1))
        .float()
        .data() as Float32Array;
    }),
  );
}

/**
 * Yields the ids that continue `prompt`, one at a time.
 *
 * @throws ConfigError for an empty prompt or a sampling option out of range; UserError, naming the weight or the layer, when
 *   the model's logits are not finite
 */
export function* generateIds(
  model: LanguageModel,
  prompt: readonly number[],
  options: GenerateOptions = {},
): Generator<number> {
  const { maxTokens = defaultMaxTokens, seed = 0, stopIds = [], vocabularyLimit, prefillChunk = 1024 } = options;
  checkSampling(options);
  if (prompt.length === 0)
    throw new ConfigError('empty-prompt', 'the prompt has no tokens', {
      remedy: 'Begin with the BOS token or some text.',
    });
  const stream = new RandomStream(seed);
  const cache = options.cache ?? new Cache(model.config, { device: model.parameterDevice });
  const read = [...(options.earlier ?? []), ...prompt];
  const seen = new Set(read);
  try {
    let logits = new Float32Array();
    for (let start = 0; start < prompt.length; start += prefillChunk)
      logits = nextLogits(model, prompt.slice(start, start + prefillChunk), cache) as Float32Array<ArrayBuffer>;
    for (let produced = 0; produced < maxTokens; produced++) {
      if (vocabularyLimit !== undefined) logits.fill(Number.NEGATIVE_INFINITY, vocabularyLimit);
      const id = withCause(
        model,
        () => `new token ${produced + 1}`,
        () => ({ ids: read }),
        () => sample(logits, options, stream, seen),
      );
      if (stopIds.includes(id)) return;
      read.push(id);
      seen.add(id);
      yield id;
      if (produced + 1 < maxTokens) logits = nextLogits(model, [id], cache) as Float32Array<ArrayBuffer>;
    }
  } finally {
    if (!options.cache) cache.dispose();
  }
}

export interface GenerateTextOptions extends GenerateOptions {
  /** Texts that end the output; they are not part of it. */
  stop?: readonly string[];
  /** Called with each new id, before the text it completes is yielded. */
  onId?: (id: number) => void;
}

/** Why a text ended: a stop id (the model ended it), a stop string, or `maxTokens`. */
export type FinishReason = 'end' | 'stop' | 'length';

/**
 * Yields the text that continues `prompt`, piece by piece. Pieces never break a character, and text that may be the
 * beginning of a stop string is held back until it is known not to be. A prompt of ids is taken as it is; text gets BOS and
 * cannot spell control pieces.
 */
export function* generateText(
  model: LanguageModel,
  tokenizer: Tokenizer,
  prompt: string | readonly number[],
  options: GenerateTextOptions = {},
): Generator<string, FinishReason> {
  const ids = typeof prompt === 'string' ? tokenizer.encode(prompt, { addBos: true, safe: true }) : prompt;
  const stream = new TextStream(tokenizer, options.stop, [...(options.earlier?.slice(-3) ?? []), ...ids.slice(-3)]);
  const settings = {
    ...options,
    stopIds: options.stopIds ?? endIds(tokenizer, model.config),
    vocabularyLimit: options.vocabularyLimit ?? tokenizer.vocabSize,
  };
  let produced = 0;
  for (const id of generateIds(model, ids, settings)) {
    produced++;
    options.onId?.(id);
    const text = stream.push(id);
    if (text) yield text;
    if (stream.stopped) return 'stop';
  }
  const rest = stream.end();
  if (rest) yield rest;
  return produced < (options.maxTokens ?? defaultMaxTokens) ? 'end' : 'length';
}

/** The ids with which a model ends its text: those of its tokenizer and of its config. */
export function endIds({ eosId, bosId }: Tokenizer, { eos_token_id }: Pick<Plamo2Config, 'eos_token_id'>): number[] {
  return [...new Set([eosId, bosId, ...tokenIds(eos_token_id)])];
}
