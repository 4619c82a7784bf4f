// Log-probabilities in the two shapes of OpenAI.
import type { TokenInfo } from '../answer/call.ts';

export const chatLogprobs = (tokens: readonly TokenInfo[]) => ({
  content: tokens.map(({ text, logprob, bytes, top }) => ({
    ...{ token: text, logprob, bytes },
    top_logprobs: top.map((each) => ({ token: each.text, logprob: each.logprob, bytes: each.bytes })),
  })),
  refusal: null,
});

/** A token of a completion or of its prompt. */
export interface ToldToken extends Omit<TokenInfo, 'logprob'> {
  /** Null for the first of a prompt, which nothing comes before. */
  readonly logprob: number | null;
  /** Stands in no text: the BOS that was put before one. */
  readonly unwritten?: true;
}

/** @param offset characters of the answer before these tokens */
export function completionLogprobs(tokens: readonly ToldToken[], offset: number) {
  let place = offset;
  return {
    tokens: tokens.map(({ text }) => text),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(likeliest),
    text_offset: tokens.map((token) => {
      const start = place;
      place += widthOf(token);
      return start;
    }),
  };
}

/** By text, with the token itself, also where it is none of the likeliest: as OpenAI has it. Of two that read alike the likelier one. */
function likeliest({ text, logprob, top }: ToldToken): Record<string, number> | null {
  if (logprob === null) return null;
  const all = new Map<string, number>();
  for (const each of [...top, { text, logprob }]) if (!all.has(each.text)) all.set(each.text, each.logprob);
  return Object.fromEntries(all);
}

/** Characters that these tokens give. */
export const charactersOf = (tokens: readonly ToldToken[]): number =>
  tokens.reduce((sum, token) => sum + widthOf(token), 0);

/** A byte of a character has no character of its own. */
const widthOf = ({ text, bytes, unwritten }: ToldToken): number =>
  unwritten || (bytes.length === 1 && text.startsWith('bytes:')) ? 0 : text.length;
