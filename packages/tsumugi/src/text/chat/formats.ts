// The shapes in which data for fine-tuning comes, told apart by their columns, and what a row of each says.
import { ConfigError, DataError } from '../../base/index.ts';
import type { ExampleSource } from './example.ts';
import type { Conversation, Message } from './message.ts';
import { given, messagesField, textField, toolsField, wrongField } from './message-fields.ts';
import type { Prompted } from './pairs.ts';

/** For training on answers, on pairs, on rated answers. */
export type Purpose = 'answers' | 'pairs' | 'ratings';

export type DataRow =
  | { readonly kind: 'conversation'; readonly conversation: Conversation; readonly source: ExampleSource }
  | {
      readonly kind: 'prompted';
      readonly prompted: Prompted;
      readonly desirable?: boolean;
      readonly margin?: number | undefined;
      readonly source: ExampleSource;
    };

type Values = Readonly<Record<string, unknown>>;

interface Shape {
  /** What it is for; the first is the one that it is made for. */
  readonly purposes: readonly [Purpose, ...Purpose[]];
  /** What its rows have: of each group, one. */
  readonly columns: readonly (readonly string[])[];
  read(values: Values, source: ExampleSource): DataRow;
}

const conversationColumns = ['messages', 'conversations', 'conversation'];
const outputs = ['output', 'response'];
const inputs = ['input', 'context'];

const shapes = {
  messages: { purposes: ['answers'], columns: [conversationColumns], read: conversationRow },
  sharegpt: { purposes: ['answers'], columns: [conversationColumns], read: conversationRow },
  completion: { purposes: ['answers'], columns: [['prompt'], ['completion']], read: completionRow },
  instruction: { purposes: ['answers'], columns: [['instruction'], outputs], read: instructionRow },
  preference: { purposes: ['pairs', 'ratings'], columns: [['chosen'], ['rejected']], read: preferenceRow },
  rated: { purposes: ['ratings'], columns: [['prompt'], ['completion'], ['label']], read: ratedRow },
} satisfies Record<string, Shape>;

export type DataFormat = keyof typeof shapes;
export const DATA_FORMATS = Object.keys(shapes) as DataFormat[];

/** All columns that are read. */
export const COLUMNS: readonly string[] = [
  ...new Set([
    ...Object.values(shapes).flatMap(({ columns }) => columns.flat()),
    ...inputs,
    'system',
    'tools',
    'history',
    'margin',
  ]),
];

const has = (values: Values, shape: Shape): boolean =>
  shape.columns.every((group) => group.some((column) => given(values[column]) !== undefined));

const columnsOf = (values: Values): string =>
  Object.keys(values)
    .map((name) => `"${name}"`)
    .join(', ') || 'no columns';

const fitting = (purpose: Purpose): DataFormat[] =>
  DATA_FORMATS.filter((name) => (shapes[name].purposes as readonly Purpose[]).includes(purpose));

const describe = (name: DataFormat): string =>
  `${name} (${shapes[name].columns.map((group) => group.join(' or ')).join(', ')})`;

/**
 * The format of a file, by its first row.
 * @throws DataError when it is none that serves the purpose
 */
export function detectFormat(values: Values, purpose: Purpose, { file, row }: ExampleSource): DataFormat {
  const found = DATA_FORMATS.findLast((name) => has(values, shapes[name]));
  // The columns of rated answers hold those of a completion, and those of pairs may stand beside a conversation.
  const name = purpose === 'answers' ? found : fitting(purpose).findLast((each) => has(values, shapes[each]));
  if (name !== undefined && fitting(purpose).includes(name)) return name === 'sharegpt' ? wording(values) : name;
  const other = (name ?? found) === 'sharegpt' ? wording(values) : (name ?? found);
  const remedies: Record<Purpose, string> = {
    answers: 'It is data for "tsumugi sft".',
    pairs: 'It is data for "tsumugi dpo".',
    ratings: 'It is data for "tsumugi dpo" with --set loss=kto.',
  };
  const plain = typeof values['text'] === 'string' ? ' Plain text is for "tsumugi pretrain".' : '';
  throw new DataError(
    'unknown-data',
    `${file}, row ${row} has ${columnsOf(values)}, which ${other === undefined ? 'is no format that is read' : `is ${describe(other)}`}`,
    {
      remedy:
        other === undefined
          ? `Write one of ${fitting(purpose).map(describe).join('; ')}.${plain}`
          : remedies[shapes[other].purposes[0]],
      fields: { file, row, columns: Object.keys(values) },
    },
  );
}

/** Whose words a conversation is in: OpenAI's role and content, or ShareGPT's from and value. */
function wording(values: Values): 'messages' | 'sharegpt' {
  const list = conversationColumns.map((column) => values[column]).find(Array.isArray) as unknown[] | undefined;
  const first = list?.[0];
  return typeof first === 'object' && first !== null && !('role' in first) && 'from' in first ? 'sharegpt' : 'messages';
}

/** @throws ConfigError for a format that is not, or that serves another purpose */
export function checkFormat(format: string, purpose: Purpose): DataFormat {
  const fit = fitting(purpose);
  if (fit.includes(format as DataFormat)) return format as DataFormat;
  throw new ConfigError('data-format', `there is no format "${format}" here`, {
    remedy: `Write one of ${fit.map(describe).join('; ')}, or leave it out to have it told by the columns.`,
    fields: { format },
  });
}

/** What a row of a format says. @throws DataError naming file, row and field; also for a row of another format */
export function readRow(format: DataFormat, values: Values, source: ExampleSource): DataRow {
  const shape: Shape = shapes[format];
  if (!has(values, shape)) {
    const { file, row } = source;
    throw new DataError(
      'mixed-data',
      `${file}, row ${row} has ${columnsOf(values)}, but the file is of the format ${describe(format)}`,
      { remedy: 'Put rows of one format into one file.', fields: { file, row, format } },
    );
  }
  return shape.read(values, source);
}

function conversationRow(values: Values, source: ExampleSource): DataRow {
  const column = conversationColumns.find((name) => given(values[name]) !== undefined)!;
  const messages = withSystem(values, messagesField(values[column], column, source), source);
  return { kind: 'conversation', conversation: { messages, tools: toolsField(values['tools'], source) }, source };
}

/** The column `system` speaks first, where no message of that role does. */
export function withSystem(values: Values, messages: readonly Message[], source: ExampleSource): Message[] {
  const system = given(values['system']);
  if (system === undefined || system === '' || messages[0]?.role === 'system') return [...messages];
  return [{ role: 'system', content: textField(system, 'system', source) }, ...messages];
}

const column = (values: Values, names: readonly string[]) => names.find((name) => given(values[name]) !== undefined);

function instructionRow(values: Values, source: ExampleSource): DataRow {
  const instruction = textField(values['instruction'], 'instruction', source);
  const input = column(values, inputs);
  const more = input === undefined ? '' : textField(values[input], input, source);
  const output = column(values, outputs)!;
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

function completionRow(values: Values, source: ExampleSource): DataRow {
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

function preferenceRow(values: Values, source: ExampleSource): DataRow {
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

function ratedRow(values: Values, source: ExampleSource): DataRow {
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
