// `POST /v1/responses`: OpenAI's responses in their text form. Nothing is kept between requests.
import { inEvents } from '../answer/in-events.ts';
import { route } from '../route.ts';
import { Reply } from './reply.ts';
import { callOf, responsesBody } from './request.ts';

export const createResponse = route({
  method: 'POST',
  path: '/v1/responses',
  summary: "An answer to a text or a conversation, in the shape of OpenAI's responses",
  body: responsesBody,
  answer: async (asked, { answer, limits }) => {
    const { body, signal } = asked;
    asked.note({ model: body.model });
    return inEvents(asked, await answer(callOf(body, limits, signal)), {
      told: () => new Reply(body),
      whole: ({ response }) => response,
      failed: (error, reply) => reply.fail(error),
    });
  },
});
