// Turns of Anthropic's shape as the messages that chat templates take. There, what tools gave back stands in turns of the user;
// here it is the tool that speaks. Turns of one speaker that follow each other are one.
import type { Message } from '../../text/index.ts';
import { badRequest } from '../http/http-error.ts';
import { type Block, textOf } from './blocks.ts';

export interface Turn {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: string | readonly Block[];
}

/** @throws HttpError naming the message that cannot stand where it stands */
export function conversationOf(system: string | undefined, turns: readonly Turn[]): Message[] {
  const messages: Message[] = system ? [{ role: 'system', content: system }] : [];
  /** Calls of tools so far: id → the tool's name. */
  const called = new Map<string, string>();
  for (const [i, { role, content }] of turns.entries()) {
    const blocks: readonly Block[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    for (const [k, block] of blocks.entries()) {
      const where = typeof content === 'string' ? `messages.${i}.content` : `messages.${i}.content.${k}`;
      add(messages, called, role, block, where);
    }
  }
  if (messages.at(-1)?.role !== 'user' && messages.at(-1)?.role !== 'tool')
    throw badRequest(
      'no_question',
      'the conversation must end with a message of the user: an answer cannot be begun for the model',
      'messages',
      'End with a message of the user that is not empty.',
    );
  return messages;
}

function add(messages: Message[], called: Map<string, string>, role: Turn['role'], block: Block, where: string): void {
  switch (block.type) {
    case 'text':
      if (block.text !== '') say(messages, role, block.text);
      return;
    case 'tool_use': {
      if (role !== 'assistant') throw misplaced(where, block.type, 'the assistant');
      const { id, name, input } = block;
      called.set(id, name);
      call(messages, { id, type: 'function', function: { name, arguments: input } });
      return;
    }
    case 'tool_result': {
      if (role !== 'user') throw misplaced(where, block.type, 'the user');
      const name = called.get(block.tool_use_id);
      if (name === undefined)
        throw badRequest(
          'unknown_tool_use',
          `no tool_use before it has the id "${block.tool_use_id}"`,
          `${where}.tool_use_id`,
          'Send the message of the assistant that calls the tool, too.',
        );
      messages.push({ role: 'tool', content: textOf(block.content), name, tool_call_id: block.tool_use_id });
    }
  }
}

/** Text of a speaker, with that before it where the same one spoke. */
function say(messages: Message[], role: Turn['role'], text: string): void {
  const last = messages.at(-1);
  if (last?.role !== role) messages.push({ role, content: text });
  else messages[messages.length - 1] = { ...last, content: last.content === '' ? text : `${last.content}\n${text}` };
}

/** A call, in the turn of the assistant that is under way. */
function call(messages: Message[], made: unknown): void {
  const last = messages.at(-1);
  if (last?.role !== 'assistant') messages.push({ role: 'assistant', content: '', tool_calls: [made] });
  else messages[messages.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), made] };
}

const misplaced = (where: string, type: string, who: string) =>
  badRequest('misplaced_block', `a block of the type ${type} belongs into a message of ${who}`, where);
