// Needle in a haystack: one sentence with a number in a long stretch of a novel. After Kamradt's test (github.com/gkamradt/
// LLMTest_NeedleInAHaystack); the Japanese wording is ours. A base model goes on from the needle's own beginning; a model
// that answers questions is asked.
import type { RandomStream } from '../../../base/index.ts';
import type { LookupKind, Puzzle } from './lookup.ts';
import { type Measure, type Piece, textOfLength } from './measure.ts';
import { places } from './names.ts';
import { embeddedNovels, sentencesOf } from './novel.ts';

const introduction = '次の文章を読んでください。\n\n';
const beginning = (place: string) => `${place}の金庫の番号は`;
const needle = (place: string, number: string) => `${beginning(place)}${number}です。`;
const tails = {
  choices: (place: string) => `\n\n以上の文章によると、${beginning(place)}`,
  generate: (place: string) =>
    `\n\n以上の文章によると、${beginning(place)}何番ですか。番号だけを答えてください。\n答え：`,
};

/** Five digits, all numbers of a puzzle different. */
function numbers(random: RandomStream, count: number): string[] {
  const drawn = new Set<string>();
  while (drawn.size < count) drawn.add(String(10_000 + random.below(90_000)));
  return [...drawn];
}

/** How many of the sentences stand before the needle: their lengths add up to `depth` per cent of all, as nearly as may be. */
function before(lengths: readonly number[], depth: number): number {
  const wanted = (lengths.reduce((sum, length) => sum + length, 0) * depth) / 100;
  let [sum, count] = [0, 0];
  while (count < lengths.length && Math.abs(sum + lengths[count]! - wanted) <= Math.abs(sum - wanted))
    sum += lengths[count++]!;
  return count;
}

export const needleKind: LookupKind = {
  name: 'needle',
  version: 1,
  title: 'Needle in a haystack',
  summary: 'a number in one sentence of a long text',
  wording: [introduction, needle('{place}', '{number}'), tails.choices('{place}'), tails.generate('{place}')],
  pattern: /(?<!\d)\d{5}(?!\d)/,
  answerCharacters: 5,
  samples: 5,
  maker(measure: Measure, mode) {
    const sentences = embeddedNovels().flatMap(({ text }) => sentencesOf(text));
    const hay = sentences.map((text): Piece => ({ text, length: measure.count(text) }));
    const lengthOf = new Map(hay.map(({ text, length }) => [text, length]));
    return (capacity, depth, random): Puzzle => {
      const start = random.below(hay.length);
      const place = places[random.below(places.length)]!;
      const [answer, ...others] = numbers(random, 5) as [string, ...string[]];
      const { text: prompt } = textOfLength(
        capacity,
        [...hay.slice(start), ...hay.slice(0, start)],
        measure,
        (taken) => {
          const lengths = taken.map((sentence) => lengthOf.get(sentence)!);
          const split = before(lengths, depth);
          const text = [...taken.slice(0, split), needle(place, answer), ...taken.slice(split)].join('');
          return `${introduction}${text.trimEnd()}${tails[mode](place)}`;
        },
      );
      return { prompt, answer, others };
    };
  },
};
