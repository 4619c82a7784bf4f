// What a run of fine-tuning shows of its examples.
import { formatInteger } from '../run/index.ts';
import type { ExampleReport } from '../text/index.ts';

/** How many there are, what is learned of them, and what became of those that do not fit. */
export function describeExamples(what: string, report: ExampleReport): string[] {
  const { examples, tokens, predicted, longest, cut, skipped, withoutTargets } = report;
  const share = ((100 * predicted) / tokens).toFixed(0);
  const lost = [
    [cut, 'cut at the end of a row'],
    [skipped, 'left out as longer than a row'],
    [withoutTargets, 'left out as nothing in them is learned'],
  ] as const;
  return [
    `${what}: ${formatInteger(examples)}, ${formatInteger(tokens)} tokens, of which ${formatInteger(predicted)} are learned (${share} %); the longest has ${formatInteger(longest)}`,
    ...lost.flatMap(([count, why]) => (count > 0 ? [`  ${formatInteger(count)} ${why}`] : [])),
  ];
}
