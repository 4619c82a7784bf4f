// An answer in a shape whose stream is events that tell of a whole: sent as they come, or let go by until the whole is there.
import { EventStream, type ServerEvent } from '../http/event-stream.ts';
import { asHttpError, type HttpError } from '../http/http-error.ts';
import { json } from '../http/json.ts';
import type { Asked } from '../route.ts';
import { cachedHeader } from './cached-header.ts';
import type { Answering, CallUsage, Piece } from './call.ts';

/** The whole, put together piece by piece. Each step gives the events that tell of it. */
export interface Told<E> {
  begin(): Iterable<E>;
  take(piece: Piece): Iterable<E>;
  end(usage: CallUsage): Iterable<E>;
}

interface Shape<E, T> {
  /** @param begun what came from the cache, where that is known by now */
  told(begun: Awaited<Answering['begun']>): T;
  whole(told: T): unknown;
  /** The status has been sent: these say what went wrong. */
  failed(error: HttpError, told: T): Iterable<E>;
}

export async function inEvents<E extends { readonly type: string }, T extends Told<E>>(
  asked: Asked<{ readonly stream?: boolean | undefined }>,
  answering: Answering,
  { told: toldOf, whole, failed }: Shape<E, T>,
): Promise<Response> {
  const headers = await cachedHeader([answering]);
  const told = toldOf(await Promise.race([answering.begun, undefined]));
  async function* events(): AsyncGenerator<E, void> {
    const { prompt, cached, generated } = yield* eventsOf(told, answering);
    asked.note({ prompt, cached, generated });
  }
  async function* sent(): AsyncGenerator<ServerEvent, void> {
    try {
      for await (const data of events()) yield { event: data.type, data };
    } catch (error) {
      for (const data of failed(asHttpError(error), told)) yield { event: data.type, data };
    }
  }
  if (asked.body.stream) return new EventStream(sent(), { headers });
  for await (const _ of events());
  return json(whole(told), 200, headers);
}

/** The events of an answer, as they come. Ended early, they end the answer. */
export async function* eventsOf<E>(told: Told<E>, answering: Answering): AsyncGenerator<E, CallUsage> {
  try {
    yield* told.begin();
    let next = await answering.next();
    for (; !next.done; next = await answering.next()) yield* told.take(next.value);
    yield* told.end(next.value);
    return next.value;
  } finally {
    await answering.return(undefined as never); // does nothing after its end
  }
}
