// `echo`: the prompt in front of what is written, and with `logprobs` how likely each of its tokens was. For those it is read by itself,
// whole: what the prefix cache remembers says nothing of them.
import type { Answering, CallUsage, Piece, Prompt } from '../answer/call.ts';
import { allowedTokens } from '../answer/lengths.ts';
import { tokenInfo } from '../answer/token-info.ts';
import { badId, requireModel } from '../require-model.ts';
import type { ServedModel } from '../served-model.ts';
import type { Serving } from '../serving.ts';
import type { ToldToken } from './logprobs.ts';

export interface Echoed {
  readonly text: string;
  /** With `logprobs`. */
  readonly tokens: readonly ToldToken[];
}

export interface EchoCall {
  readonly model: string;
  readonly maxTokens?: number | undefined;
  readonly logprobs?: number | undefined;
  readonly signal: AbortSignal;
}

/** @throws HttpError for a prompt that is too long, or has ids that there are not */
export async function echoOf(prompt: Prompt, call: EchoCall, serving: Serving): Promise<Echoed> {
  const model = requireModel(serving.models, call.model);
  const { tokenizer, config } = model;
  const wrong = 'ids' in prompt ? prompt.ids.find((id) => id >= config.vocab_size) : undefined;
  if (wrong !== undefined) throw badId(model, wrong, 'the prompt has', 'prompt');
  const text = textOf(prompt, model);
  if (call.logprobs === undefined) return { text, tokens: [] };
  const { ids } = await serving.inSteps(serving.encode(call.model, prompt), call.signal);
  allowedTokens(model, ids.length, call.maxTokens, serving.limits);
  const scored = await serving.score(call.model, ids, call.logprobs, call.signal);
  const tokens = ids.map((id, i): ToldToken => {
    if (i > 0) return tokenInfo(tokenizer, id, scored[i - 1]!);
    const first = { ...tokenInfo(tokenizer, id, { logprob: 0, top: [] }), logprob: null };
    return 'text' in prompt ? { ...first, unwritten: true } : first;
  });
  return { text, tokens };
}

function textOf(prompt: Prompt, { tokenizer }: ServedModel): string {
  if ('text' in prompt) return prompt.text;
  return 'ids' in prompt ? tokenizer.decode(prompt.ids) : '';
}

/** In the place of answers where nothing is to be written: the prompt was read for its echo, and need not be again. */
export function nothingWritten(promptTokens: number, n: number): Answering {
  return Object.assign(ends(promptTokens, n), { promptTokens, begun: Promise.resolve({ cached: 0 }) });
}

async function* ends(prompt: number, n: number): AsyncGenerator<Piece, CallUsage> {
  for (let choice = 0; choice < n; choice++) yield { choice, type: 'end', reason: 'length' };
  return { prompt, cached: 0, generated: 0, timings: { queued: 0, prefill: 0, decode: 0 } };
}
