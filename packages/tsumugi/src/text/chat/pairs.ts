// Preference pairs and rated answers as tokens: a prompt as the model is given it, and answers with their ends.
import { DataError } from '../../base/index.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { atSource, encodeAnswer, encodePrompt } from './conversation.ts';
import { completed, type Example, type ExampleSource, type PreferenceExample, type RatedExample } from './example.ts';
import type { Conversation, Message } from './message.ts';
import type { ChatTemplate } from './template.ts';

/** A prompt with answers to it: messages, which a template renders, or texts, which are taken as they are. */
export type Prompted = { readonly source: ExampleSource } & (
  | { readonly kind: 'conversation'; readonly prompt: Conversation; readonly answers: readonly Message[] }
  | { readonly kind: 'text'; readonly prompt: string; readonly answers: readonly string[] }
);

/** The ids of a prompt and of each of its answers. */
function encodePrompted(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  row: Prompted,
): { prompt: Int32Array; answers: Int32Array[] } {
  return atSource(row.source, () => {
    const answers =
      row.kind === 'text'
        ? row.answers.map((text) => [...tokenizer.encode(text, { safe: true }), tokenizer.eosId])
        : row.answers.map((answer) => encodeAnswer(template, tokenizer, row.prompt, answer));
    const prompt =
      row.kind === 'text'
        ? tokenizer.encode(row.prompt, { addBos: true, safe: true })
        : encodePrompt(template, tokenizer, row.prompt);
    return { prompt: Int32Array.from(prompt), answers: answers.map((ids) => Int32Array.from(ids)) };
  });
}

/** A pair: the first answer is the better one. @throws DataError naming the source, also for answers that are the same */
export function encodePair(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  row: Prompted & { readonly margin?: number | undefined },
): PreferenceExample {
  const { prompt, answers } = encodePrompted(template, tokenizer, row);
  const [chosen, rejected] = answers as [Int32Array, Int32Array];
  if (chosen.join() === rejected.join())
    atSource(row.source, () => {
      throw new DataError('equal-answers', 'the chosen and the rejected answer are the same', {
        remedy: 'Take the row out: there is nothing to prefer.',
      });
    });
  return { prompt, chosen, rejected, ...(row.margin !== undefined && { margin: row.margin }), source: row.source };
}

/** An answer and whether it is wanted. */
export function encodeRated(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  row: Prompted & { readonly desirable: boolean },
): RatedExample {
  const { prompt, answers } = encodePrompted(template, tokenizer, row);
  return { prompt, completion: answers[0]!, desirable: row.desirable, source: row.source };
}

/** A prompt and its one answer as an example of which the answer is learned. */
export function encodeCompletion(template: ChatTemplate, tokenizer: Tokenizer, row: Prompted): Example {
  const { prompt, answers } = encodePrompted(template, tokenizer, row);
  return completed(prompt, answers[0]!, row.source);
}
