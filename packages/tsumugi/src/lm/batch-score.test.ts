// Scoring many sequences together gives what each gives alone, however they share beginnings and rows.
import { describe, expect, it } from 'vitest';
import { type ScoreRequest, scoreBatch } from './batch-score.ts';
import { initialWeights, Plamo2, tokenLogprobs } from './index.ts';
import { smallConfig } from './lm.testing.ts';
import type { ForwardOptions } from './types.ts';

const config = smallConfig({ full_attention_idx: [3] });
const sequence = (length: number, k: number) => Array.from({ length }, (_, i) => (i * 97 + k * 31 + 13) % 300);
const everything = (ids: readonly number[]): ScoreRequest => ({
  ids: ids.slice(0, -1),
  wanted: ids.slice(1).map((id, position) => ({ position, id })),
});

/** The model, and the shapes of the ids it was given. */
function watched(): { model: Plamo2; shapes: string[] } {
  const model = new Plamo2(config, initialWeights(3));
  const shapes: string[] = [];
  const forward = model.forward.bind(model);
  model.forward = (ids, options?: ForwardOptions) => {
    shapes.push(ids.shape.join('×'));
    return forward(ids, options);
  };
  return { model, shapes };
}

function scoreAll(model: Plamo2, requests: ScoreRequest[], tokens?: number): Float64Array[] {
  const results: Float64Array[] = [];
  for (const done of scoreBatch(model, requests, tokens === undefined ? {} : { tokens }))
    for (const { index, logprobs } of done) {
      expect(results[index]).toBeUndefined();
      results[index] = logprobs;
    }
  return results;
}

function expectClose(actual: Float64Array | undefined, expected: Float64Array): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(Math.abs(actual![i]! - value)).toBeLessThan(2e-5);
}

describe('scoreBatch', () => {
  it.each([4096, 64, 7])('equals each sequence alone, in passes of %i tokens', (tokens) => {
    const { model } = watched();
    using _ = model;
    const shared = sequence(40, 1);
    const sequences = [
      ...[3, 17, 2, 60, 18].map((length, k) => sequence(length, k)),
      // A tree of shared beginnings, with equal sequences and one that ends where others go on.
      ...[
        [1, 2],
        [1, 2, 3],
        [9, 9],
        [9, 9],
        [9, ...sequence(30, 7), 4, 4],
        [9, ...sequence(30, 7), 5],
      ].map((end) => [...shared, ...end]),
      shared,
    ];
    const results = scoreAll(model, sequences.map(everything), tokens);
    for (const [i, ids] of sequences.entries()) expectClose(results[i], tokenLogprobs(model, ids));
  });

  it('reads a shared beginning once, and rows together', () => {
    const { model, shapes } = watched();
    using _ = model;
    const shared = sequence(50, 1);
    scoreAll(
      model,
      [1, 2, 3, 4].map((k) => everything([...shared, ...sequence(5, k * 3), 1])),
    );
    expect(shapes).toEqual(['1×50', '4×5']);
    shapes.length = 0;
    scoreAll(
      model,
      [9, 12, 10].map((length, k) => everything(sequence(length + 1, k))),
    );
    expect(shapes).toEqual(['3×12']);
  });

  it('finds what is worth sharing inside a group that shares little', () => {
    const { model, shapes } = watched();
    using _ = model;
    const [a, b] = [
      [...sequence(20, 1), ...sequence(120, 2)],
      [...sequence(20, 1), 299],
    ];
    scoreAll(model, [everything([...a, 7, 8]), everything([...a, 9, 8]), everything([...b, 8])]);
    expect(shapes).toContain('1×140');
  });

  it('gives several tokens after one position, and nothing else', () => {
    const { model } = watched();
    using _ = model;
    const ids = sequence(12, 4);
    const wanted = [5, 250, 5].map((id) => ({ position: 11, id }));
    const [result] = scoreAll(model, [{ ids, wanted }]);
    for (const [i, { id }] of wanted.entries())
      expect(Math.abs(result![i]! - tokenLogprobs(model, [...ids, id])[11]!)).toBeLessThan(2e-5);
  });

  it('leaves nothing behind when its reader stops early', () => {
    const { model } = watched();
    using _ = model;
    const requests = [1, 2, 3].map((k) => everything([...sequence(60, 1), k, k]));
    for (const _done of scoreBatch(model, requests)) break;
  });
});
