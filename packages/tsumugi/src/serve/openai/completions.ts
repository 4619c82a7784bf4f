// `POST /v1/completions`: texts that go on from a prompt, without a chat template.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { cachedHeader } from '../answer/cached-header.ts';
import type { Answering, Call, Piece, Prompt, TokenInfo } from '../answer/call.ts';
import { together } from '../answer/together.ts';
import { maybe } from '../http/body-fields.ts';
import { badRequest } from '../http/http-error.ts';
import { json } from '../http/json.ts';
import type { Limits } from '../limits.ts';
import { type Asked, route } from '../route.ts';
import { type Echoed, echoOf, nothingWritten } from './echo.ts';
import { sharedFields, tokenIds } from './fields.ts';
import { charactersOf, completionLogprobs, type ToldToken } from './logprobs.ts';
import { checkLogprobs, maxTokensOf, sharedCall } from './shared-call.ts';
import { noteUsage, streamed } from './stream.ts';
import { usageOf } from './usage.ts';

const fields = z.object({
  ...sharedFields,
  prompt: z
    .union(
      [z.string(), tokenIds.min(1), z.array(z.string()).min(1), z.array(tokenIds).min(1)],
      'expected a text, token ids, or a list of either',
    )
    .describe('What is gone on from'),
  logprobs: maybe(z.int().min(0)).describe('Log-probabilities of each token, and of so many beside it'),
  echo: maybe(z.boolean()).describe('The answer begins with the prompt; with logprobs, those of its tokens'),
  best_of: maybe(z.int().min(1)).describe('So many answers are written, and the n likeliest of them sent (n)'),
  suffix: maybe(z.string()).describe('Not supported: models here write from left to right'),
});

type Body = z.output<typeof fields>;

/** As OpenAI has it. */
const DEFAULT_MAX_TOKENS = 16;

