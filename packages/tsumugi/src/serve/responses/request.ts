// The body of a request for a response, in its text form, and the call that it asks for.
import { z } from 'zod';
import type { AnswerFormat, ToolChoice } from '../../text/index.ts';
import type { Call, Prompt } from '../answer/call.ts';
import { checkToolChoice } from '../answer/check-tool-choice.ts';
import { maybe, modelName, refused } from '../http/body-fields.ts';
import { badRequest } from '../http/http-error.ts';
import type { Limits } from '../limits.ts';
import { seed } from '../openai/fields.ts';
import { checkLogprobs, seedOf } from '../openai/shared-call.ts';
import { conversationOf } from './conversation.ts';
import { inputItem } from './items.ts';

const ofFunctions = (value: unknown) =>
  `is ${JSON.stringify((value as { type?: unknown } | null)?.type)}: the server runs no tools of its own, it knows the type "function"`;

const tool = z.discriminatedUnion(
  'type',
  [
    z.object({
      type: z.literal('function'),
      name: z.string().min(1).max(128),
      description: maybe(z.string()),
      parameters: maybe(z.record(z.string(), z.unknown())),
      strict: maybe(z.boolean()),
    }),
  ],
  { error: ({ input }) => ofFunctions(input) },
);
const named = z.object({ type: z.literal('function'), name: z.string() });
const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.discriminatedUnion('type', [
    named,
    z.object({ type: z.literal('allowed_tools'), mode: z.enum(['auto', 'required']), tools: z.array(named) }),
  ]),
]);

const format = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    name: z.string(),
    description: maybe(z.string()),
    schema: z.record(z.string(), z.unknown()),
    strict: maybe(z.boolean()),
  }),
]);

const again =
  'nothing is kept between requests. Send the earlier items in "input": what was read before is not read again';

export const responsesBody = z.object({
  model: modelName,
  input: z.union([z.string().min(1), z.array(inputItem).min(1)]),
  instructions: maybe(z.string()),
  max_output_tokens: maybe(z.int().min(1)),
  temperature: maybe(z.number().min(0).max(2)),
  top_p: maybe(z.number().min(0).max(1)),
  top_logprobs: maybe(z.int().min(0)),
  include: maybe(z.array(z.string())),
  stream: maybe(z.boolean()),
  tools: maybe(z.array(tool)),
  tool_choice: maybe(toolChoice),
  parallel_tool_calls: maybe(z.boolean()),
  text: maybe(z.object({ format: maybe(format) })),
  truncation: maybe(z.literal('disabled', { error: 'can only be "disabled": a prompt that is too long is refused' })),
  metadata: maybe(z.record(z.string(), z.string())),
  store: maybe(z.literal(false, { error: `can only be false: ${again}` })),
  background: maybe(z.literal(false, { error: 'can only be false: an answer is written while its client waits' })),
  previous_response_id: refused(again),
  conversation: refused(again),
  prompt: refused('there are no stored prompts here'),
  moderation: refused('there is no moderation here'),
  image: refused('the models write text'),
  /** Ours, as in the other endpoints. */
  seed,
  cache_salt: maybe(z.string()),
});

export type ResponsesBody = z.output<typeof responsesBody>;

const noParameters = { type: 'object', properties: {}, additionalProperties: false };

/** The tools that may be called, and whether. @throws HttpError for a tool that is allowed and not there */
function toolsOf({ tools = [], tool_choice: choice, parallel_tool_calls: parallel }: ResponsesBody): Partial<Prompt> {
  const allowed = typeof choice === 'object' && choice.type === 'allowed_tools' ? choice : undefined;
  for (const { name } of allowed?.tools ?? [])
    if (!tools.some((each) => each.name === name))
      throw badRequest('unknown_tool', `there is no tool "${name}"`, 'tool_choice.tools');
  const mine = allowed ? tools.filter(({ name }) => allowed.tools.some((each) => each.name === name)) : tools;
  const toolChoice: ToolChoice | undefined =
    typeof choice !== 'object' ? choice : choice.type === 'function' ? { name: choice.name } : choice.mode;
  checkToolChoice(
    toolChoice,
    mine.map(({ name }) => name),
  );
  return {
    ...(mine.length > 0 && {
      tools: mine.map(({ name, description, parameters = noParameters }) => ({
        type: 'function',
        function: { name, ...(description !== undefined && { description }), parameters },
      })),
    }),
    ...(toolChoice !== undefined && { toolChoice }),
    ...(parallel === false && { parallelToolCalls: false }),
  };
}

function formatOf({ text }: ResponsesBody): AnswerFormat | undefined {
  if (text?.format?.type === 'json_object') return { type: 'json_object' };
  return text?.format?.type === 'json_schema' ? { type: 'json_schema', schema: text.format.schema } : undefined;
}

/** @throws HttpError for items that cannot be a conversation, or what is above a limit */
export function callOf(body: ResponsesBody, limits: Limits, signal: AbortSignal): Call {
  checkLogprobs(body.top_logprobs, 'top_logprobs', limits);
  const format = formatOf(body);
  const logprobs = body.top_logprobs ?? (body.include?.includes('message.output_text.logprobs') ? 0 : undefined);
  return {
    model: body.model,
    prompt: { messages: conversationOf(body.instructions, body.input), ...toolsOf(body) },
    sampling: { temperature: body.temperature, topP: body.top_p, seed: seedOf(body.seed) },
    ...(body.max_output_tokens !== undefined && { maxTokens: body.max_output_tokens }),
    stop: [],
    n: 1,
    ...(logprobs !== undefined && { logprobs }),
    ...(format && { format }),
    ...(body.cache_salt !== undefined && { cacheSalt: body.cache_salt }),
    signal,
  };
}
