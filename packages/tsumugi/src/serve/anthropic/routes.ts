// `POST /v1/messages` and `/v1/messages/count_tokens`, in Anthropic's shape.
import { inEvents } from '../answer/in-events.ts';
import { json } from '../http/json.ts';
import { route } from '../route.ts';
import { anthropicError } from './error-body.ts';
import { Reply } from './reply.ts';
import { callOf, countBody, messagesBody, promptOf } from './request.ts';

export const createMessage = route({
  method: 'POST',
  path: '/v1/messages',
  summary: "An answer to a conversation, in the shape of Anthropic's messages",
  body: messagesBody,
  errorBody: anthropicError,
  answer: async (asked, { answer, limits }) => {
    const { body, signal, id } = asked;
    asked.note({ model: body.model });
    const answering = await answer(callOf(body, limits, signal));
    return inEvents(asked, answering, {
      told: (begun) => new Reply(body.model, answering.promptTokens, begun?.cached),
      whole: ({ message }) => message,
      failed: (error) => [anthropicError(error, id)],
    });
  },
});

export const countTokens = route({
  method: 'POST',
  path: '/v1/messages/count_tokens',
  summary: 'How many tokens the prompt of a conversation has',
  body: countBody,
  errorBody: anthropicError,
  answer: async ({ body, signal }, { encode, inSteps }) => {
    const { ids } = await inSteps(encode(body.model, promptOf(body)), signal);
    return json({ input_tokens: ids.length });
  },
});
