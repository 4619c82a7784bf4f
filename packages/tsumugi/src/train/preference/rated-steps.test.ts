// Which answers go to which other prompts: from those KTO estimates z₀.
import { describe, expect, it } from 'vitest';
import type { RatedExample } from '../../text/index.ts';
import { Mismatches, RatedSteps } from './rated-steps.ts';

/** Prompt and answer by their lengths; a prompt is told by its first id. */
const example = (prompt: number, promptLength: number, answerLength: number): RatedExample => ({
  prompt: new Int32Array(promptLength).fill(prompt),
  completion: new Int32Array(answerLength).fill(9),
  desirable: true,
  source: { file: 'rated.jsonl', row: 1 },
});

const shifted = (examples: RatedExample[], step: number[], sequenceLength = 100) =>
  new Mismatches(examples, sequenceLength).of(step).map(({ prompt, answer }) => [prompt, answer]);

describe('mismatched answers', () => {
  const apart = [1, 2, 3, 4].map((prompt) => example(prompt, 2, 3));

  it('are those of the next example of the step, around its end', () => {
    expect(shifted(apart, [2, 0, 3])).toEqual([
      [2, 0],
      [0, 3],
      [3, 2],
    ]);
  });

  it('belong to another prompt', () => {
    const examples = [example(1, 2, 3), example(1, 2, 4), example(2, 2, 3)];
    expect(shifted(examples, [0, 1, 2])).toEqual([
      [0, 2],
      [1, 2],
      [2, 0],
    ]);
    expect(shifted(examples, [0, 1])).toEqual([]);
    expect(shifted(examples, [0])).toEqual([]);
  });

  it('fit in a row with the prompt', () => {
    const examples = [example(1, 6, 2), example(2, 2, 6), example(3, 2, 4)];
    expect(shifted(examples, [0, 1, 2], 10)).toEqual([
      [0, 2],
      [1, 2],
      [2, 0],
    ]);
    expect(shifted(examples, [0, 1], 8)).toEqual([[1, 0]]);
  });

  it('are those of the whole step, however it is dealt out', () => {
    const rows = { layout: 'packed', sequenceLength: 16, padding: 0, seed: 3 } as const;
    const [whole, dealt] = [
      new RatedSteps(apart, { ...rows, batchSize: 4, gradientAccumulation: 1 }),
      new RatedSteps(apart, { ...rows, batchSize: 1, gradientAccumulation: 4 }),
    ];
    for (const step of [0, 1, 2]) {
      expect(dealt.mismatchedAt(step)).toEqual(whole.mismatchedAt(step));
      expect(whole.mismatchedAt(step)).toHaveLength(4);
      expect(dealt.at(step).flatMap(({ answers }) => answers)).toEqual(whole.at(step)[0]!.answers);
    }
  });
});
