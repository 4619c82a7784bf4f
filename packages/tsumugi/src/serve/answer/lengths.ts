// How long prompts and answers may be.
import { badRequest } from '../http/http-error.ts';
import type { Limits } from '../limits.ts';
import type { ServedModel } from '../served-model.ts';

/** Tokens that may be added to a prompt. @throws HttpError 400 when the prompt, or it with the answer, is too long */
export function allowedTokens(
  { name, contextTokens }: Pick<ServedModel, 'name' | 'contextTokens'>,
  prompt: number,
  asked: number | undefined,
  limits: Pick<Limits, 'maxTokens'>,
): number {
  if (prompt === 0)
    throw badRequest('empty_prompt', 'the prompt has no tokens', 'prompt', 'Write some text, or begin with BOS.');
  const room = contextTokens - prompt;
  const code = 'context_length_exceeded';
  if (room < 1)
    throw badRequest(
      code,
      `the prompt has ${prompt} tokens, and a text of ${name} has ${contextTokens} at most, its answer included`,
      'prompt',
      'Shorten the prompt.',
    );
  if (asked === undefined) return Math.min(room, limits.maxTokens);
  if (asked > limits.maxTokens)
    throw badRequest(
      'max_tokens_exceeded',
      `max_tokens is ${asked}, and this server writes ${limits.maxTokens} at most`,
      'max_tokens',
      'Ask for fewer.',
    );
  if (asked <= room) return asked;
  throw badRequest(
    code,
    `the prompt has ${prompt} tokens and max_tokens is ${asked}: together more than the ${contextTokens} that a text of ${name} has at most`,
    'max_tokens',
    `Shorten the prompt, or ask for ${room} tokens at most.`,
  );
}
