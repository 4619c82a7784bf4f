// Rows that hold a whole conversation: messages, or an instruction with its answer.
import { requireSameSystem, theOne } from './contradictions.ts';
import type { DataRow, Values } from './data-row.ts';
import type { ExampleSource } from './example.ts';
import type { Message } from './message.ts';
import { given, messagesField, textField, toolsField, wrongField } from './message-fields.ts';

export const conversationColumns = ['messages', 'conversations', 'conversation'];
export const outputs = ['output', 'response'];
export const inputs = ['input', 'context'];

export function conversationRow(values: Values, source: ExampleSource): DataRow {
  const column = theOne(values, conversationColumns, source)!;
  const messages = withSystem(values, messagesField(values[column], column, source), source);
  return { kind: 'conversation', conversation: { messages, tools: toolsField(values['tools'], source) }, source };
}

/** The column `system` speaks first, where no message of that role does. */
export function withSystem(values: Values, messages: readonly Message[], source: ExampleSource): Message[] {
  const system = given(values['system']);
  if (system === undefined || system === '') return [...messages];
  const content = textField(system, 'system', source);
  const [first] = messages;
  if (first?.role !== 'system') return [{ role: 'system', content }, ...messages];
  requireSameSystem(content, first, source);
  return [...messages];
}

export function instructionRow(values: Values, source: ExampleSource): DataRow {
  const instruction = textField(values['instruction'], 'instruction', source);
  const input = theOne(values, inputs, source);
  const more = input === undefined ? '' : textField(values[input], input, source);
  const output = theOne(values, outputs, source)!;
  const messages: Message[] = [
    ...historyOf(values, source),
    // Our choice: a blank line between what is asked and what it is asked of.
    { role: 'user', content: more === '' ? instruction : `${instruction}\n\n${more}` },
    { role: 'assistant', content: textField(values[output], output, source) },
  ];
  return { kind: 'conversation', conversation: { messages: withSystem(values, messages, source) }, source };
}

/** Earlier turns, as pairs of question and answer. */
function historyOf(values: Values, source: ExampleSource): Message[] {
  const history = given(values['history']) ?? [];
  if (!Array.isArray(history)) throw wrongField(source, 'history', 'a list of pairs', history);
  return history.flatMap((pair: unknown, i): Message[] => {
    if (!Array.isArray(pair) || pair.length !== 2)
      throw wrongField(source, `history[${i}]`, 'a question and an answer', pair);
    const [question, answer] = pair.map((text, k) => textField(text, `history[${i}][${k}]`, source)) as [
      string,
      string,
    ];
    return [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ];
  });
}
