// `POST /v1/chat/completions`: answers to a conversation.
import { randomUUID } from 'node:crypto';
import type { ToolChoice } from '../../text/index.ts';
import { cachedHeader } from '../answer/cached-header.ts';
import type { Answering, Call, Piece, TokenInfo } from '../answer/call.ts';
import { checkToolChoice } from '../answer/check-tool-choice.ts';
import { together } from '../answer/together.ts';
import { badRequest } from '../http/http-error.ts';
import { json } from '../http/json.ts';
import type { Limits } from '../limits.ts';
import { type Asked, route } from '../route.ts';
import { type ChatBody, chatFields } from './chat-fields.ts';
import { messagesOf } from './chat-messages.ts';
import { chatLogprobs } from './logprobs.ts';
import { checkLogprobs, maxTokensOf, sharedCall } from './shared-call.ts';
import { noteUsage, streamed } from './stream.ts';
import { usageOf } from './usage.ts';

export const chatCompletions = route({
  method: 'POST',
  path: '/v1/chat/completions',
  summary: 'Answers to a conversation, by the chat template of the model',
  body: chatFields,
  answer: async (asked, { answer, limits }) => {
    const { body } = asked;
    asked.note({ model: body.model });
    const answering = await answer(chatCall(body, limits, asked.signal));
    const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: body.model };
    return body.stream ? await stream(answering, head, asked) : await whole(answering, head, asked);
  },
});

interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** @throws HttpError 400 */
function chatCall(body: ChatBody, limits: Limits, signal: AbortSignal): Call {
  const { max_tokens, max_completion_tokens, tools, parallel_tool_calls: parallelToolCalls } = body;
  if (max_tokens !== undefined && max_completion_tokens !== undefined && max_tokens !== max_completion_tokens)
    throw badRequest(
      'two_max_tokens',
      'max_tokens and max_completion_tokens mean the same and differ',
      'max_tokens',
      'Send one of them.',
    );
  if (body.top_logprobs && !body.logprobs)
    throw badRequest('logprobs_off', 'top_logprobs needs logprobs', 'top_logprobs', 'Send "logprobs": true with it.');
  checkLogprobs(body.top_logprobs, 'top_logprobs', limits);
  return {
    ...sharedCall(body, limits),
    prompt: { messages: messagesOf(body.messages), tools, toolChoice: toolChoiceOf(body), parallelToolCalls },
    maxTokens: maxTokensOf(max_completion_tokens ?? max_tokens),
    logprobs: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
    signal,
  };
}

/** @throws HttpError 400 for a tool that there is not */
function toolChoiceOf({ tools = [], tool_choice: given }: ChatBody): ToolChoice | undefined {
  const choice = typeof given === 'object' ? { name: given.function.name } : given;
  checkToolChoice(
    choice,
    tools.map((tool) => tool.function.name),
  );
  return choice;
}

type ToolCallPiece = Extract<Piece, { type: 'tool-call' }>;

const toolCall = ({ id, name, arguments: args }: ToolCallPiece) => ({
  ...{ id, type: 'function' as const },
  function: { name, arguments: args },
});

interface Choice {
  text: string;
  calls: ToolCallPiece[];
  tokens: TokenInfo[];
  reason: string;
}

async function whole(answering: Answering, head: Head, asked: Asked<ChatBody>): Promise<Response> {
  const choices = new Map<number, Choice>();
  const header = cachedHeader([answering]);
  const pieces = together([answering]);
  let next = await pieces.next();
  for (; !next.done; next = await pieces.next()) {
    const [, piece] = next.value;
    const choice = choices.get(piece.choice) ?? { text: '', calls: [], tokens: [], reason: '' };
    choices.set(piece.choice, choice);
    if (piece.type === 'text') choice.text += piece.text;
    if (piece.type === 'tool-call') choice.calls.push(piece);
    else choice.tokens.push(...(piece.logprobs ?? []));
    if (piece.type === 'end') choice.reason = piece.reason;
  }
  noteUsage(asked, next.value);
  const wantsLogprobs = asked.body.logprobs === true;
  return json(
    {
      ...{ id: head.id, object: 'chat.completion', created: head.created, model: head.model },
      choices: [...choices.entries()]
        .sort(([a], [b]) => a - b)
        .map(([index, { text, calls, tokens, reason }]) => ({
          index,
          message: {
            role: 'assistant',
            content: text === '' && calls.length > 0 ? null : text,
            refusal: null,
            ...(calls.length > 0 && { tool_calls: calls.map(toolCall) }),
          },
          logprobs: wantsLogprobs ? chatLogprobs(tokens) : null,
          finish_reason: reason,
        })),
      usage: usageOf(next.value),
    },
    200,
    await header,
  );
}

async function stream(answering: Answering, head: Head, asked: Asked<ChatBody>): Promise<Response> {
  const { stream_options, logprobs: wantsLogprobs, n = 1 } = asked.body;
  const includeUsage = stream_options?.include_usage ?? false;
  const chunk = (choices: unknown[], usage: unknown = null) => ({
    ...{ id: head.id, object: 'chat.completion.chunk', created: head.created, model: head.model, choices },
    ...(includeUsage && { usage }),
  });
  const one = (index: number, delta: unknown, tokens: readonly TokenInfo[] = [], reason: string | null = null) =>
    chunk([
      {
        index,
        delta,
        logprobs: wantsLogprobs && tokens.length > 0 ? chatLogprobs(tokens) : null,
        finish_reason: reason,
      },
    ]);
  return await streamed(
    [answering],
    {
      first: Array.from({ length: n }, (_, index) => one(index, { role: 'assistant', content: '' })),
      of(_answer, piece) {
        switch (piece.type) {
          case 'text':
            return [one(piece.choice, { content: piece.text }, piece.logprobs)];
          case 'tool-call':
            return [one(piece.choice, { tool_calls: [{ index: piece.index, ...toolCall(piece) }] })];
          case 'end':
            return [one(piece.choice, {}, piece.logprobs, piece.reason)];
        }
      },
      usage: (usage) => chunk([], usage),
    },
    includeUsage,
    asked,
  );
}
