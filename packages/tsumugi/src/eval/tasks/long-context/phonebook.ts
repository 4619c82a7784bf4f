// Phonebook look-up: lines of names and numbers, then one of the names again. Every wrong choice is the number of someone else
// in the book, so it is not enough to have seen a number. After Jelassi et al. 2024 (arXiv 2402.01032, section 4), with
// Japanese names.
import type { RandomStream } from '../../../base/index.ts';
import type { LookupKind, Puzzle } from './lookup.ts';
import { type Measure, type Piece, textOfLength } from './measure.ts';
import { familyNames, givenNames } from './names.ts';

const introduction = '電話帳\n\n';
const entry = ({ name, number }: Entry) => `${name}：${number}\n`;
const tails = {
  choices: (name: string) => `\n${name}：`,
  generate: (name: string) =>
    `\n上の電話帳によると、${name}さんの電話番号は何番ですか。番号だけを答えてください。\n答え：`,
};

const everyName = familyNames.flatMap((family) => givenNames.map((given) => `${family} ${given}`));

const fourDigits = (random: RandomStream) => String(random.below(10_000)).padStart(4, '0');

interface Entry {
  name: string;
  number: string;
}

/** Entries of different people with different numbers. */
function entries(random: RandomStream, count: number): Entry[] {
  const numbers = new Set<string>();
  while (numbers.size < count) numbers.add(`03-${fourDigits(random)}-${fourDigits(random)}`);
  const names = random.shuffle([...everyName]);
  return Array.from(numbers, (number, i) => ({ name: names[i]!, number }));
}

/** No tokenizer has an entry in fewer tokens. */
const SHORTEST_ENTRY = 6;

export const phonebookKind: LookupKind = {
  name: 'phonebook',
  version: 1,
  title: 'Phonebook look-up',
  summary: 'a phone number by its owner’s name',
  wording: [
    introduction,
    entry({ name: '{name}', number: '{number}' }),
    tails.choices('{name}'),
    tails.generate('{name}'),
  ],
  pattern: /(?<![\d-])\d{2}-\d{4}-\d{4}(?![\d-])/,
  answerCharacters: 12,
  samples: 5,
  maker(measure: Measure, mode) {
    return (capacity, depth, random): Puzzle => {
      const book = entries(random, Math.min(everyName.length, Math.ceil(capacity / SHORTEST_ENTRY)));
      const byLine = new Map(book.map((person) => [entry(person), person]));
      const pieces = Array.from(byLine.keys(), (text): Piece => ({ text, length: measure.count(text) }));
      const asked = (lines: readonly string[]) => byLine.get(lines[Math.round(((lines.length - 1) * depth) / 100)]!)!;
      const { text, taken } = textOfLength(
        capacity,
        pieces,
        measure,
        (lines) => `${introduction}${lines.join('')}${tails[mode](asked(lines).name)}`,
      );
      const { number: answer } = asked(taken);
      const wrong = taken.map((line) => byLine.get(line)!.number).filter((number) => number !== answer);
      return { prompt: text, answer, others: random.shuffle(wrong).slice(0, 4) };
    };
  },
};
