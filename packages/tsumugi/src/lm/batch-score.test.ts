// Scoring many sequences together gives what each gives alone, however they share beginnings and rows.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { UserError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import { scope, tensor } from '../torch/index.ts';
import { compareIds, type ScoreRequest, scoreBatch } from './batch-score.ts';
import { Cache, initialWeights, Plamo2, tokenLogprobs } from './index.ts';
import { smallConfig } from './lm.testing.ts';
import type { ForwardOptions } from './types.ts';

const config = smallConfig({ full_attention_idx: [3] });
const sequence = (length: number, k: number) => Array.from({ length }, (_, i) => (i * 97 + k * 31 + 13) % 300);
const everything = (ids: readonly number[]): ScoreRequest => ({
  ids: ids.slice(0, -1),
  wanted: ids.slice(1).map((id, position) => ({ position, id })),
});

/** The model, the shapes of the ids it was given (those that went into a cache with a plus), and how many logits it was asked for. */
function watched(changes: object = {}): { model: Plamo2; shapes: string[]; rows: number[] } {
  const model = new Plamo2({ ...config, ...changes }, initialWeights(3));
  const shapes: string[] = [];
  const rows: number[] = [];
  const [forward, logits] = [model.forward.bind(model), model.logits.bind(model)];
  model.forward = (ids, options?: ForwardOptions) => {
    shapes.push(ids.shape.join('×') + (options?.cache ? '+' : ''));
    return forward(ids, options);
  };
  model.logits = (hidden) => {
    rows.push(hidden.size(0));
    return logits(hidden);
  };
  return { model, shapes, rows };
}

