// Items of OpenAI's responses as the messages that chat templates take. There, a call of a function stands beside the message of the
// assistant; here it is part of it.
import type { Message } from '../../text/index.ts';
import { badRequest } from '../http/http-error.ts';
import { argumentsOf } from '../openai/chat-messages.ts';
import { type InputItem, textOf } from './items.ts';

/** @throws HttpError naming the item that cannot stand where it stands */
export function conversationOf(instructions: string | undefined, input: string | readonly InputItem[]): Message[] {
  const messages: Message[] = instructions ? [{ role: 'system', content: instructions }] : [];
  if (typeof input === 'string') return [...messages, { role: 'user', content: input }];
  /** Calls so far: id → the function's name. */
  const called = new Map<string, string>();
  for (const [i, item] of input.entries()) {
    const last = messages.at(-1);
    switch (item.type) {
      case 'message':
        messages.push({ role: item.role === 'developer' ? 'system' : item.role, content: textOf(item.content) });
        break;
      case 'function_call': {
        const { call_id: id, name } = item;
        called.set(id, name);
        const call = { id, type: 'function', function: { name, arguments: argumentsOf(item.arguments) } };
        if (last?.role !== 'assistant') messages.push({ role: 'assistant', content: '', tool_calls: [call] });
        else messages[messages.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), call] };
        break;
      }
      case 'function_call_output': {
        const name = called.get(item.call_id);
        if (name === undefined)
          throw badRequest(
            'unknown_call',
            `no function_call before it has the call_id "${item.call_id}"`,
            `input.${i}.call_id`,
            'Send the item of the call, too: nothing is kept between requests.',
          );
        messages.push({ role: 'tool', content: textOf(item.output), name, tool_call_id: item.call_id });
      }
    }
  }
  if (messages.every(({ role }) => role === 'system'))
    throw badRequest('no_question', 'there is no message to answer', 'input');
  return messages;
}
