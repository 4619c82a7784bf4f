// Conversations as tokens, with a mask of what is learned. The mask is made by rendering: what the model would be given before an
// answer must be the beginning of the text with the answer, and what comes after it is learned, the end of the turn included.
//
//   P(i) = what the model is given for answer i = render(messages before it, with generation prompt)
//   F(i) = the text with the answer             = render(messages up to it)
//
// Segments (P(1) | answer 1 | up to P(2) | answer 2 | …) are encoded one by one, in training and when a model is asked: a prompt has
// the same ids in both.
import { atOnce, DataError, type Steps } from '../../base/index.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { append, encodeText, encodeTextSteps, guardConversation, unguardText } from './encode-text.ts';
import type { Example, ExampleSource } from './example.ts';
import type { Conversation, Message } from './message.ts';
import type { ChatTemplate } from './template.ts';

/** Where a conversation that was not read from a file stands. */
const nowhere: ExampleSource = { file: 'the conversation', row: 1 };

/** The text before an answer, and with it. */
interface Answer {
  before: string;
  after: string;
  message: Message;
}

/** A prompt as a model is given it. */
export interface EncodedPrompt {
  ids: number[];
  /** Places in `ids`, in rising order, where messages begin and end: what other conversations may have in common with this one. */
  boundaries: number[];
}

/** The ids with which a model wrote `answer` to the prompt `before`, where somebody still knows them. */
export type KnownAnswer = (before: readonly number[], answer: string) => readonly number[] | undefined;

/** The ids that a model goes on from with its answer to `conversation`. @throws DataError when the template does not take it */
export function encodePrompt(template: ChatTemplate, tokenizer: Tokenizer, conversation: Conversation): number[] {
  return promptIds(template, tokenizer, guardConversation(tokenizer, conversation));
}

/**
 * `encodePrompt` with the places of messages. An answer that `known` knows has the very ids with which it was written, which may not be
 * those that its text is encoded as.
 *
 * @throws DataError when the template does not take the conversation
 */
export function encodeTurns(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  conversation: Conversation,
  known?: KnownAnswer,
): EncodedPrompt {
  return atOnce(encodeTurnsSteps(template, tokenizer, conversation, known));
}

/** `encodeTurns` in steps: of a long text, each takes about a millisecond. */
export function* encodeTurnsSteps(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  conversation: Conversation,
  known: KnownAnswer = () => undefined,
): Steps<EncodedPrompt> {
  const guarded = guardConversation(tokenizer, conversation);
  const { text, answers } = renderPrompt(template, guarded);
  const ids: number[] = [];
  const boundaries: number[] = [];
  const system = systemEnd(template, guarded, text);
  let place = 0;
  /** Where the first of them stands. */
  const add = function* (more: readonly number[]): Steps<number> {
    if (ids.length === 0 && more[0] !== tokenizer.bosId) ids.push(tokenizer.bosId);
    const start = ids.length;
    yield* append(ids, more);
    return start;
  };
  const read = function* (end: number): Steps<void> {
    const more = yield* encodeTextSteps(tokenizer, text.slice(place, end));
    const start = yield* add(more);
    if (place < system && system <= end) {
      const words = unguardText(tokenizer, text.slice(place, system));
      boundaries.push(start + (yield* idsWithin(tokenizer, more, words.length)));
    }
    place = end;
  };
  for (const { before, after, message } of answers) {
    yield* read(before.length);
    boundaries.push(ids.length);
    const written =
      text.startsWith(message.content, place) && message.content !== ''
        ? known(ids, unguardText(tokenizer, message.content))
        : undefined;
    if (written) {
      yield* add(written);
      place += message.content.length;
    }
    yield* read(after.length);
    boundaries.push(ids.length);
  }
  yield* read(text.length);
  return { ids, boundaries: [...new Set(boundaries)].filter((each) => each > 0 && each < ids.length) };
}

/** Ids that are decoded between two steps. */
const STEP_IDS = 4096;

