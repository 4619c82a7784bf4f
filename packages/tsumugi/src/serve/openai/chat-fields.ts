// The body of `POST /v1/chat/completions`.
import { z } from 'zod';
import { maybe, refused } from '../http/body-fields.ts';
import { sharedFields } from './fields.ts';

const part = z.looseObject({ type: z.string() });
const content = z.union([z.string(), z.array(part)], 'expected a text or a list of parts').nullish();

const toolCall = z.looseObject({
  id: maybe(z.string()),
  function: z.looseObject({ name: z.string(), arguments: z.union([z.string(), z.record(z.string(), z.unknown())]) }),
});

const chatMessage = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content,
  tool_calls: maybe(z.array(toolCall)),
});

const tool = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject({
    name: z.string().regex(/^[\w.-]{1,64}$/, 'a name of letters, digits, _, - and ., 64 at most'),
    parameters: maybe(z.record(z.string(), z.unknown())),
  }),
});

export const chatFields = z.object({
  ...sharedFields,
  messages: z.array(chatMessage).min(1).describe('The conversation'),
  max_completion_tokens: maybe(z.int().min(-1)).describe('The same as max_tokens'),
  logprobs: maybe(z.boolean()).describe('Give the log-probability of each token'),
  top_logprobs: maybe(z.int().min(0)).describe('And of so many of the likeliest beside it'),
  tools: maybe(z.array(tool)).describe('Functions that the model may call'),
  tool_choice: maybe(
    z.union(
      [
        z.enum(['auto', 'none', 'required']),
        z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) }),
      ],
      'expected "auto", "none", "required" or {"type": "function", "function": {"name": …}}',
    ),
  ),
  parallel_tool_calls: maybe(z.boolean()).describe('Whether several tools may be called at once (true)'),
  modalities: maybe(z.array(z.literal('text', 'can only be "text": the models write text'))),
  functions: refused('send "tools", which are newer'),
  function_call: refused('send "tool_choice", which is newer'),
  audio: refused('the models write text'),
  web_search_options: refused('the server searches nothing'),
  moderation: refused('there is no moderation here'),
});

export type ChatBody = z.output<typeof chatFields>;
