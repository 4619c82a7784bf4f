// The bodies of `/tokenize` and `/detokenize`: in the words of vLLM (prompt or messages) and of llama-server (content).
import { z } from 'zod';
import { maybe } from '../http/body-fields.ts';

const message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.string(),
});

export const tokenizeBody = z.object({
  /** Left out: the first model of the server. */
  model: maybe(z.string()),
  prompt: maybe(z.string()),
  content: maybe(z.string()),
  messages: maybe(z.array(message).min(1)),
  tools: maybe(z.array(z.record(z.string(), z.unknown()))),
  /** vLLM's name: with BOS. Default true for `prompt`. */
  add_special_tokens: maybe(z.boolean()),
  /** llama-server's name of the same. Default false for `content`. */
  add_special: maybe(z.boolean()),
  /** Special pieces that are spelled in the text become their ids. Default false, as where a text is written on. */
  parse_special: maybe(z.boolean()),
  /** vLLM's: the pieces, in a list beside the ids. */
  return_token_strs: maybe(z.boolean()),
  /** llama-server's: the pieces, with their ids. */
  with_pieces: maybe(z.boolean()),
});

export const detokenizeBody = z.object({
  model: maybe(z.string()),
  tokens: z.array(z.int().min(0)),
});

export type TokenizeBody = z.output<typeof tokenizeBody>;
export type DetokenizeBody = z.output<typeof detokenizeBody>;
