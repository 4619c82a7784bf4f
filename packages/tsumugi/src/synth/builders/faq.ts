// Questions and answers: headings that end in か or ？, and the text below them.
import type { Passage } from './inputs.ts';
import { type Builder, type Dropped, dropped, type Question, user } from './question.ts';

const question = /(?:か|[?？])[。」』]?$/u;
/** In front of questions, and of answers. */
const number = /^(?:(?:Q|問)\s*\d*[.:：．]*|\d+(?:[.-]\d+)*[.．)]?(?=\s)|[・*:：-])[\s:：]*/u;
const answerMark = /^(?:A|答)\s*\d*[.:：．]+[\s:：]*/u;
const [LONGEST_QUESTION, SHORTEST_ANSWER, LONGEST_ANSWER] = [80, 15, 600];

/** A short line that ends no sentence: the next heading, as a rule. */
const isHeading = (line: string): boolean => line.length <= 40 && !/[。．.!！:：;；）)」』、,]$/u.test(line);

export const faqBuilder: Builder<Passage> = {
  name: 'faq',
  summary: 'questions that are headings, with the text below them',
  reads: 'text',
  task: false,
  rows: ['answers', 'pairs'],
  async *build(passages) {
    for await (const { text, group, source } of passages) {
      const lines = text.split('\n').map((line) => line.trim());
      let before: string | undefined;
      for (const [i, line] of lines.entries()) {
        if (!isQuestion(line)) continue;
        const found = answerTo(line.replace(number, ''), lines.slice(i + 1));
        if ('dropped' in found) {
          yield found;
          continue;
        }
        const { heading, answer } = found;
        const worse = before === undefined || before === answer ? [] : [before];
        before = answer;
        yield { asked: user(heading), answer, worse, group, sentences: [heading, answer], source } satisfies Question;
      }
    }
  },
};

/** One sentence alone on its line, not one that goes on from the line before. */
const isQuestion = (line: string): boolean =>
  line.length <= LONGEST_QUESTION && question.test(line) && !/[。！？!?]./u.test(line.replace(/[。」』]$/u, ''));

function answerTo(heading: string, below: readonly string[]): { heading: string; answer: string } | Dropped {
  if (heading.length < 5 || !/\p{Script=Hiragana}/u.test(heading) || /[=\\{}]/.test(heading))
    return dropped('not a question in Japanese');
  const first = below.findIndex((line) => line !== '');
  const rest = first < 0 ? [] : below.slice(first);
  const end = rest.findIndex((line) => isQuestion(line) || isHeading(line));
  const answer: string[] = [];
  let length = 0;
  for (const line of end < 0 ? rest : rest.slice(0, end)) {
    length += line.length;
    if (length > LONGEST_ANSWER) break;
    if (line !== '') answer.push(line);
  }
  const text = answer.join('\n').replace(answerMark, '');
  if (text.length < SHORTEST_ANSWER || !/\p{Script=Hiragana}/u.test(text) || !/[。．.]/u.test(text))
    return dropped('a question without a text below it');
  if (question.test(text)) return dropped('the text below ends in a question');
  return text.includes(heading) ? dropped('the text below repeats the question') : { heading, answer: text };
}