export const completions = route({
  method: 'POST',
  path: '/v1/completions',
  summary: 'Texts that go on from a prompt',
  body: fields,
  answer: async (asked, serving) => {
    const { body } = asked;
    asked.note({ model: body.model });
    const prompts = promptsOf(body.prompt);
    const call = callOf(body, prompts.length, serving.limits, asked.signal);
    const echoed = body.echo ? await Promise.all(prompts.map((prompt) => echoOf(prompt, call, serving))) : undefined;
    const isRead = echoed !== undefined && call.logprobs !== undefined;
    const answers =
      isRead && call.maxTokens === 0
        ? echoed.map(({ tokens }) => nothingWritten(tokens.length, call.n))
        : await Promise.all(prompts.map((prompt) => serving.answer({ ...call, prompt })));
    const head = { id: `cmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: body.model };
    return await (body.stream ? stream : whole)(answers, { ...head, echoed }, asked);
  },
});

interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  /** Of each prompt, where the answer begins with it. */
  readonly echoed: readonly Echoed[] | undefined;
}

function promptsOf(prompt: Body['prompt']): Prompt[] {
  if (typeof prompt === 'string') return [{ text: prompt }];
  if (typeof prompt[0] === 'number') return [{ ids: prompt as number[] }];
  return (prompt as (string | number[])[]).map((each) => (typeof each === 'string' ? { text: each } : { ids: each }));
}

/** @throws HttpError 400 */
function callOf(body: Body, prompts: number, limits: Limits, signal: AbortSignal): Omit<Call, 'prompt'> {
  const { n = 1, best_of: written = n, suffix, logprobs } = body;
  if (written < n)
    throw badRequest(
      'best_of',
      `best_of is ${written}: no ${n} answers can be chosen of so many`,
      'best_of',
      'Ask for more.',
    );
  if (written > n && body.stream)
    throw badRequest(
      'best_of',
      'best_of has no effect on a stream: which answers are the likeliest shows when all are written',
      'best_of',
      'Leave out best_of or stream.',
    );
  if (suffix !== undefined && suffix !== '')
    throw badRequest(
      'suffix',
      'suffix is not supported: models here write from left to right',
      'suffix',
      'Leave it out.',
    );
  checkLogprobs(logprobs, 'logprobs', limits);
  const shared = sharedCall(body, limits);
  if (written * prompts > limits.n)
    throw badRequest(
      'n_too_large',
      `${prompts} prompts with ${written > n ? 'best_of' : 'n'} = ${written} ask for ${written * prompts} answers, and this server writes ${limits.n} at most`,
      written > n ? 'best_of' : 'n',
    );
  return {
    ...shared,
    n: written,
    maxTokens: maxTokensOf(body.max_tokens ?? DEFAULT_MAX_TOKENS),
    logprobs: written > n ? (logprobs ?? 0) : logprobs,
    signal,
  };
}

interface Choice {
  text: string;
  tokens: TokenInfo[];
  reason: string;
}

/** Of the answers to one prompt the `n` likeliest, by the mean log-probability of their tokens. */
function likeliest(written: readonly Choice[], n: number): readonly Choice[] {
  if (written.length === n) return written;
  const mean = ({ tokens }: Choice) =>
    tokens.reduce((sum, { logprob }) => sum + logprob, 0) / Math.max(1, tokens.length);
  return written.toSorted((a, b) => mean(b) - mean(a)).slice(0, n);
}

async function whole(answers: readonly Answering[], head: Head, asked: Asked<Body>): Promise<Response> {
  const { n = 1, best_of: written = n, logprobs } = asked.body;
  const choices = answers.map(() =>
    Array.from({ length: written }, (): Choice => ({ text: '', tokens: [], reason: '' })),
  );
  const header = cachedHeader(answers);
  const pieces = together(answers);
  let next = await pieces.next();
  for (; !next.done; next = await pieces.next()) {
    const [answer, piece] = next.value;
    const choice = choices[answer]![piece.choice]!;
    if (piece.type === 'text') choice.text += piece.text;
    if (piece.type !== 'tool-call') choice.tokens.push(...(piece.logprobs ?? []));
    if (piece.type === 'end') choice.reason = piece.reason;
  }
  noteUsage(asked, next.value);
  return json(
    {
      ...{ id: head.id, object: 'text_completion', created: head.created, model: head.model },
      choices: choices
        .flatMap((own, p) => likeliest(own, n).map((choice) => ({ ...choice, before: head.echoed?.[p] })))
        .map(({ text, tokens, reason, before }, index) => ({
          index,
          text: (before?.text ?? '') + text,
          logprobs: logprobs === undefined ? null : completionLogprobs([...(before?.tokens ?? []), ...tokens], 0),
          finish_reason: reason,
        })),
      usage: usageOf(next.value),
    },
    200,
    await header,
  );
}

async function stream(answers: readonly Answering[], head: Head, asked: Asked<Body>): Promise<Response> {
  const { n = 1, stream_options, logprobs } = asked.body;
  const includeUsage = stream_options?.include_usage ?? false;
  const offsets = new Map<number, number>();
  const chunk = (choices: unknown[], usage: unknown = null) => ({
    ...{ id: head.id, object: 'text_completion', created: head.created, model: head.model, choices },
    ...(includeUsage && { usage }),
  });
  const one = (index: number, text: string, tokens: readonly ToldToken[] = [], reason: string | null = null) => {
    const offset = offsets.get(index) ?? 0;
    offsets.set(index, offset + charactersOf(tokens));
    const told = logprobs === undefined || tokens.length === 0 ? null : completionLogprobs(tokens, offset);
    return chunk([{ index, text, logprobs: told, finish_reason: reason }]);
  };
  const ofPiece = (index: number, piece: Piece) => {
    if (piece.type === 'text') return [one(index, piece.text, piece.logprobs)];
    return piece.type === 'end' ? [one(index, '', piece.logprobs, piece.reason)] : [];
  };
  return await streamed(
    answers,
    {
      first:
        head.echoed?.flatMap(({ text, tokens }, p) =>
          Array.from({ length: n }, (_, k) => one(p * n + k, text, tokens)),
        ) ?? [],
      of: (answer, piece) => ofPiece(answer * n + piece.choice, piece),
      usage: (usage) => chunk([], usage),
    },
    includeUsage,
    asked,
  );
}
