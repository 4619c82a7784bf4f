// From a prompt to its continuation, piece by piece, for programs that wait for each: an engine of one slot, or one that is
// given.
import { totalmem } from 'node:os';
import { checkOptions } from '../base/index.ts';
import type { Tokenizer } from '../text/index.ts';
import { Engine } from './engine/engine.ts';
import { type EngineRequest, type FinishReason, generateHints } from './engine/request.ts';
import {
  type GenerateIdsOptions,
  type GenerateTextOptions,
  idsOptions,
  idsRequest,
  type Listener,
  textOptions,
  textRequest,
} from './engine/text-request.ts';
import type { LanguageModel } from './types.ts';

/** The engine that is meant: the given one, or one for a single text, which the caller disposes. */
export function engineFor(source: LanguageModel | Engine): { engine: Engine; own: Engine | undefined } {
  const own =
    source instanceof Engine ? undefined : new Engine(source, { slots: 1, prefixCache: false, cacheBytes: totalmem() });
  return { engine: own ?? (source as Engine), own };
}

/**
 * Yields the ids that continue `prompt`, one at a time:
 *
 *     for (const id of generateIds(model, [1, 17, 230], { maxTokens: 8 })) console.log(id);
 *
 * @param source a model, or an engine, whose other texts go on meanwhile
 * @throws ConfigError for an empty prompt or an option out of range; UserError, naming the weight or the layer, when
 *   the model's logits are not finite
 */
export function* generateIds(
  source: LanguageModel | Engine,
  prompt: readonly number[],
  options: GenerateIdsOptions = {},
): Generator<number, FinishReason> {
  checkOptions('generateIds', options, idsOptions, generateHints);
  return yield* pieces<number>(source, (_, listener) => idsRequest(prompt, options, listener));
}

/**
 * Yields the text that continues `prompt`, piece by piece, and returns why it ended. Pieces never break a character, and text
 * that may be the beginning of a stop string is held back until it is known not to be. A prompt of ids is taken as it is; text
 * gets BOS and cannot spell control pieces.
 *
 *     for (const piece of generateText(model, tokenizer, '吾輩は', { temperature: 0.8, stop: ['\n'] })) process.stdout.write(piece);
 *
 * Nothing else happens in the process while it computes: `streamText` is for servers and for what must be able to end it.
 */
export function* generateText(
  source: LanguageModel | Engine,
  tokenizer: Tokenizer,
  prompt: string | readonly number[],
  options: GenerateTextOptions = {},
): Generator<string, FinishReason> {
  checkOptions('generateText', options, textOptions, generateHints);
  return yield* pieces<string>(source, ({ model }, listener) =>
    textRequest(model, tokenizer, prompt, options, listener),
  );
}

function* pieces<T>(
  source: LanguageModel | Engine,
  ask: (engine: Engine, listener: Listener<T>) => EngineRequest,
): Generator<T, FinishReason> {
  const { engine, own } = engineFor(source);
  using _ = own;
  const ready: T[] = [];
  let reason: FinishReason | undefined;
  let failure: { error: unknown } | undefined;
  let over = false;
  const job = engine.add(
    ask(engine, {
      onPiece: (piece) => ready.push(piece),
      onEnd: (why) => {
        reason = why;
      },
      onError: (error) => {
        if (failure) return;
        if (over) throw error; // nobody waits for the text any more
        failure = { error };
        job.cancel();
      },
    }),
  );
  try {
    while (reason === undefined) {
      engine.step();
      yield* ready.splice(0);
      if (failure) throw failure.error;
    }
    return reason;
  } finally {
    over = true;
    job.cancel();
  }
}