afterEach(() => vi.restoreAllMocks());

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
    expect(shapes).toEqual(['1×50+', '4×5+']);
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
    expect(shapes).toContain('1×140+');
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

  it('shares what enough of them share, long enough: 16 tokens, and 96 that need not be read', () => {
    const { model, shapes } = watched();
    using _ = model;
    /** So many texts with so much in common, each with a token of its own after it. */
    const passes = (texts: number, common: number, before: readonly number[] = []) => {
      shapes.length = 0;
      const group = Array.from({ length: texts }, (_, k) => [...before, ...sequence(common, 1), k]);
      const other = before.length > 0 ? [[...before, 299]] : [];
      scoreAll(
        model,
        [...group, ...other].map((ids) => ({ ids, wanted: [] })),
      );
      return shapes;
    };
    expect(passes(7, 16)).toEqual(['1×16+', '7×1+']);
    expect(passes(7, 15)).toEqual(['7×16']);
    expect(passes(8, 15)).toEqual(['8×16']);
    expect(passes(6, 19)).toEqual(['6×20']);
    expect(passes(2, 96)).toEqual(['1×96+', '2×1+']);
    expect(passes(2, 95)).toEqual(['2×96']);
    // What is shared already does not count again.
    expect(passes(2, 90, sequence(100, 5))).toEqual(['1×100+', '3×91+']);
    expect(passes(2, 96, sequence(100, 5))).toEqual(['1×100+', '1×96+', '2×1+', '1×1+']);
  });

  it('finds what is shared in whatever order the requests come', () => {
    const { model, shapes } = watched();
    using _ = model;
    const [a, b] = [sequence(100, 1), sequence(100, 2)];
    const texts = [
      [...b, 1],
      [...a, 2],
      [...b, 3],
      [...a, 1],
    ];
    const results = scoreAll(model, texts.map(everything));
    expect(shapes).toEqual(['1×100+', '1×100+']);
    for (const [i, ids] of texts.entries()) expectClose(results[i], tokenLogprobs(model, ids));
  });

  it('shares what all of a group share, not what its first ones do', () => {
    const { model } = watched();
    using _ = model;
    const common = sequence(60, 1);
    const texts = [
      [...common, 1, 1, 1, 1],
      [...common, 1, 1, 2, 2],
      [...common, 5, 5, 5, 5],
      [...common, 9],
    ];
    const results = scoreAll(model, texts.map(everything));
    for (const [i, ids] of texts.entries()) expectClose(results[i], tokenLogprobs(model, ids));
  });

  it('reads the same text once, however often it is asked', () => {
    const { model, shapes, rows } = watched();
    using _ = model;
    const ids = sequence(120, 1);
    const [first, second, third] = scoreAll(model, [everything(ids), everything(ids), everything(ids)]);
    expect(shapes).toEqual(['1×119+']);
    expect(rows).toEqual([119]);
    expectClose(first, tokenLogprobs(model, ids));
    expect([second, third]).toEqual([first, first]);
  });

  it('reads long texts in pieces, and keeps a cache only for what goes on', () => {
    const { model, shapes } = watched();
    using _ = model;
    const read = (length: number, tokens: number) => {
      shapes.length = 0;
      scoreAll(model, [{ ids: sequence(length, 1), wanted: [] }], tokens);
      return shapes;
    };
    expect(read(20, 20)).toEqual(['1×20']);
    expect(read(21, 20)).toEqual(['1×20+', '1×1+']);
    expect(read(40, 20)).toEqual(['1×20+', '1×20+']);
  });

  it('takes as many rows at a time as passes and copies of a cache allow', () => {
    const { model, shapes } = watched();
    using _ = model;
    const texts = [1, 2, 3, 4, 5].map((k) => ({ ids: [...sequence(100, 1), k], wanted: [] }));
    vi.spyOn(Cache.prototype, 'bytes', 'get').mockReturnValue(128 << 20);
    scoreAll(model, texts);
    expect(shapes).toEqual(['1×100+', '2×1+', '2×1+', '1×1+']);
    vi.restoreAllMocks();
    shapes.length = 0;
    scoreAll(
      model,
      [1, 2, 3].map((k) => ({ ids: sequence(5, k), wanted: [] })),
      10,
    );
    expect(shapes).toEqual(['2×5', '1×5']);
  });

  it('asks for each row of logits once, and for as many at a time as memory allows', () => {
    const { model, rows } = watched();
    using _ = model;
    const ids = sequence(12, 4);
    const wanted = [11, 3, 3, 11, 3, 0].map((position) => ({ position, id: 5 }));
    const [result] = scoreAll(model, [{ ids, wanted }]);
    expect(rows).toEqual([3]);
    const expected = tokenLogprobs(model, [...ids, 5]);
    expect(Math.abs(result![0]! - expected[11]!)).toBeLessThan(2e-5);
    expect([result![3], result![4]]).toEqual([result![0], result![1]]);
    // 64 MiB are two rows of 8 Mi logits; one row is always taken.
    for (const [vocab_size, taken] of [
      [1 << 23, [2, 1]],
      [1 << 25, [1, 1, 1]],
    ] as const) {
      const { forward, logits, parameterDevice } = model;
      const large = { forward, logits, parameterDevice, config: { ...config, vocab_size } } as Plamo2;
      rows.length = 0;
      const [again] = scoreAll(large, [{ ids, wanted }]);
      expect(rows).toEqual(taken);
      expectClose(again, result!);
    }
  });

  it('yields only what is done', () => {
    const { model } = watched();
    using _ = model;
    const requests = [1, 2].map((k) => everything([...sequence(120, 1), k, k]));
    for (const done of scoreBatch(model, requests)) expect(done.length).toBeGreaterThan(0);
  });

  it('sums in float32 what a model gives in bfloat16', () => {
    const { model } = watched();
    using _ = model;
    const { forward, logits: wide } = model;
    model.logits = (hidden) => wide(hidden).to('bfloat16');
    const ids = sequence(9, 2);
    const [result] = scoreAll(model, [{ ids, wanted: [{ position: 8, id: 7 }] }]);
    const expected = scope(() => {
      const hidden = forward(tensor(BigInt64Array.from(ids, BigInt), { shape: [1, 9] })).narrow(1, 8, 1);
      return model.logits(hidden).float().logSoftmax(-1).flatten().select(0, 7).item();
    });
    expect(Math.abs(result![0]! - expected)).toBeLessThan(2e-5);
  });

  it('refuses positions outside the text, passes of nothing and options of others', () => {
    const { model } = watched();
    using _ = model;
    const score = (request: ScoreRequest, options: object = {}) => [...scoreBatch(model, [request], options)];
    for (const position of [-1, 3])
      expect(() =>
        score({
          ids: [1, 2, 3],
          wanted: [
            { position: 0, id: 1 },
            { position, id: 1 },
          ],
        }),
      ).toThrow('wanted positions lie in the sequence');
    expect(() => score({ ids: [], wanted: [] })).toThrow('wanted positions lie in the sequence');
    const right = { ids: [1, 2, 3], wanted: [{ position: 2, id: 1 }] };
    expect(score(right, { tokens: 1 })).toHaveLength(1);
    for (const tokens of [0, -1, 1.5, Number.NaN])
      expect(() => score(right, { tokens })).toThrow(`tokens must be a whole number of at least 1, got ${tokens}`);
    expect(() => score(right, { batch: 3 })).toThrow('scoreBatch: there is no option "batch"');
  });

  it('says of which token of which text the probability is not finite, and looks at what was read before it', () => {
    const { model, shapes } = watched();
    using _ = model;
    model.logits = (hidden) => hidden.mul(Number.NaN);
    const request = { ids: sequence(12, 1), wanted: [{ position: 8, id: 7 }] };
    const error = thrown(UserError, () => scoreAll(model, [request]));
    expect(error.message).toContain('the log-probability of id 7 at position 9 of text 1 is NaN');
    expect(shapes).toEqual(['1×12', '1×9']);
  });
});

it('puts ids in the order of a dictionary', () => {
  const ordered = [[], [0], [0, 5], [1], [1, 0, 0], [1, 2], [2]];
  for (const [i, a] of ordered.entries())
    for (const [j, b] of ordered.entries()) expect(Math.sign(compareIds(a, b)), `${a} and ${b}`).toBe(Math.sign(i - j));
});