/** How many of these ids say no more than so many characters. */
function* idsWithin(tokenizer: Tokenizer, ids: readonly number[], characters: number): Steps<number> {
  const decoder = tokenizer.decoder();
  let said = 0;
  let whole = 0;
  for (const [i, id] of ids.entries()) {
    const text = decoder.push(id);
    said += text.length;
    if (said > characters) break;
    if (text !== '') whole = i + 1;
    if (i % STEP_IDS === STEP_IDS - 1) yield;
  }
  return whole;
}

/** Where the words that come before the conversation end in the text: 0 where there are none, or nobody can say. */
function systemEnd(template: ChatTemplate, { messages, tools }: Conversation, text: string): number {
  const count = messages.findIndex(({ role }) => role !== 'system');
  if (count < 1) return 0;
  try {
    const begin = template.render(messages.slice(0, count), { addGenerationPrompt: false, tools });
    return text.startsWith(begin) ? begin.length : 0;
  } catch (error) {
    if (error instanceof DataError) return 0;
    throw error;
  }
}

function promptIds(template: ChatTemplate, tokenizer: Tokenizer, guarded: Conversation): number[] {
  const { text, answers } = renderPrompt(template, guarded);
  const places = answers.flatMap(({ before, after }) => [before.length, after.length]);
  return encodeSegments(tokenizer, cut(text, places));
}

/** The text that a model is given, and the answers whose places are in it. */
function renderPrompt(template: ChatTemplate, guarded: Conversation): { text: string; answers: Answer[] } {
  const { messages, tools } = guarded;
  const text = template.render(messages, { addGenerationPrompt: true, tools });
  const answers = messages.flatMap(({ role }, i) => {
    if (role !== 'assistant') return [];
    const answer = renderAnswer(template, guarded, i);
    // A template may show earlier turns otherwise than it had them written: their places are not in this text.
    return answer && isWithin(answer, text) ? [answer] : [];
  });
  return { text, answers };
}

const isWithin = ({ before, after }: Answer, text: string): boolean =>
  text.startsWith(after) && after.startsWith(before);

