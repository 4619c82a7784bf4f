// How many tokens a text is, where no tokenizer is at hand: an estimate, for plans and budgets.

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
