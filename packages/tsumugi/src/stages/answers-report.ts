// What the answers of several models come to: how many are right, against the first model and against always saying the same.
import { bootstrapMean, type Interval, wilson } from '../eval/index.ts';
import { metric, type StageMetric, type Table } from '../recipe/index.ts';
import { readableSample } from '../run/index.ts';
import type { ModelAnswers, Question } from './answers-manifest.ts';

/** @param shown how many of the questions are put into the table of answers: evenly over all of them */
export function answersReport(
  questions: readonly Question[],
  found: readonly ModelAnswers[],
  shown: number,
): { metrics: StageMetric[]; tables: Table[] } {
  const n = questions.length;
  const usual = commonest(questions.map(({ answer }) => answer));
  const [first] = found;
  const rows = found.map(({ model, answers }) => {
    const share = wilson(answers.filter(({ right }) => right).length, n);
    const gain = model === first!.model ? undefined : gainOver(first!, answers);
    return { model, share, gain };
  });
  const numbers = ({ value, low, high }: Interval) => [value, low, high];
  return {
    metrics: [
      ...rows.map(({ model, share }) => metric(`${model}: answers right`, share.value ?? Number.NaN)),
      ...rows.flatMap(({ model, gain }) =>
        gain ? [metric(`${model}: more answers right than ${first!.model}`, gain.value ?? Number.NaN)] : [],
      ),
    ],
    tables: [
      {
        title: `Answers right, with 95 % intervals (Wilson), and how many more than ${first!.model} (bootstrap)`,
        columns: ['model', 'right', 'from', 'to', 'more right', 'from', 'to', 'questions'],
        rows: [
          [`always “${usual.answer}”`, usual.count / n, null, null, null, null, null, n],
          ...rows.map(({ model, share, gain }) => [
            model,
            ...numbers(share),
            ...(gain ? numbers(gain) : [null, null, null]),
            n,
          ]),
        ],
      },
      {
        title: 'Some of the answers',
        columns: ['question', 'right answer', ...found.map(({ model }) => model)],
        rows: evenly(n, shown).map((i) => [
          asText(questions[i]!.prompt),
          questions[i]!.answer,
          ...found.map(({ answers }) => readableSample(answers[i]!.answer)),
        ]),
      },
    ],
  };
}

/** Of the same questions: 1 where it alone is right, −1 where the other alone is. */
function gainOver(first: ModelAnswers, answers: ModelAnswers['answers']): Interval {
  const differences = answers.map(({ right }, i) => Number(right) - Number(first.answers[i]!.right));
  return bootstrapMean(differences, { seed: 0 });
}

function commonest(answers: readonly string[]): { answer: string; count: number } {
  const counts = Map.groupBy(answers, (answer) => answer);
  const [answer, all] = [...counts].reduce((a, b) => (b[1].length > a[1].length ? b : a));
  return { answer, count: all.length };
}

const evenly = (n: number, shown: number): number[] =>
  Array.from({ length: Math.min(n, shown) }, (_, i) => Math.floor((i * n) / Math.min(n, shown)));

const asText = (prompt: Question['prompt']): string =>
  typeof prompt === 'string' ? prompt : prompt.map(({ content }) => content).join('\n');
