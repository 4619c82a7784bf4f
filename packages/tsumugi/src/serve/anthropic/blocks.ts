// What messages of Anthropic's shape hold: blocks of text, calls of tools, and what those gave back.
import { z } from 'zod';

const read = 'text, tool_use and tool_result are read';

const textBlock = z.object({ type: z.literal('text'), text: z.string() });
/** What the model thought in an earlier turn: it is not given to it again. */
const thoughts = ['thinking', 'redacted_thinking'] as const;
const thoughtBlock = z.object({ type: z.enum(thoughts) });
const toolUse = z.object({
  type: z.literal('tool_use'),
  id: z.string().min(1),
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()),
});

const textOnly = z.discriminatedUnion('type', [textBlock], { error: (issue) => notRead(issue.input, 'text is read') });
export const textOrBlocks = z.union([z.string(), z.array(textOnly)]);

const toolResult = z.object({
  type: z.literal('tool_result'),
  tool_use_id: z.string().min(1),
  content: textOrBlocks.nullish(),
});

export const block = z.discriminatedUnion('type', [textBlock, toolUse, toolResult, thoughtBlock], {
  error: (issue) => notRead(issue.input, read),
});

export type Block = z.output<typeof block>;
type Texts = z.output<typeof textOrBlocks>;

/** Paragraphs of a system prompt or of a turn. */
export const textOf = (content: Texts | null | undefined): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('\n');

function notRead(value: unknown, what: string): string {
  const type = (value as { type?: unknown } | null | undefined)?.type;
  return typeof type === 'string' ? `blocks of the type "${type}" are not supported; ${what}` : `is no block: ${what}`;
}
