// Columns of a row that say the same thing in two ways. Where they say different things, one of them would be left out in silence.
import { DataError } from '../../base/index.ts';
import type { Values } from './data-row.ts';
import type { ExampleSource } from './example.ts';
import type { Message } from './message.ts';
import { given, messagesField } from './message-fields.ts';

/** @param columns the two that contradict each other */
function contradiction({ file, row }: ExampleSource, columns: readonly [string, string], how: string): DataError {
  return new DataError('contradiction', `${file}, row ${row}: ${columns[0]} and ${columns[1]} ${how}`, {
    remedy: 'Take one of them out, or mend it.',
    fields: { file, row, field: columns[0], other: columns[1] },
  });
}

/** Which of the columns that mean the same a row has; an empty text counts as not there, where another is. @throws DataError for two that differ */
export function theOne(values: Values, names: readonly string[], source: ExampleSource): string | undefined {
  const there = names.filter((name) => given(values[name]) !== undefined);
  const [first, ...others] = there.filter((name) => values[name] !== '');
  if (first === undefined) return there[0];
  const other = others.find((name) => JSON.stringify(values[name]) !== JSON.stringify(values[first]));
  if (other === undefined) return first;
  throw contradiction(source, [first, other], 'differ, and mean the same');
}

/** @throws DataError where a column `system` says something else than the system message that is there */
export function requireSameSystem(system: string, { content }: Message, source: ExampleSource): void {
  if (system.trim() === content.trim()) return;
  throw contradiction(source, ['system', 'the message of the role system'], 'differ');
}

const spoken = (messages: readonly Message[]) => messages.filter(({ role }) => role !== 'system');

/**
 * @param asked a `prompt` beside whole conversations: a text that the user says in them, or the messages that they begin with
 * @throws DataError where the conversations in `columns` begin otherwise
 */
export function requireAsked(
  asked: unknown,
  conversation: readonly Message[],
  columns: string,
  source: ExampleSource,
): void {
  const begin = spoken(conversation);
  const isSame =
    typeof asked === 'string'
      ? begin.some(({ role, content }) => role === 'user' && content.trim() === asked.trim())
      : spoken(messagesField(asked, 'prompt', source)).every(
          ({ role, content }, i) => role === begin[i]?.role && content.trim() === begin[i].content.trim(),
        );
  if (!isSame) throw contradiction(source, ['prompt', columns], 'ask different things');
}
