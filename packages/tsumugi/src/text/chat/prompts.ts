// Prompts to be answered, out of data: rows that say only what is asked, and those for fine-tuning, whose answer is put aside.
import { DataError } from '../../base/index.ts';
import { requireAsked } from './contradictions.ts';
import { conversationColumns, withSystem } from './conversation-rows.ts';
import type { ExampleSource } from './example.ts';
import { COLUMNS, readRow } from './formats.ts';
import type { Conversation } from './message.ts';
import { given, messagesField, toolsField, wrongField } from './message-fields.ts';
import { requireAlone } from './prompted-rows.ts';
import { listRowFiles, readRows } from './read-rows.ts';

type Values = Readonly<Record<string, unknown>>;

export interface PromptRow {
  /** Messages, which a template renders, or a text, which is taken as it is. */
  readonly prompt: string | Conversation;
  /** The row, and under `answer` what it has for an answer, unless there is a field of that name. */
  readonly values: Values;
  readonly source: ExampleSource;
}

/**
 * The prompts of `paths`, in order: `prompt` (a text or messages), `messages` up to the last answer, or `instruction` with `input`.
 *
 * @param columns that are read of Parquet files besides
 * @throws DataError naming file, row and field
 */
export async function* readPrompts(
  paths: readonly string[],
  columns: readonly string[] = [],
): AsyncGenerator<PromptRow> {
  const wanted = [...new Set([...COLUMNS, 'answer', ...columns])];
  for (const file of listRowFiles(paths))
    for await (const { row, value } of readRows(file, wanted)) yield promptOf(value, { file: file.path, row });
}

function promptOf(values: Values, source: ExampleSource): PromptRow {
  const prompt = given(values['prompt']);
  const completion = given(values['completion']);
  const beside = conversationColumns.find((name) => Array.isArray(values[name]));
  if (prompt !== undefined && beside !== undefined)
    requireAsked(prompt, messagesField(values[beside], beside, source), beside, source);
  if (typeof prompt === 'string') {
    requireAlone(prompt, values, source);
    return { prompt, values: withAnswer(values, completion), source };
  }
  if (prompt !== undefined) {
    const messages = withSystem(values, messagesField(prompt, 'prompt', source), source);
    return {
      prompt: asked({ messages, tools: toolsField(values['tools'], source) }, 'prompt', source),
      values,
      source,
    };
  }
  const { field, conversation } = conversationOf(values, source);
  const last = conversation.messages.at(-1)!;
  if (last.role !== 'assistant') return { prompt: asked(conversation, field, source), values, source };
  const before = { ...conversation, messages: conversation.messages.slice(0, -1) };
  return {
    prompt: asked(before, field, source),
    values: withAnswer(values, last.content === '' ? undefined : last.content),
    source,
  };
}

/** A conversation that somebody is to answer. */
function asked(conversation: Conversation, field: string, source: ExampleSource): Conversation {
  const last = conversation.messages.at(-1);
  if (last !== undefined && last.role !== 'assistant') return conversation;
  throw wrongField(source, field, 'messages of which the last waits for an answer', conversation.messages);
}

function conversationOf(values: Values, source: ExampleSource): { field: string; conversation: Conversation } {
  const field = ['messages', 'conversations', 'conversation', 'instruction'].find(
    (name) => given(values[name]) !== undefined,
  );
  const form = field === 'instruction' ? 'instruction' : 'messages';
  const whole = form === 'instruction' ? { ...values, output: outputOf(values) } : values;
  const read = field === undefined ? undefined : readRow(form, whole, source);
  if (read?.kind === 'conversation') return { field: field!, conversation: read.conversation };
  const { file, row } = source;
  throw new DataError(
    'no-prompt',
    `${file}, row ${row} has ${Object.keys(values).join(', ') || 'no columns'}, and no prompt`,
    {
      remedy: 'Write prompt (a text or messages), messages, or instruction.',
      fields: { file, row, columns: Object.keys(values) },
    },
  );
}

/** Rows that are to be answered need have no answer. */
const outputOf = (values: Values) => given(values['output']) ?? given(values['response']) ?? '';

const withAnswer = (values: Values, answer: unknown): Values =>
  answer === undefined || given(values['answer']) !== undefined ? values : { ...values, answer };
