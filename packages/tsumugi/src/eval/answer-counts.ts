// What became of the texts that were asked for. A result says it: an answer that is not there is graded as an empty text, and a
// metric is not to be mistaken for what a model can do when a service filtered or refused.
import type { Answer, GenerateAnswer } from './request.ts';

export interface AnswerCounts {
  /** Different requests for text. */
  texts: number;
  /** Nothing but white space, and neither filtered nor refused. */
  empty: number;
  /** Ended by the limit of tokens. */
  cut: number;
  /** Ended or turned away by a service's content filter: graded as what there was before. */
  filtered: number;
  /** Refused by the service or by the model: graded as empty texts. */
  refused: number;
  /** With reasoning that is no part of what is graded. */
  reasoned: number;
  /** Settings that the service did not take, and answered without. */
  leftOut: readonly string[];
}

/** Whether an answer is what the model wrote, and worth keeping. */
export const isWhole = (answer: Answer): boolean =>
  !('finish' in answer) || (answer.finish !== 'filter' && answer.finish !== 'refused');

/** undefined where no text is among the answers. */
export function countAnswers(answers: Iterable<Answer>): AnswerCounts | undefined {
  const texts = [...answers].filter((answer): answer is GenerateAnswer => 'text' in answer);
  if (texts.length === 0) return undefined;
  const count = (is: (answer: GenerateAnswer) => boolean) => texts.filter(is).length;
  return {
    texts: texts.length,
    empty: count((answer) => isWhole(answer) && answer.text.trim() === ''),
    cut: count(({ finish }) => finish === 'length'),
    filtered: count(({ finish }) => finish === 'filter'),
    refused: count(({ finish }) => finish === 'refused'),
    reasoned: count(({ reasoning }) => reasoning !== undefined),
    leftOut: [...new Set(texts.flatMap(({ leftOut = [] }) => leftOut))].sort(),
  };
}

/** A sentence for people; undefined when there is nothing to say. */
export function sayCounts(counts: AnswerCounts): string | undefined {
  const { texts, empty, cut, filtered, refused, reasoned, leftOut } = counts;
  const parts = [
    ...(empty > 0 ? [`${empty} empty`] : []),
    ...(cut > 0 ? [`${cut} cut at the limit of tokens`] : []),
    ...(filtered > 0 ? [`${filtered} filtered (graded as what there was before)`] : []),
    ...(refused > 0 ? [`${refused} refused (graded as empty texts)`] : []),
    ...(reasoned > 0 ? [`${reasoned} with reasoning that is not graded`] : []),
  ];
  const without = leftOut.length > 0 ? [`asked without ${leftOut.join(', ')}, which the service does not take`] : [];
  const sentences = [...(parts.length > 0 ? [`of ${texts} texts ${parts.join(', ')}`] : []), ...without];
  return sentences.length > 0 ? sentences.join('; ') : undefined;
}
