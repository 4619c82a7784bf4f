// Kanji reading, from texts with ruby in the way of Aozora Bunko: 吾輩《わがはい》, and ｜ where the word begins.
import { deriveSeed, RandomStream } from '../../base/index.ts';
import { kanjiReading } from '../../eval/index.ts';
import type { Passage } from './inputs.ts';
import { type Builder, dropped, type Question, user } from './question.ts';

const ruby = /(?:｜([^《｜\n]+)|([\p{Script=Han}々〆ヶ]+))《([^》\n]+)》/gu;
const kanji = /^[\p{Script=Han}々〆ヶ]+$/u;
const hiragana = /^[\p{Script=Hiragana}ー]+$/u;
const END = '\n';

export const kanjiReadingBuilder: Builder<Passage> = {
  name: 'kanji-reading',
  summary: 'words in kanji and their readings, from texts with ruby (漢字《かんじ》)',
  reads: 'text',
  task: true,
  rows: ['answers', 'pairs'],
  async *build(passages, { seed, form }) {
    for await (const { text, group, source } of passages) {
      const found: { word: string; reading: string }[] = [];
      for (const [, marked, plain, reading] of text.matchAll(ruby)) {
        const word = (marked ?? plain)!;
        if (kanji.test(word) && hiragana.test(reading!)) found.push({ word, reading: reading! });
        else yield dropped('not kanji read in hiragana');
      }
      const readings = [...new Set(found.map(({ reading }) => reading))].sort();
      for (const { word, reading } of found) {
        const own = new Set(found.filter((each) => each.word === word).map((each) => each.reading));
        const random = new RandomStream(deriveSeed(seed, 'kanji-reading', word, reading));
        const others = random.shuffle(readings.filter((each) => !own.has(each)));
        // The nearest in length is the hardest to tell; the order among these is drawn.
        const distance = (each: string) => Math.abs(each.length - reading.length);
        const worse = others.sort((a, b) => distance(a) - distance(b)).slice(0, 3);
        const prompt = kanjiReading.prompt({ id: '', word, reading, choices: [], level: '' });
        const question = { group, sentences: [word], source };
        if (form === 'chat') yield { ...question, asked: user(prompt), answer: reading, worse } satisfies Question;
        else {
          const closed = (each: string) => each + END;
          yield { ...question, asked: prompt, answer: closed(reading), worse: worse.map(closed) } satisfies Question;
        }
      }
    }
  },
};
