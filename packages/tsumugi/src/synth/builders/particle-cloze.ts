// Particle cloze: a sentence with one particle taken out.
import { deriveSeed, RandomStream } from '../../base/index.ts';
import { PARTICLES, particleCloze } from '../../eval/index.ts';
import type { Passage } from './inputs.ts';
import { type Builder, dropped, type Question, user } from './question.ts';
import { sentencesOf, whyNotAsked } from './sentences.ts';

/** Between a noun's last letter and the next word, both in kanji or katakana: elsewhere the letter may be part of a word. */
const place = /(?<=[\p{Script=Han}\p{Script=Katakana}ー])[がをにでとへ](?=[\p{Script=Han}\p{Script=Katakana}])/gu;

/** Particles that often fit where another stood. They are not put against it as wrong. Our choice. */
const alike: Readonly<Record<string, string>> = { に: 'へでと', へ: 'にと', で: 'にと', と: 'にへで', が: '', を: '' };

const instruction = `次の文の（　）に入る助詞を、${PARTICLES.join('・')}から一つ選んで書いてください。`;

export const particleClozeBuilder: Builder<Passage> = {
  name: 'particle-cloze',
  summary: 'sentences with a particle taken out',
  reads: 'text',
  task: true,
  rows: ['answers', 'pairs'],
  async *build(passages, { seed, form }) {
    for await (const { text, group, source } of passages)
      for (const sentence of sentencesOf(text)) {
        const places = [...sentence.matchAll(place)];
        const why =
          whyNotAsked(sentence) ?? (places.length === 0 ? dropped('no particle between two words') : undefined);
        if (why) {
          yield why;
          continue;
        }
        const random = new RandomStream(deriveSeed(seed, 'particle-cloze', sentence));
        const { index, 0: particle } = places[random.below(places.length)]!;
        const [before, after] = [sentence.slice(0, index), sentence.slice(index + particle.length)];
        const worse = random.shuffle(PARTICLES.filter((each) => each !== particle && !alike[particle]!.includes(each)));
        const question = { group, sentences: [sentence], source };
        if (form === 'chat') {
          const asked = user(`${instruction}\n\n${before}（　）${after}`);
          yield { ...question, asked, answer: particle, worse } satisfies Question;
        } else {
          const asked = particleCloze.prompt({ id: '', before, particle, after, level: '' });
          const completed = (each: string) => each + after;
          yield { ...question, asked, answer: completed(particle), worse: worse.map(completed) } satisfies Question;
        }
      }
  },
};
