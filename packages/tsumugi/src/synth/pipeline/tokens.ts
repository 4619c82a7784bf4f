// How many tokens a text, a request and an answer are. Where no tokenizer is at hand it is an estimate, for plans and budgets.
import type { Answer, Backend, Request } from '../../eval/index.ts';

/** Characters of a token: of Japanese as o200k has it on technical text (1.64), of ASCII the usual rule of thumb. */
const [japanese, ascii] = [1.64, 4];
/** Around every message. */
const header = 4;

export function estimateTokens(text: string): number {
  let plain = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 128) plain++;
  return Math.ceil(plain / ascii + (text.length - plain) / japanese);
}

export const estimateMessages = (
  messages: readonly { readonly content: string }[],
  count: (text: string) => number = estimateTokens,
): number => messages.reduce((sum, { content }) => sum + header + count(content), 0);

interface Tokens {
  readonly read: number;
  readonly write: number;
}

/** What a request takes at most. */
export function requestTokens(backend: Backend, request: Request): Tokens {
  if (backend.weigh) return backend.weigh(request);
  if (request.kind !== 'generate') return { read: estimateTokens('text' in request ? request.text : ''), write: 0 };
  const { prompt, maxTokens } = request;
  const read = typeof prompt === 'string' ? estimateTokens(prompt) : estimateMessages(prompt);
  return { read, write: maxTokens };
}

/** What an answer took. @param most of its request, where the answer does not say */
export function answerTokens(answer: Answer, most: Tokens): Tokens {
  if ('text' in answer) return { read: answer.read ?? most.read, write: answer.tokens ?? estimateTokens(answer.text) };
  return { read: answer.tokens.reduce((sum, each) => sum + each, 0), write: 0 };
}
