// How likely a text is, from an endpoint that echoes a prompt with its log-probabilities (`echo`, `logprobs`, no new tokens):
// vLLM does. The endpoint tokenises by itself, so where a choice begins is found from the tokens that come back.
//
// The endpoint's `text_offset` is not used: services count it in different units and with or without BOS, and it drifts after
// a character that takes several byte tokens. The tokens' own texts are added up instead, and where they do not spell the
// text, the tokens of the prompt alone say where the prompt ends.
import { UserError } from '../../base/index.ts';
import type { ChoicesAnswer, ChoicesRequest, RollingAnswer, RollingRequest } from '../request.ts';
import type { JsonObject } from './openai-body.ts';
import { EndpointError } from './openai-error.ts';
import type { OpenaiClient, PostOptions } from './openai-http.ts';
import type { Adapter } from './openai-parameters.ts';

export interface Echo {
  tokens: readonly string[];
  /** ln p of each token after those before it; null for the first. */
  logprobs: readonly (number | null)[];
}

/** Whether prompts are echoed with log-probabilities, and if so whether the endpoint puts BOS before them. */
export type EchoSupport = { echo: true; bos: boolean } | { echo: false };

/** @throws EndpointError when the endpoint refuses, or its answer is no echo with log-probabilities */
export async function askEcho(
  client: OpenaiClient,
  adapter: Adapter,
  text: string,
  options: PostOptions,
): Promise<Echo> {
  const body = { model: client.model, prompt: text, max_tokens: 0, echo: true, logprobs: 1, temperature: 0 };
  const { answer } = await adapter.post('/completions', body, options);
  const choice = (answer.choices as JsonObject[])[0];
  const { tokens, token_logprobs: logprobs } = (choice?.logprobs ?? {}) as {
    tokens?: unknown;
    token_logprobs?: unknown;
  };
  const sound =
    choice?.text === text &&
    Array.isArray(tokens) &&
    tokens.length > 0 &&
    Array.isArray(logprobs) &&
    tokens.length === logprobs.length &&
    tokens.every((token) => typeof token === 'string') &&
    logprobs.every((logprob, i) => isProbability(logprob) || (i === 0 && logprob === null));
  if (!sound)
    throw new EndpointError(
      'no-echo',
      `${options.subject}: ${client.endpoint} did not echo the prompt with its log-probabilities`,
      {
        remedy: 'Ask an endpoint that supports `echo` with `logprobs` (vLLM does), or a task that only generates.',
        fields: { status: 400 },
      },
    );
  const odd = logprobs.findIndex((logprob, i) => i > 0 && !Number.isFinite(logprob));
  if (odd > 0)
    throw new EndpointError(
      'no-number',
      `${options.subject}: ${client.endpoint} gives the token ${JSON.stringify(tokens[odd])} (number ${odd + 1} of ${tokens.length}) the log-probability ${logprobs[odd]}`,
      {
        remedy: 'Nothing can be compared with that: check the model’s weights, or a vocabulary that the service masks.',
        fields: { status: 400, token: tokens[odd], position: odd },
      },
    );
  return { tokens, logprobs };
}

/** Also what is meant for one: null, "-Infinity", "nan". */
const isProbability = (value: unknown): boolean =>
  typeof value === 'number' ||
  value === null ||
  (typeof value === 'string' && /^[-+]?(inf|infinity|nan)$/i.test(value));

/**
 * Two short texts that begin differently: a first token that both share, and that has no probability, is BOS. Some services take
 * `echo` and answer with the log-probabilities of something else, so the tokens must be those of the text.
 */
export async function probeEcho(client: OpenaiClient, adapter: Adapter): Promise<EchoSupport> {
  try {
    const options = { subject: 'asking what it can do', isProbe: true };
    const [one, other] = [
      await askEcho(client, adapter, 'a dog', options),
      await askEcho(client, adapter, '猫', options),
    ];
    const bos = one.tokens[0] === other.tokens[0] && one.logprobs[0] === null && other.logprobs[0] === null;
    // Whatever stands for the space.
    const spelt = /^\W*a\W*dog$/.test(one.tokens.slice(bos ? 1 : 0).join(''));
    return spelt ? { echo: true, bos } : { echo: false };
  } catch (error) {
    if (error instanceof EndpointError && error.refused) return { echo: false };
    throw error;
  }
}

