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
import { requireModel } from '../require-model.ts';
import { type Asked, route } from '../route.ts';
import type { Serving } from '../serving.ts';
import { sharedFields, tokenIds } from './fields.ts';
import { charactersOf, completionLogprobs } from './logprobs.ts';
import { checkLogprobs, sharedCall } from './shared-call.ts';
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
  echo: maybe(z.boolean()).describe('The answer begins with the prompt'),
  best_of: maybe(z.int().min(1)).describe('Only the same as n'),
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
    const echoed = body.echo ? prompts.map((prompt) => textOf(prompt, body.model, serving)) : undefined;
    const answers = await Promise.all(prompts.map((prompt) => serving.answer({ ...call, prompt })));
    const head = { id: `cmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: body.model };
    return await (body.stream ? stream : whole)(answers, { ...head, echoed }, asked);
  },
});

interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  /** Of each prompt, where the answer begins with it. */
  readonly echoed: readonly string[] | undefined;
}

function promptsOf(prompt: Body['prompt']): Prompt[] {
  if (typeof prompt === 'string') return [{ text: prompt }];
  if (typeof prompt[0] === 'number') return [{ ids: prompt as number[] }];
  return (prompt as (string | number[])[]).map((each) => (typeof each === 'string' ? { text: each } : { ids: each }));
}

/** @throws HttpError 400 */
function callOf(body: Body, prompts: number, limits: Limits, signal: AbortSignal): Omit<Call, 'prompt'> {
  const { n = 1, best_of, suffix, echo, logprobs } = body;
  if (best_of !== undefined && best_of !== n)
    throw badRequest(
      'best_of',
      'best_of is not supported: every answer that is written is sent',
      'best_of',
      'Ask for n answers, and choose.',
    );
  if (suffix !== undefined && suffix !== '')
    throw badRequest(
      'suffix',
      'suffix is not supported: models here write from left to right',
      'suffix',
      'Leave it out.',
    );
  if (echo && logprobs !== undefined)
    throw badRequest(
      'echo_logprobs',
      'echo gives no log-probabilities: those of the prompt are not computed',
      'echo',
      'tsumugi score gives them.',
    );
  checkLogprobs(logprobs, 'logprobs', limits);
  const shared = sharedCall(body, limits);
  if (n * prompts > limits.n)
    throw badRequest(
      'n_too_large',
      `${prompts} prompts with n = ${n} ask for ${n * prompts} answers, and this server writes ${limits.n} at most`,
      'n',
    );
  return { ...shared, maxTokens: body.max_tokens ?? DEFAULT_MAX_TOKENS, logprobs, signal };
}

function textOf(prompt: Prompt, model: string, { models }: Serving): string {
  if ('text' in prompt) return prompt.text;
  return 'ids' in prompt ? requireModel(models, model).tokenizer.decode(prompt.ids) : '';
}

interface Choice {
  text: string;
  tokens: TokenInfo[];
  reason: string;
}

async function whole(answers: readonly Answering[], head: Head, asked: Asked<Body>): Promise<Response> {
  const { n = 1, logprobs } = asked.body;
  const choices = Array.from(
    { length: answers.length * n },
    (_, index): Choice => ({
      text: head.echoed?.[Math.floor(index / n)] ?? '',
      tokens: [],
      reason: '',
    }),
  );
  const header = cachedHeader(answers);
  const pieces = together(answers);
  let next = await pieces.next();
  for (; !next.done; next = await pieces.next()) {
    const [answer, piece] = next.value;
    const choice = choices[answer * n + piece.choice]!;
    if (piece.type === 'text') choice.text += piece.text;
    if (piece.type !== 'tool-call') choice.tokens.push(...(piece.logprobs ?? []));
    if (piece.type === 'end') choice.reason = piece.reason;
  }
  noteUsage(asked, next.value);
  return json(
    {
      ...{ id: head.id, object: 'text_completion', created: head.created, model: head.model },
      choices: choices.map(({ text, tokens, reason }, index) => ({
        ...{ index, text },
        logprobs: logprobs === undefined ? null : completionLogprobs(tokens, 0),
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
  const one = (index: number, text: string, tokens: readonly TokenInfo[] = [], reason: string | null = null) => {
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
      first: head.echoed?.flatMap((text, p) => Array.from({ length: n }, (_, k) => one(p * n + k, text))) ?? [],
      of: (answer, piece) => ofPiece(answer * n + piece.choice, piece),
      usage: (usage) => chunk([], usage),
    },
    includeUsage,
    asked,
  );
}
