// The Inception score: its bounds, its splits, and NumPy's scores.
import { expect, it } from 'vitest';
import { eye, full, scope, tensor } from '../../torch/index.ts';
import { inceptionScore } from './inception-score.ts';
import { waves } from './scores.testing.ts';

it('is the number of classes when sure and even, and 1 when every image looks the same', () => {
  scope(() => {
    expect(inceptionScore(eye(5), 1).mean).toBeCloseTo(5, 12);
    expect(inceptionScore(full([7, 5], 0.2), 1).mean).toBeCloseTo(1, 6);
    expect(inceptionScore(tensor([[1, 0], [1, 0]]), 1).mean).toBe(1); // biome-ignore format: rows
  });
});

it('cuts in order, and gives mean and population deviation over the splits', () => {
  scope(() => {
    // Split 0: two classes evenly (2); split 1: one class (1).
    const rows = tensor([[1, 0], [0, 1], [1, 0], [1, 0]]); // biome-ignore format: rows
    expect(inceptionScore(rows, 2)).toEqual({ mean: 1.5, std: 0.5 });
  });
});

it('agrees with NumPy 2.4', () => {
  scope(() => {
    const raw = waves(20, 4, 1).abs().add(0.01);
    const rows = raw.div(raw.sum(1, true));
    expect(inceptionScore(rows, 1).mean).toBeCloseTo(1.106145786464334, 12);
    const { mean, std } = inceptionScore(rows, 3); // 20 images in parts of 6, 7 and 7
    expect([mean, std!].map((each) => each.toFixed(12))).toEqual(['1.096994548709', '0.028621414724']);
  });
});

it('has no spread over one split, and none of numbers that are none', () => {
  scope(() => {
    expect(inceptionScore(eye(9), 1)).toEqual({ mean: expect.closeTo(9, 10) });
    const rows = eye(3);
    rows.narrow(0, 1, 1).fill_(Number.NaN);
    expect(() => inceptionScore(rows, 1)).toThrow(/NaN or infinity in row 1 of the probabilities/);
  });
});

it('needs an image for each split', () => {
  scope(() => {
    expect(() => inceptionScore(eye(3))).toThrow(/of 3 images cannot have 10 splits/);
    for (const splits of [0, 1.5, -1, Number.NaN]) expect(() => inceptionScore(eye(3), splits)).toThrow(/splits/);
    expect(() => inceptionScore(full([3], 1))).toThrow(/\[N, classes\]/);
  });
});

it('takes distributions, not logits or counts, and says which row is none', () => {
  scope(() => {
    const uneven = eye(3);
    uneven.narrow(0, 2, 1).fill_(0.5);
    const below = tensor([[1, 0], [1.5, -0.5]]); // biome-ignore format: rows
    for (const [rows, row] of [[waves(4, 3, 1), 0], [full([4, 10], 1), 0], [uneven, 2], [below, 1]] as const) // biome-ignore format: pairs
      expect(() => inceptionScore(rows, 1)).toThrow(new RegExp(`^row ${row} of the probabilities is none`));
    expect(inceptionScore(full([8, 7], 1 / 7, { dtype: 'bfloat16' }), 1).mean).toBeCloseTo(1, 2);
  });
});
