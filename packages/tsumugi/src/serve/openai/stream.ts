// A stream of OpenAI's: chunks, the usage where it was asked for, and `[DONE]`. What goes wrong on the way comes as an event: the
// status has been sent.

import { cachedHeader } from '../answer/cached-header.ts';
import type { Answering, CallUsage, Piece } from '../answer/call.ts';
import { together } from '../answer/together.ts';
import { EventStream, type ServerEvent } from '../http/event-stream.ts';
import { asHttpError, openaiError } from '../http/http-error.ts';
import type { Asked } from '../route.ts';
import { type OpenaiUsage, usageOf } from './usage.ts';

export interface Chunks {
  /** Before anything is written. */
  readonly first?: readonly unknown[];
  of(answer: number, piece: Piece): readonly unknown[];
  usage(usage: OpenaiUsage): unknown;
}

export async function streamed(
  answers: readonly Answering[],
  chunks: Chunks,
  includeUsage: boolean,
  asked: Asked,
): Promise<Response> {
  async function* events(): AsyncGenerator<ServerEvent, void> {
    const pieces = together(answers);
    try {
      for (const data of chunks.first ?? []) yield { data };
      let next = await pieces.next();
      for (; !next.done; next = await pieces.next()) for (const data of chunks.of(...next.value)) yield { data };
      noteUsage(asked, next.value);
      if (includeUsage) yield { data: chunks.usage(usageOf(next.value)) };
      yield { data: '[DONE]' };
    } catch (error) {
      yield { data: openaiError(asHttpError(error)) };
    } finally {
      await pieces.return([]);
    }
  }
  return new EventStream(events(), { headers: await cachedHeader(answers) });
}

/** For the log. */
export function noteUsage({ note }: Pick<Asked, 'note'>, usages: readonly CallUsage[]): void {
  const { prompt_tokens: prompt, completion_tokens: generated, prompt_tokens_details } = usageOf(usages);
  note({ prompt, cached: prompt_tokens_details.cached_tokens, generated });
}
