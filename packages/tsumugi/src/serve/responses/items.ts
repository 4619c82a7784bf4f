// What the input of OpenAI's responses is made of: messages, calls of functions and what those gave back.
import { z } from 'zod';
import { maybe } from '../http/body-fields.ts';

/** `input_text` in what is asked, `output_text` and refusals in earlier answers. */
const part = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.enum(['input_text', 'output_text', 'text']), text: z.string() }),
    z.object({ type: z.literal('refusal'), refusal: z.string() }),
  ],
  { error: (issue) => notRead('parts', issue.input, 'the model reads text') },
);
const textOrParts = z.union([z.string(), z.array(part)]);

const message = z.object({
  type: maybe(z.literal('message')),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: textOrParts,
});
const functionCall = z.object({
  type: z.literal('function_call'),
  call_id: z.string().min(1),
  name: z.string().min(1),
  arguments: z.string(),
});
const functionOutput = z.object({
  type: z.literal('function_call_output'),
  call_id: z.string().min(1),
  output: textOrParts,
});
/** What a model thought in an earlier turn: it is not given to another. */
const reasoning = z.object({ type: z.literal('reasoning') });

const typed = z.discriminatedUnion(
  'type',
  [message.extend({ type: z.literal('message').optional() }), functionCall, functionOutput, reasoning],
  { error: (issue) => notRead('items', issue.input, 'message, function_call and function_call_output are read') },
);

/** An item without a type is a message. */
export const inputItem = z.preprocess(
  (item) => (isRecord(item) && item['type'] == null && 'role' in item ? { ...item, type: 'message' } : item),
  typed,
);

export type InputItem = z.output<typeof inputItem>;

export const textOf = (content: z.output<typeof textOrParts>): string =>
  typeof content === 'string'
    ? content
    : content.map((each) => (each.type === 'refusal' ? each.refusal : each.text)).join('\n');

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function notRead(what: string, value: unknown, read: string): string {
  const type = isRecord(value) ? value['type'] : undefined;
  return typeof type === 'string'
    ? `${what} of the type "${type}" are not supported; ${read}`
    : `lacks a type: ${read}`;
}
