// Log-probabilities against softmax by hand, cut into pieces, packed; what is refused; and whose fault it is that one is not finite.
import { describe, expect, it } from 'vitest';
import { DataError } from '../base/index.ts';
import { noGrad, scope, tensor } from '../torch/index.ts';
import { initialWeights, Plamo2, scoreBatch, tokenLogprobs } from './index.ts';
import { smallConfig } from './lm.testing.ts';

const ids = Array.from({ length: 11 }, (_, i) => (i * 97 + 13) % 300);
const model = (dtype: 'float32' | 'float64' = 'float32') => {
  const weights = initialWeights(3);
  return scope(() => new Plamo2(smallConfig(), (name, shape) => weights(name, shape).to(dtype)));
};

/** ln softmax of each next token from the model's own logits, in float64. */
function byHand(built: Plamo2, sequence: readonly number[]): number[] {
  const rows = noGrad(() =>
    scope(() => {
      const input = tensor(BigInt64Array.from(sequence, BigInt), { shape: [1, sequence.length] });
      return built.logits(built.forward(input)).squeeze(0).tolist() as number[][];
    }),
  );
  return sequence.slice(1).map((id, i) => {
    const peak = Math.max(...rows[i]!);
    return rows[i]![id]! - peak - Math.log(rows[i]!.reduce((sum, logit) => sum + Math.exp(logit - peak), 0));
  });
}

function expectClose(found: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(Math.abs(found[i]! - value), `${i}`).toBeLessThan(tolerance);
}

describe('log-probabilities of tokens', () => {
  it('are the logarithms of softmax, to the precision of the model, in pieces of any length', () => {
    for (const [dtype, tolerance] of [
      ['float32', 1e-5],
      ['float64', 1e-13],
    ] as const) {
      using built = model(dtype);
      const expected = byHand(built, ids);
      for (const chunk of [1, 3, 5, 10, 11, 1024])
        expectClose(tokenLogprobs(built, ids, { chunk }), expected, tolerance);
      const [done] = [...scoreBatch(built, [{ ids: ids.slice(0, 10), wanted: [{ position: 9, id: ids[10]! }] }])];
      expectClose(done![0]!.logprobs, expected.slice(9), tolerance);
    }
  });

  it.each([0, -3, 1.5, Number.NaN])('are not weighed in pieces of %s', (chunk) => {
    using built = model();
    expect(() => tokenLogprobs(built, ids, { chunk })).toThrow(
      `chunk must be a whole number of at least 1, got ${chunk}`,
    );
  });

  it('are none for a text of one id or none', () => {
    using built = model();
    expect([tokenLogprobs(built, []), tokenLogprobs(built, [5])].map(({ length }) => length)).toEqual([0, 0]);
  });

  it('of documents in a pack are those of each alone', () => {
    using built = model();
    const documents = ids.map((_, i) => (i < 6 ? 0 : 1));
    const found = tokenLogprobs(built, ids, { documents });
    expectClose(found.subarray(0, 5), byHand(built, ids.slice(0, 6)), 1e-5);
    expectClose(found.subarray(6), byHand(built, ids.slice(6)), 1e-5);
  });

  it('leave nothing behind, and no graph', () => {
    using built = model();
    expect(tokenLogprobs(built, ids)).toBeInstanceOf(Float64Array); // live tensors are counted after the test
  });

  it('refuse documents that do not fit the ids, and options that nobody knows', () => {
    using built = model();
    const score = (documents: number[]) => () => tokenLogprobs(built, [1, 2, 3], { documents });
    expect(score([0, 0])).toThrow('2 document indices came with 3 ids');
    for (const [wrong, position] of [
      [[0.5, 0, 0], 0],
      [[0, 0, 2 ** 31], 2],
    ] as const) {
      expect(score([...wrong])).toThrow(
        `document index ${wrong[position]} at position ${position} is no 32-bit integer`,
      );
      expect(score([...wrong])).toThrow(DataError);
    }
    expect(() => tokenLogprobs(built, [1, 2], { chunks: 3 } as never)).toThrow(/^tokenLogprobs/);
  });

  it('that are not finite name the head, where weights and layers are sound', () => {
    using built = model();
    const { logits } = built;
    built.logits = (hidden) => logits.call(built, hidden).mul(Number.NaN);
    expect(() => tokenLogprobs(built, ids)).toThrow(
      /id 110 at position 1 is NaN: every weight is finite, .* in the logits/,
    );
    const wanted = [{ position: 9, id: 7 }];
    const requests = [
      { ids: ids.slice(0, 10), wanted: [] },
      { ids: [1, ...ids.slice(0, 9)], wanted },
    ];
    expect(() => [...scoreBatch(built, requests)]).toThrow(
      'the log-probability of id 7 at position 10 of text 2 is NaN',
    );
  });
});

describe('scores of many texts', () => {
  it('are wanted at positions of the text only', () => {
    using built = model();
    const score =
      (length: number, ...positions: number[]) =>
      () => [
        ...scoreBatch(built, [
          { ids: ids.slice(0, length), wanted: positions.map((position) => ({ position, id: 1 })) },
        ]),
      ];
    for (const wrong of [score(0), score(3, 3), score(3, -1), score(3, 0, 3), score(3, 5, 0)])
      expect(wrong).toThrow('wanted positions lie in the sequence');
    expect(score(3, 2, 0)()[0]![0]!.logprobs).toHaveLength(2);
    expect(() => [...scoreBatch(built, [], { token: 4 } as never)]).toThrow(/^scoreBatch/);
  });

  it('come in the order they are wanted in, also several of one position', () => {
    using built = model();
    const all = (position: number) =>
      tokenLogprobs(built, [...ids.slice(0, position + 1), 42]).at(-1)! -
      tokenLogprobs(built, [...ids.slice(0, position + 1), 7]).at(-1)!;
    const wanted = [
      [6, 42],
      [2, 42],
      [6, 7],
      [2, 7],
    ].map(([position, id]) => ({ position: position!, id: id! }));
    const [done] = [...scoreBatch(built, [{ ids, wanted }])];
    const [a, b, c, d] = [...done![0]!.logprobs] as [number, number, number, number];
    expect(a - c).toBeCloseTo(all(6), 4);
    expect(b - d).toBeCloseTo(all(2), 4);
  });

  it('are none where none are asked for', () => {
    using built = model();
    expect([...scoreBatch(built, [])]).toEqual([]);
    for (const done of scoreBatch(built, [{ ids, wanted: [] }]))
      expect(done.map(({ logprobs }) => logprobs.length)).toEqual([0]);
  });
});
