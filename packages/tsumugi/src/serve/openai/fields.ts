// The fields that OpenAI's completions and chat completions have in common, with those that vLLM and llama-server take besides. Null
// counts as not there: clients send it for what they do not set.
import { z } from 'zod';
import { maybe, modelName, refused } from '../http/body-fields.ts';

const within = (least: number, most: number) => maybe(z.number().min(least).max(most));
const count = maybe(z.int().min(0));
/** llama-server and LM Studio write -1 where nobody says how many. */
const asked = maybe(z.int().min(-1));
/** JSON has whole numbers beyond 2⁵³, and clients draw seeds of 64 bits. */
export const seed = maybe(z.number().refine(Number.isInteger, 'expected a whole number'));
export const tokenIds = z.array(z.int().min(0));

/** Other servers' names of what an answer is held to: whoever sends one would get an answer that is held to nothing. */
const refusedFormats = {
  guided_json: refused('send "response_format" with a JSON schema'),
  guided_regex: refused('send "regex"'),
  guided_grammar: refused('send "grammar"'),
  guided_choice: refused('send "regex" with the choices, as in "cat|dog"'),
  structured_outputs: refused('send "response_format", "regex" or "grammar"'),
  json_schema: refused('send "response_format" with a JSON schema'),
};

export const sharedFields = {
  model: modelName,
  n: maybe(z.int().min(1)).describe('Answers to write (1)'),
  stream: maybe(z.boolean()).describe('Send the answer in events as it is written'),
  stream_options: maybe(z.object({ include_usage: maybe(z.boolean()) })),
  max_tokens: asked.describe('Tokens to add at most; -1 for as many as there is room for'),
  min_tokens: count.describe('The model does not end its text before so many'),
  temperature: within(0, 100).describe('0 takes the likeliest token (generation_config.json, or 1)'),
  top_p: within(0, 1).describe('Only the likeliest tokens that together have this probability (1)'),
  top_k: maybe(z.int().min(-1)).describe('Only so many of the likeliest; 0 or -1 for all'),
  min_p: within(0, 1).describe('Only tokens at least so likely, relative to the likeliest (0)'),
  repetition_penalty: within(0.01, 100).describe('Above 1: tokens of prompt and answer become less likely (1)'),
  presence_penalty: within(-2, 2).describe('Taken off the logits of tokens of the answer (0)'),
  frequency_penalty: within(-2, 2).describe('The same, as often as they came (0)'),
  logit_bias: maybe(
    z.record(z.string().regex(/^\d{1,9}$/, 'its names must be token ids'), z.number().min(-100).max(100)),
  ).describe('Token id → what is added to its logit'),
  seed: seed.describe('The same seed gives the same answer (drawn anew, as for -1)'),
  stop: maybe(z.union([z.string(), z.array(z.string())], 'expected a text or a list of texts')).describe(
    'Texts that end the answer',
  ),
  stop_token_ids: maybe(tokenIds).describe('Ids that end it'),
  ignore_eos: maybe(z.boolean()).describe("The model's own end ends nothing"),
  response_format: maybe(
    z.discriminatedUnion(
      'type',
      [
        z.object({ type: z.literal('text') }),
        z.object({ type: z.literal('json_object') }),
        z.object({
          type: z.literal('json_schema'),
          json_schema: z.looseObject({ schema: z.record(z.string(), z.unknown()) }),
        }),
      ],
      'expected {"type": "text"}, {"type": "json_object"} or {"type": "json_schema", "json_schema": {"schema": …}}',
    ),
  ).describe('What the answer is held to'),
  grammar: maybe(z.string()).describe('A grammar in EBNF that the answer is held to'),
  regex: maybe(z.string()).describe('A regular expression that the whole answer matches'),
  ...refusedFormats,
  cache_salt: maybe(z.string().max(256)).describe('Whoever sends another shares nothing of the prefix cache'),
  user: maybe(z.string()).describe('Taken and not used'),
};

export type SharedBody = z.output<z.ZodObject<typeof sharedFields>>;