/** The texts around the answer in message `i`; undefined where the template does not take the conversation up to there. */
function renderAnswer(template: ChatTemplate, { messages, tools }: Conversation, i: number): Answer | undefined {
  try {
    return answerAt(template, { messages, tools }, i);
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
}

function answerAt(template: ChatTemplate, { messages, tools }: Conversation, i: number): Answer {
  return {
    before: template.render(messages.slice(0, i), { addGenerationPrompt: true, tools }),
    after: template.render(messages.slice(0, i + 1), { addGenerationPrompt: false, tools }),
    message: messages[i]!,
  };
}

function cut(text: string, places: readonly number[]): string[] {
  return [...places, text.length].map((place, i) => text.slice(places[i - 1] ?? 0, place));
}

/** The segments' ids, behind BOS, which a template may have written itself. */
function encodeSegments(tokenizer: Tokenizer, segments: readonly string[]): number[] {
  const ids = segments.flatMap((segment) => encodeText(tokenizer, segment));
  return ids[0] === tokenizer.bosId ? ids : [tokenizer.bosId, ...ids];
}

/** Whether an answer is to be learned: one that says nothing is not, nor one that is marked so. */
const isLearned = ({ role, content, tool_calls, train }: Message): boolean =>
  role === 'assistant' && train !== false && (content.trim() !== '' || (tool_calls?.length ?? 0) > 0);

/**
 * A conversation as one example, or as one for each turn where the template shows earlier turns otherwise than it had them written.
 * What follows the last answer is left out. None where nothing is to be learned.
 *
 * @throws DataError naming the source when there is no answer, or the template does not take the conversation
 */
export function encodeConversation(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  conversation: Conversation,
  source: ExampleSource = nowhere,
): Example[] {
  return atSource(source, () => {
    const guarded = guardConversation(tokenizer, conversation);
    const { messages } = guarded;
    const answers = messages.flatMap(({ role }, i) => {
      if (role !== 'assistant') return [];
      const answer = answerAt(template, guarded, i);
      requireAnswer(template, tokenizer, answer, i);
      return [{ ...answer, i }];
    });
    const last = answers.at(-1);
    if (!last) throw new DataError('no-answer', 'no message is of the role assistant, so there is nothing to learn');
    if (answers.every((answer) => isWithin(answer, last.after)))
      return oneExample(template, tokenizer, answers, source);
    return answers
      .filter(({ message }) => isLearned(message))
      .map((answer) => {
        const prompt = promptIds(template, tokenizer, { ...guarded, messages: messages.slice(0, answer.i) });
        const written = answerIds(template, tokenizer, answer);
        return exampleOf(
          [
            { ids: prompt, learned: false },
            { ids: written, learned: true },
          ],
          source,
        );
      });
  });
}

function oneExample(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  answers: readonly Answer[],
  source: ExampleSource,
): Example[] {
  if (!answers.some(({ message }) => isLearned(message))) return [];
  const parts = answers.flatMap((answer, k) => {
    const earlier = answers[k - 1]?.after.length ?? 0;
    const between = answer.before.slice(earlier);
    const learned = isLearned(answer.message);
    return [
      { ids: k === 0 ? encodeSegments(tokenizer, [between]) : encodeText(tokenizer, between), learned: false },
      {
        ids:
          k === answers.length - 1
            ? answerIds(template, tokenizer, answer)
            : encodeText(tokenizer, answer.after.slice(answer.before.length)),
        learned,
      },
    ];
  });
  return [exampleOf(parts, source)];
}

/** The ids of an answer that ends its text. Where the template marks no end, EOS does: a model that never saw one never stops. */
function answerIds({ marksEnd }: ChatTemplate, tokenizer: Tokenizer, { before, after }: Answer): number[] {
  const ids = encodeText(tokenizer, after.slice(before.length));
  return marksEnd ? ids : [...ids, tokenizer.eosId];
}

function exampleOf(parts: readonly { ids: readonly number[]; learned: boolean }[], source: ExampleSource): Example {
  const ids = Int32Array.from(parts.flatMap((part) => part.ids));
  const learned = Uint8Array.from(parts.flatMap((part) => part.ids.map(() => Number(part.learned))));
  return { ids, learned, source };
}

/** The ids of an answer to a prompt, with its end. @throws DataError when the prompt is not the beginning of the whole */
export function encodeAnswer(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  prompt: Conversation,
  answer: Message,
): number[] {
  const guarded = guardConversation(tokenizer, { messages: [...prompt.messages, answer], tools: prompt.tools });
  const rendered = answerAt(template, guarded, prompt.messages.length);
  requireAnswer(template, tokenizer, rendered, prompt.messages.length);
  return answerIds(template, tokenizer, rendered);
}

/** @throws DataError when the text with the answer does not begin as the text before it, or the answer is not in it */
function requireAnswer(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  { before, after, message }: Answer,
  i: number,
): void {
  const remedy = 'Name another template with --template.';
  if (!after.startsWith(before)) {
    let place = 0;
    while (before[place] === after[place]) place++;
    const shown = (text: string) =>
      JSON.stringify(unguardText(tokenizer, text.slice(Math.max(0, place - 12), place + 12)));
    throw new DataError(
      'template-rewrites',
      `the chat template ${template.name} shows a model ${shown(before)} before message ${i + 1}, but has ${shown(after)} there with it, so nobody can say what the answer is`,
      { remedy, fields: { template: template.name, message: i + 1, character: place + 1 } },
    );
  }
  if (message.content.trim() !== '' && after.slice(before.length).trim() === '')
    throw new DataError(
      'template-rewrites',
      `the chat template ${template.name} leaves out the answer in message ${i + 1}`,
      {
        remedy,
        fields: { template: template.name, message: i + 1 },
      },
    );
}

/** Puts the file and the row in front of what goes wrong with it. */
export function atSource<T>({ file, row }: ExampleSource, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const { code, fault, remedy, fields } = error;
    throw new DataError(code, `${file}, row ${row}: ${fault}`, {
      ...(remedy !== undefined && { remedy }),
      fields: { ...fields, file, row },
      cause: error,
    });
  }
}
