// Log-probabilities in the two shapes of OpenAI.
import type { TokenInfo } from '../answer/call.ts';

export const chatLogprobs = (tokens: readonly TokenInfo[]) => ({
  content: tokens.map(({ text, logprob, bytes, top }) => ({
    ...{ token: text, logprob, bytes },
    top_logprobs: top.map((each) => ({ token: each.text, logprob: each.logprob, bytes: each.bytes })),
  })),
  refusal: null,
});

/** @param offset characters of the answer before these tokens */
export function completionLogprobs(tokens: readonly TokenInfo[], offset: number) {
  let place = offset;
  return {
    tokens: tokens.map(({ text }) => text),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ top }) => Object.fromEntries(top.map(({ text, logprob }) => [text, logprob]))),
    text_offset: tokens.map(({ text, bytes }) => {
      const start = place;
      // A byte of a character has no character of its own.
      if (bytes.length !== 1 || !text.startsWith('bytes:')) place += text.length;
      return start;
    }),
  };
}

/** Characters that these tokens give. */
export const charactersOf = (tokens: readonly TokenInfo[]): number =>
  tokens.reduce((sum, { text, bytes }) => sum + (bytes.length === 1 && text.startsWith('bytes:') ? 0 : text.length), 0);