/** @param ask echoes a text */
export async function echoChoices(
  { prompt, choices }: ChoicesRequest,
  bos: boolean,
  ask: (text: string) => Promise<Echo>,
): Promise<ChoicesAnswer> {
  if (choices.includes(''))
    throw new UserError('empty-choice', `an empty choice cannot be scored: ${JSON.stringify(choices)}`, {
      remedy: 'Check the data of the task.',
    });
  const answer: ChoicesAnswer = { logprobs: [], tokens: [] };
  let alone: Echo | undefined;
  for (const choice of choices) {
    const whole = await ask(prompt + choice);
    const begin = beginning(whole.tokens, prompt, choice, bos);
    if (begin === undefined) alone ??= await ask(prompt);
    const scored = begin === undefined ? beyond(whole, alone!) : sum(whole, begin);
    answer.logprobs.push(scored.logprob);
    answer.tokens.push(scored.tokens);
  }
  return answer;
}

/** The position of the choice's first token, if the tokens spell the text and one begins where the choice does. */
function beginning(tokens: readonly string[], prompt: string, choice: string, bos: boolean): number | undefined {
  const first = bos ? 1 : 0;
  if (prompt === '') return first;
  if (tokens.slice(first).join('') !== prompt + choice) return undefined;
  let length = 0;
  let position = first;
  while (length < prompt.length) length += tokens[position++]!.length;
  return length === prompt.length ? position : undefined;
}

/**
 * ln P(whole) − ln P(prompt) by the chain rule. The tokens that both begin with cancel; where the choice merges with the end
 * of the prompt, the merged token counts as the choice's.
 */
function beyond(whole: Echo, prompt: Echo): { logprob: number; tokens: number } {
  let shared = 0;
  while (shared < prompt.tokens.length && whole.tokens[shared] === prompt.tokens[shared]) shared++;
  const [all, replaced] = [sum(whole, shared), sum(prompt, shared)];
  return { logprob: all.logprob - replaced.logprob, tokens: all.tokens };
}

function sum({ logprobs }: Echo, begin: number): { logprob: number; tokens: number } {
  let logprob = 0;
  for (const value of logprobs.slice(begin)) {
    if (value === null)
      throw new EndpointError(
        'no-first-token',
        'the endpoint puts no BOS before a text, so it has no probability for a first token',
        {
          remedy: 'Ask with a prompt before the choices.',
        },
      );
    logprob += value;
  }
  return { logprob, tokens: logprobs.length - begin };
}

/** @param echo of the request's text, after BOS */
export function echoRolling({ text, edges }: RollingRequest, echo: Echo): RollingAnswer {
  const tokens = echo.tokens.slice(1);
  const ends = edges ?? [tokens.length];
  const characters = edges ? completedCharacters(tokens, text) : [...tokens.map(() => 0), [...text].length];
  const answer: RollingAnswer = { nats: [], tokens: [], characters: [] };
  let begin = 0;
  for (const edge of ends) {
    const end = Math.min(edge, tokens.length);
    let nats = 0;
    for (let i = begin; i < end; i++) nats -= echo.logprobs[i + 1]!;
    answer.nats.push(nats);
    answer.tokens.push(end - begin);
    answer.characters.push(characters[end]! - characters[begin]!);
    begin = end;
  }
  return answer;
}

/** A token that is part of a character is written as U+FFFD, as nothing, or by its byte: llama.cpp's way, or OpenAI's. */
const partOfCharacter = /^(\ufffd*|<0x[0-9A-Fa-f]{2}>|bytes:(\\x[0-9A-Fa-f]{2})+)$/;

/**
 * characters[i] = Unicode characters that the first i tokens complete. A run of byte tokens completes what lies before the
 * next readable token, and counts for the last token of the run.
 *
 * @throws EndpointError when the tokens do not spell the text
 */
export function completedCharacters(tokens: readonly string[], text: string): number[] {
  const characters = [0];
  let [place, count, run] = [0, 0, 0];
  const advance = (to: number) => {
    count += [...text.slice(place, to)].length;
    place = to;
  };
  for (const [i, token] of tokens.entries()) {
    if (partOfCharacter.test(token) && (token === '' || !text.startsWith(token, place))) {
      run++;
      // A run at the end completes the rest.
      if (i === tokens.length - 1) advance(text.length);
    } else {
      const found = run > 0 ? text.indexOf(token, place) : place;
      const skipped = found < 0 ? -1 : [...text.slice(place, found)].length;
      if (skipped < 0 || skipped > run || !text.startsWith(token, found)) throw misspelt();
      advance(found);
      characters[i] = count;
      run = 0;
      advance(found + token.length);
    }
    characters.push(count);
  }
  if (place !== text.length) throw misspelt();
  return characters;
}

function misspelt(): EndpointError {
  return new EndpointError(
    'unreadable-tokens',
    'the tokens that the endpoint echoes do not spell the text it was asked about',
    {
      remedy: 'Measure the text as a whole, or with the engine or a GGUF.',
    },
  );
}
