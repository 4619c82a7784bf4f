// A task of one's own, in a file of its own: `tsumugi eval ./examples/opposites.ts --model DIR`.
import { choiceTask } from 'tsumugi/eval';

const pairs = ['上下', '左右', '大小', '長短', '高低', '新古', '明暗', '内外', '前後', '強弱'];
const samples = pairs.map(([word = '', opposite = ''], i) => ({ id: String(i), word, opposite }));
const ask = (word: string) => `「${word}」の反対は「`;
const choices = ({ id }: (typeof samples)[number]) =>
  [0, 3, 5, 7].map((step) => samples[(Number(id) + step) % samples.length]!.opposite).sort();

export default choiceTask<(typeof samples)[number]>({
  name: 'opposites',
  version: 1, // raise it when the same model would get another result
  summary: 'the opposite of a word, the likeliest of four',
  metric: 'acc',
  shots: 2,
  wording: ask('{word}'),
  load: () => ({ samples: samples.slice(2), examples: samples.slice(0, 2) }),
  prompt: ({ word }, examples) =>
    examples.map((example) => `${ask(example.word)}${example.opposite}」。\n`).join('') + ask(word),
  choices,
  target: (sample) => choices(sample).indexOf(sample.opposite),
});
