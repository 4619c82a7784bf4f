// Tokens as clients see them: their text, and the bytes where a token is less than a character.
import type { TokenLogprobs } from '../../lm/index.ts';
import type { Tokenizer } from '../../text/index.ts';
import type { TokenInfo } from './call.ts';

/** As OpenAI writes them: a byte that is only part of a character is `bytes:\xe7`. */
function shown(tokenizer: Tokenizer, id: number): { id: number; text: string; bytes: number[] } {
  const byte = tokenizer.vocabulary.bytes[id] ?? -1;
  if (byte >= 0 && byte < 0x80) return { id, text: String.fromCharCode(byte), bytes: [byte] };
  if (byte >= 0) return { id, text: `bytes:\\x${byte.toString(16).padStart(2, '0')}`, bytes: [byte] };
  const text = tokenizer.piece(id)?.text ?? '';
  return { id, text, bytes: [...Buffer.from(text)] };
}

export const tokenInfo = (tokenizer: Tokenizer, id: number, { logprob, top }: TokenLogprobs): TokenInfo => ({
  ...shown(tokenizer, id),
  logprob: finite(logprob),
  top: top.map((each) => ({ ...shown(tokenizer, each.id), logprob: finite(each.logprob) })),
});

/** JSON has no −∞: vLLM and OpenAI write this. */
const finite = (logprob: number): number => Math.max(logprob, -9999);
