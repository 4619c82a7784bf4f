// `POST /v1/responses`: OpenAI's responses in their text form. Nothing is kept between requests.
import { cachedHeader } from '../answer/cached-header.ts';
import type { Answering } from '../answer/call.ts';
import { eventStream, type ServerEvent } from '../http/event-stream.ts';
import { asHttpError } from '../http/http-error.ts';
import { json } from '../http/json.ts';
import { type Asked, route } from '../route.ts';
import { Reply, responseEvents } from './reply.ts';
import { callOf, type ResponsesBody, responsesBody } from './request.ts';

export const createResponse = route({
  method: 'POST',
  path: '/v1/responses',
  summary: "An answer to a text or a conversation, in the shape of OpenAI's responses",
  body: responsesBody,
  answer: async (asked, { answer, limits }) => {
    const { body, signal } = asked;
    asked.note({ model: body.model });
    const answering = await answer(callOf(body, limits, signal));
    const headers = await cachedHeader([answering]);
    const reply = new Reply(body);
    if (body.stream) return eventStream(streamed(reply, answering, asked), { headers });
    for await (const _ of responseEvents(reply, answering));
    noteUsage(asked, reply);
    return json(reply.response, 200, headers);
  },
});

async function* streamed(
  reply: Reply,
  answering: Answering,
  asked: Asked<ResponsesBody>,
): AsyncGenerator<ServerEvent, void> {
  try {
    for await (const event of responseEvents(reply, answering)) yield { event: event.type, data: event };
    noteUsage(asked, reply);
  } catch (error) {
    for (const event of reply.fail(asHttpError(error))) yield { event: event.type, data: event };
  }
}

/** For the log. */
function noteUsage({ note }: Pick<Asked, 'note'>, { response: { usage } }: Reply): void {
  if (!usage) return;
  const { input_tokens: prompt, input_tokens_details, output_tokens: generated } = usage;
  note({ prompt, cached: input_tokens_details.cached_tokens, generated });
}
