// Rows that hold a prompt and answers to it: a completion, a pair, an answer with a label.
import { requireAsked } from './contradictions.ts';
import { withSystem } from './conversation-rows.ts';
import type { DataRow, Values } from './data-row.ts';
import type { ExampleSource } from './example.ts';
import type { Message } from './message.ts';
import { given, messagesField, textField, toolsField, wrongField } from './message-fields.ts';
import type { Prompted } from './pairs.ts';

export function completionRow(values: Values, source: ExampleSource): DataRow {
  const { prompt, completion } = values;
  if (typeof prompt === 'string' && typeof completion === 'string')
    return { kind: 'prompted', prompted: promptedText(values, prompt, [completion], source), source };
  if (typeof prompt === 'string') throw wrongField(source, 'completion', 'a text, as the prompt is', completion);
  const asked = withSystem(values, messagesField(prompt, 'prompt', source), source);
  const answered = answerField(completion, 'completion', source);
  // Answers in the prompt are not what is to be learned.
  const before = asked.map(
    (message): Message => (message.role === 'assistant' ? { ...message, train: false } : message),
  );
  const conversation = { messages: [...before, ...answered], tools: toolsField(values['tools'], source) };
  return { kind: 'conversation', conversation, source };
}

/** Messages, or a text that the assistant says. */
const answerField = (value: unknown, field: string, source: ExampleSource): Message[] =>
  typeof value === 'string' ? [{ role: 'assistant', content: value }] : messagesField(value, field, source);

export function preferenceRow(values: Values, source: ExampleSource): DataRow {
  const { prompt: asked, chosen, rejected } = values;
  const prompted = (): Prompted => {
    if (typeof chosen === 'string' && typeof rejected === 'string' && !Array.isArray(asked))
      return promptedText(values, textField(given(asked), 'prompt', source), [chosen, rejected], source);
    return promptedConversation(values, { chosen, rejected }, source);
  };
  return { kind: 'prompted', prompted: prompted(), margin: marginOf(values, source), source };
}

/** By how much the chosen answer is better. */
function marginOf(values: Values, source: ExampleSource): number | undefined {
  const margin = given(values['margin']);
  if (margin === undefined) return undefined;
  if (typeof margin === 'number' && Number.isFinite(margin) && margin >= 0) return margin;
  throw wrongField(source, 'margin', 'a number of at least 0', margin);
}

export function ratedRow(values: Values, source: ExampleSource): DataRow {
  const { prompt, completion, label } = values;
  const number = typeof label === 'boolean' || typeof label === 'number' ? Number(label) : -1;
  if (number !== 0 && number !== 1) throw wrongField(source, 'label', 'true or false', label);
  const prompted: Prompted =
    typeof prompt === 'string' && typeof completion === 'string'
      ? promptedText(values, prompt, [completion], source)
      : promptedConversation(values, { completion }, source);
  return { kind: 'prompted', prompted, desirable: number === 1, source };
}

/** A prompt that is a text, which is taken as it is. */
function promptedText(values: Values, prompt: string, answers: readonly string[], source: ExampleSource): Prompted {
  requireAlone(prompt, values, source);
  return { kind: 'text', prompt, answers, source };
}

/** @throws DataError for what stands beside a prompt of text, and only a template could write */
export function requireAlone(prompt: string, values: Values, source: ExampleSource): void {
  const beside = ['system', 'tools'].find((name) => {
    const value = given(values[name]);
    return value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0);
  });
  if (beside !== undefined)
    throw wrongField(source, 'prompt', `messages, as there is "${beside}", which a text has no place for,`, prompt);
}

/** A prompt of messages with answers to it: each a message of the assistant, a text, or the whole conversation. */
function promptedConversation(values: Values, answers: Values, source: ExampleSource): Prompted {
  const [names, lists] = [
    Object.keys(answers),
    Object.entries(answers).map(([name, each]) => answerField(each, name, source)),
  ];
  const asked = given(values['prompt']);
  let prompt: Message[] = [];
  if (typeof asked === 'string') prompt = [{ role: 'user', content: asked }];
  else if (asked !== undefined) prompt = messagesField(asked, 'prompt', source);
  const whole = lists.every(([first]) => first!.role !== 'assistant') || asked === undefined;
  const common = whole ? commonLength(lists) : 0;
  if (whole) prompt = lists[0]!.slice(0, common);
  if (whole && asked !== undefined && prompt.length > 0) requireAsked(asked, prompt, names.join(' and '), source);
  if (prompt.length === 0)
    throw asked === undefined
      ? wrongField(source, 'prompt', 'messages or a text', asked)
      : wrongField(source, names.at(-1)!, `a conversation that begins as ${names[0]} does`, answers[names.at(-1)!]);
  if (prompt.at(-1)!.role === 'assistant')
    throw wrongField(source, 'prompt', 'messages of which the last waits for an answer', asked ?? prompt);
  const ends = lists.map((list, i): Message => {
    const rest = list.slice(common);
    if (rest.length !== 1 || rest[0]!.role !== 'assistant')
      throw wrongField(
        source,
        names[i]!,
        'one answer of the assistant to the prompt that both have',
        answers[names[i]!],
      );
    return rest[0]!;
  });
  return {
    kind: 'conversation',
    prompt: { messages: withSystem(values, prompt, source), tools: toolsField(values['tools'], source) },
    answers: ends,
    source,
  };
}

/** How many messages lists begin with in common, the last of each left out: it is an answer, also where both are the same. */
function commonLength(lists: readonly (readonly Message[])[]): number {
  const most = Math.min(...lists.map((list) => list.length - 1));
  const texts = lists.map((list) => list.map((message) => JSON.stringify(message)));
  let length = 0;
  while (length < most && texts.every((text) => text[length] === texts[0]![length])) length++;
  return length;
}
