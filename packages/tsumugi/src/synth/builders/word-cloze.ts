// Word cloze: a sentence with a word in kanji taken out, to be chosen among four words of the same document.
import { deriveSeed, RandomStream } from '../../base/index.ts';
import type { Passage } from './inputs.ts';
import { type Builder, dropped, type Question, user } from './question.ts';
import { sentencesOf, whyNotAsked } from './sentences.ts';

const CHOICES = 4;
/** A whole run of two to four kanji, and none whose reading stands behind it in ruby. */
const word = /(?<!\p{Script=Han})[\p{Script=Han}]{2,4}(?![\p{Script=Han}《])/gu;

const wordsOf = (text: string): string[] => [...text.matchAll(word)].map(([each]) => each);

export const wordClozeBuilder: Builder<Passage> = {
  name: 'word-cloze',
  summary: 'sentences with a word in kanji taken out, one of four to choose',
  reads: 'text',
  task: false,
  rows: ['answers', 'pairs'],
  async *build(passages, { seed }) {
    for await (const { text, group, source } of passages) {
      const all = [...new Set(wordsOf(text))].sort();
      for (const sentence of sentencesOf(text)) {
        const why = whyNotAsked(sentence);
        if (why) {
          yield why;
          continue;
        }
        const own = wordsOf(sentence);
        // A word that stands twice, or inside another, would be there to read.
        const words = own.filter((each) => sentence.split(each).length === 2);
        if (words.length === 0) {
          yield dropped('no word in kanji that stands once');
          continue;
        }
        const random = new RandomStream(deriveSeed(seed, 'word-cloze', sentence));
        const answer = words[random.below(words.length)]!;
        const others = all.filter((each) => each.length === answer.length && !sentence.includes(each));
        if (others.length < CHOICES - 1) {
          yield dropped('too few other words of its length in the document');
          continue;
        }
        const worse = random.shuffle(others).slice(0, CHOICES - 1);
        const choices = random.shuffle([answer, ...worse]).join('、');
        const asked = user(
          `次の文の（　）に入る言葉を、四つの中から一つ選んで書いてください。\n\n${sentence.replace(answer, '（　）')}\n\n言葉：${choices}`,
        );
        yield { asked, answer, worse, group, sentences: [sentence], source } satisfies Question;
      }
    }
  },
};
