// From a prompt to its continuation, piece by piece, for programs that do other things meanwhile: servers, user interfaces.
import { ConfigError, checkOptions, kindOf, type OptionNames } from '../base/index.ts';
import type { Tokenizer } from '../text/index.ts';
import type { Engine } from './engine/engine.ts';
import { Mailbox } from './engine/mailbox.ts';
import { type FinishReason, generateHints } from './engine/request.ts';
import { type GenerateTextOptions, textOptions, textRequest } from './engine/text-request.ts';
import { engineFor } from './generate.ts';
import type { LanguageModel } from './types.ts';

export interface StreamTextOptions extends GenerateTextOptions {
  /** Ends the text at once: its memory is free, and the loop throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

const streamOptions: OptionNames<StreamTextOptions> = { ...textOptions, signal: true };

/**
 * Yields the text that continues `prompt` as it comes, and returns why it ended. Between two passes of the model the event
 * loop has its turn, so timers run and pieces are sent while the text is being written:
 *
 *     for await (const piece of streamText(model, tokenizer, prompt, { signal })) response.write(piece);
 *
 * Leaving the loop early ends the text. Streams that share an engine are written together:
 *
 *     using engine = new Engine(model);
 *     const stream = streamText(engine, tokenizer, prompt); // as often as there are clients
 *
 * The model works ahead of a reader that is slow, up to `maxTokens`. Other settings and the prompt as in `generateText`.
 *
 * @throws the signal's reason; otherwise as `generateText` does
 */
export async function* streamText(
  source: LanguageModel | Engine,
  tokenizer: Tokenizer,
  prompt: string | readonly number[],
  options: StreamTextOptions = {},
): AsyncGenerator<string, FinishReason> {
  checkOptions('streamText', options, streamOptions, generateHints);
  const { signal, ...settings } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ConfigError('bad-option', `streamText: signal must be an AbortSignal, got ${kindOf(signal)}`, {
      remedy: 'Of an AbortController, give its signal.',
      fields: { option: 'signal' },
    });
  signal?.throwIfAborted();
  const { engine, own } = engineFor(source);
  using _ = own;
  const mailbox = new Mailbox<string, FinishReason>();
  let failed = false;
  let over = false;
  const job = engine.add(
    textRequest(engine.model, tokenizer, prompt, settings, {
      onPiece: (piece) => mailbox.push(piece),
      onEnd: (reason) => mailbox.end(reason),
      onError: (error) => {
        if (failed) return;
        if (over || signal?.aborted) throw error; // nobody waits for the text any more
        failed = true;
        job.cancel();
        mailbox.fail(error);
      },
    }),
  );
  const abort = () => {
    job.cancel();
    own?.[Symbol.dispose]();
    mailbox.abort(signal!.reason);
  };
  signal?.addEventListener('abort', abort);
  // What goes wrong for this text comes through the mailbox.
  void engine.run();
  try {
    return yield* mailbox.items();
  } finally {
    over = true;
    signal?.removeEventListener('abort', abort);
    job.cancel();
  }
}
