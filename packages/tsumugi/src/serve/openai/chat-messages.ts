// From messages in OpenAI's shape to those that chat templates take.
import { isObject, parseJson } from '../../base/index.ts';
import type { Message, Role } from '../../text/index.ts';
import { badRequest } from '../http/http-error.ts';
import type { ChatBody } from './chat-fields.ts';

type GivenMessage = ChatBody['messages'][number];

const roles: Readonly<Record<GivenMessage['role'], Role>> = {
  ...{ system: 'system', developer: 'system', user: 'user', assistant: 'assistant', tool: 'tool', function: 'tool' },
};

/** @throws HttpError 400 for parts that are no text */
export function messagesOf(messages: ChatBody['messages']): Message[] {
  return messages.map(({ role, content, tool_calls, ...rest }, i) => ({
    ...withoutNulls(rest),
    role: roles[role],
    content: textOf(content, `messages.${i}.content`),
    ...(tool_calls?.length && { tool_calls: tool_calls.map((call) => toolCallOf(call)) }),
  }));
}

const withoutNulls = (fields: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));

function textOf(content: GivenMessage['content'], field: string): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  return content
    .map((part, i) => {
      const { type, text } = part as { type: string; text?: unknown };
      if ((type === 'text' || type === 'input_text') && typeof text === 'string') return text;
      throw badRequest(
        'unsupported_content',
        type === 'text'
          ? `${field}.${i} has no text`
          : `${field}.${i} is of the type ${JSON.stringify(type.slice(0, 40))}: models here read text, no images, sounds or files`,
        field,
        'Send parts {"type": "text", "text": …}.',
      );
    })
    .join('');
}

function toolCallOf(call: NonNullable<GivenMessage['tool_calls']>[number]): unknown {
  const given = call.function.arguments;
  return typeof given === 'string' ? { ...call, function: { ...call.function, arguments: argumentsOf(given) } } : call;
}

/**
 * OpenAI writes the arguments of a call as a text of JSON, and a call without any as an empty one; templates expect what it says. What
 * is no object stays a text: a model wrote it so, and its conversation must go on.
 */
export function argumentsOf(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    const parsed = parseJson(text);
    return isObject(parsed) ? parsed : text;
  } catch {
    return text;
  }
}
