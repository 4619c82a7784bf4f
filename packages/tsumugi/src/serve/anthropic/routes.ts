// `POST /v1/messages` and `/v1/messages/count_tokens`, in Anthropic's shape.
import { cachedHeader } from '../answer/cached-header.ts';
import type { Answering } from '../answer/call.ts';
import { eventStream, type ServerEvent } from '../http/event-stream.ts';
import { asHttpError } from '../http/http-error.ts';
import { json } from '../http/json.ts';
import { type Asked, route } from '../route.ts';
import { anthropicError } from './error-body.ts';
import { messageEvents, Reply } from './reply.ts';
import { callOf, countBody, type MessagesBody, messagesBody, promptOf } from './request.ts';

export const createMessage = route({
  method: 'POST',
  path: '/v1/messages',
  summary: "An answer to a conversation, in the shape of Anthropic's messages",
  body: messagesBody,
  errorBody: anthropicError,
  answer: async (asked, { answer, limits }) => {
    const { body, signal } = asked;
    asked.note({ model: body.model });
    const answering = await answer(callOf(body, limits, signal));
    const headers = await cachedHeader([answering]);
    const begun = await Promise.race([answering.begun, undefined]);
    const reply = new Reply(body.model, answering.promptTokens, begun?.cached);
    if (body.stream) return eventStream(streamed(reply, answering, asked), { headers });
    for await (const _ of messageEvents(reply, answering));
    noteUsage(asked, reply);
    return json(reply.message, 200, headers);
  },
});

async function* streamed(
  reply: Reply,
  answering: Answering,
  asked: Asked<MessagesBody>,
): AsyncGenerator<ServerEvent, void> {
  try {
    for await (const event of messageEvents(reply, answering)) yield { event: event.type, data: event };
    noteUsage(asked, reply);
  } catch (error) {
    yield { event: 'error', data: anthropicError(asHttpError(error), asked.id) };
  }
}

/** For the log. */
function noteUsage({ note }: Pick<Asked, 'note'>, { message: { usage } }: Reply): void {
  const { input_tokens, cache_read_input_tokens: cached, output_tokens: generated } = usage;
  note({ prompt: input_tokens + cached, cached, generated });
}

export const countTokens = route({
  method: 'POST',
  path: '/v1/messages/count_tokens',
  summary: 'How many tokens the prompt of a conversation has',
  body: countBody,
  errorBody: anthropicError,
  answer: ({ body }, { encode }) => json({ input_tokens: encode(body.model, promptOf(body)).ids.length }),
});
