// From the shared fields of OpenAI's endpoints to a call.
import type { AnswerFormat } from '../../text/index.ts';
import type { Call, CallSampling } from '../answer/call.ts';
import { badRequest } from '../http/http-error.ts';
import type { Limits } from '../limits.ts';
import type { SharedBody } from './fields.ts';

export const samplingOf = (body: SharedBody): CallSampling => ({
  temperature: body.temperature,
  topP: body.top_p,
  topK: body.top_k === undefined ? undefined : Math.max(0, body.top_k),
  minP: body.min_p,
  repetitionPenalty: body.repetition_penalty,
  presencePenalty: body.presence_penalty,
  frequencyPenalty: body.frequency_penalty,
  logitBias: body.logit_bias,
  seed: seedOf(body.seed),
});

/** −1 asks for one that is drawn anew, as in vLLM and llama-server; one of 64 bits is taken as JSON gives it. */
export const seedOf = (seed: number | undefined): number | undefined =>
  seed === undefined || seed === -1 ? undefined : Number(BigInt.asIntN(53, BigInt(seed)));

/** What is the same whatever the prompt is. @throws HttpError 400 for what is above a limit, or two things that exclude each other */
export function sharedCall(body: SharedBody, limits: Limits): Omit<Call, 'prompt' | 'signal' | 'maxTokens'> {
  const n = body.n ?? 1;
  if (n > limits.n)
    throw badRequest('n_too_large', `n is ${n}, and this server writes ${limits.n} answers at most`, 'n');
  return {
    model: body.model,
    sampling: samplingOf(body),
    minTokens: body.min_tokens,
    stop: stopsOf(body.stop, limits),
    stopIds: body.stop_token_ids,
    ignoreEos: body.ignore_eos,
    n,
    format: formatOf(body),
    cacheSalt: body.cache_salt,
  };
}

/** −1 leaves it to the context and the server. */
export const maxTokensOf = (asked: number | undefined): number | undefined => (asked === -1 ? undefined : asked);

const LONGEST_STOP = 256;

export function stopsOf(
  stop: string | readonly string[] | undefined,
  { stops }: Pick<Limits, 'stops'>,
  field = 'stop',
): readonly string[] {
  const all = [stop ?? []].flat().filter((text) => text !== '');
  if (all.length > stops)
    throw badRequest('too_many_stops', `${field} has ${all.length} texts, and at most ${stops} are taken`, field);
  if (all.some(({ length }) => length > LONGEST_STOP))
    throw badRequest('stop_too_long', `a text of ${field} has more than ${LONGEST_STOP} characters`, field);
  return all;
}

function formatOf({ response_format, grammar, regex }: SharedBody): AnswerFormat | undefined {
  const formats: AnswerFormat[] = [];
  if (response_format?.type === 'json_object') formats.push({ type: 'json_object' });
  if (response_format?.type === 'json_schema')
    formats.push({ type: 'json_schema', schema: response_format.json_schema.schema });
  if (grammar !== undefined) formats.push({ type: 'grammar', grammar });
  if (regex !== undefined) formats.push({ type: 'regex', pattern: regex });
  if (formats.length > 1)
    throw badRequest(
      'two_formats',
      'an answer is held to one of response_format, grammar and regex',
      'response_format',
      'Send one of them.',
    );
  return formats[0];
}

/** @throws HttpError 400 */
export function checkLogprobs(
  count: number | undefined,
  field: string,
  { topLogprobs }: Pick<Limits, 'topLogprobs'>,
): void {
  if (count !== undefined && count > topLogprobs)
    throw badRequest('logprobs_too_large', `${field} is ${count}, and this server gives ${topLogprobs} at most`, field);
}
