// The body of a request in Anthropic's shape, and the call that it asks for.
import { z } from 'zod';
import type { AnswerFormat, ToolChoice } from '../../text/index.ts';
import type { Call, Prompt } from '../answer/call.ts';
import { checkToolChoice } from '../answer/check-tool-choice.ts';
import { maybe, modelName, refused } from '../http/body-fields.ts';
import type { Limits } from '../limits.ts';
import { stopsOf } from '../openai/shared-call.ts';
import { block, textOf, textOrBlocks } from './blocks.ts';
import { conversationOf } from './conversation.ts';

const tool = z.object({
  type: maybe(
    z.literal('custom', { error: ({ input }) => `is ${String(input)}: the server runs no tools of its own` }),
  ),
  name: z.string().min(1).max(128),
  description: maybe(z.string()),
  input_schema: z.record(z.string(), z.unknown()),
});

const oneAtATime = { disable_parallel_tool_use: maybe(z.boolean()) };
const toolChoice = z.discriminatedUnion('type', [
  z.object({ type: z.literal('auto'), ...oneAtATime }),
  z.object({ type: z.literal('any'), ...oneAtATime }),
  z.object({ type: z.literal('tool'), name: z.string(), ...oneAtATime }),
  z.object({ type: z.literal('none') }),
]);

const thinking = z.discriminatedUnion('type', [
  z.object({ type: z.literal('disabled') }),
  z.object({ type: z.literal('adaptive') }),
]);

const outputFormat = z.object({ type: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()) });

/** What is counted: all that comes into the prompt. */
export const countBody = z.object({
  model: modelName,
  messages: z
    .array(z.object({ role: z.enum(['user', 'assistant', 'system']), content: z.union([z.string(), z.array(block)]) }))
    .min(1),
  system: maybe(textOrBlocks),
  tools: maybe(z.array(tool)),
  tool_choice: maybe(toolChoice),
  thinking: maybe(thinking),
  mcp_servers: refused('the server calls no other servers'),
});

export const messagesBody = countBody.extend({
  max_tokens: z.int().min(1),
  stop_sequences: maybe(z.array(z.string().min(1))),
  stream: maybe(z.boolean()),
  temperature: maybe(z.number().min(0).max(2)),
  top_p: maybe(z.number().min(0).max(1)),
  top_k: maybe(z.int().min(0)),
  output_config: maybe(z.object({ format: maybe(outputFormat) })),
  /** The earlier name of `output_config.format`. */
  output_format: maybe(outputFormat),
  container: refused('there are no containers here'),
  thread: refused(
    'nothing is kept between requests. Send the whole conversation: what was read before is not read again',
  ),
  /** Ours, as in the other endpoints. */
  cache_salt: maybe(z.string()),
});

export type CountBody = z.output<typeof countBody>;
export type MessagesBody = z.output<typeof messagesBody>;

/** @throws HttpError for a conversation that cannot be */
export function promptOf({ system, messages, tools, tool_choice: choice }: CountBody): Prompt {
  const toolChoice = choice && choiceOf(choice);
  checkToolChoice(
    toolChoice,
    (tools ?? []).map(({ name }) => name),
  );
  return {
    messages: conversationOf(system === undefined ? undefined : textOf(system), messages),
    ...(tools?.length && {
      tools: tools.map(({ name, description, input_schema: parameters }) => ({
        type: 'function',
        function: { name, ...(description !== undefined && { description }), parameters },
      })),
    }),
    ...(toolChoice !== undefined && { toolChoice }),
    ...(choice && choice.type !== 'none' && choice.disable_parallel_tool_use && { parallelToolCalls: false }),
  };
}

function choiceOf(choice: z.output<typeof toolChoice>): ToolChoice {
  if (choice.type === 'tool') return { name: choice.name };
  return choice.type === 'any' ? 'required' : choice.type;
}

/** @throws HttpError for a conversation that cannot be, or what is above a limit */
export function callOf(body: MessagesBody, limits: Limits, signal: AbortSignal): Call {
  const format = body.output_config?.format ?? body.output_format;
  return {
    model: body.model,
    prompt: promptOf(body),
    sampling: { temperature: body.temperature, topP: body.top_p, topK: body.top_k },
    maxTokens: body.max_tokens,
    stop: stopsOf(body.stop_sequences, limits, 'stop_sequences'),
    n: 1,
    ...(format && { format: { type: 'json_schema', schema: format.schema } satisfies AnswerFormat }),
    ...(body.cache_salt !== undefined && { cacheSalt: body.cache_salt }),
    signal,
  };
}
