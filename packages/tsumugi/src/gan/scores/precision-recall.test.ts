// Precision and recall: by hand on a line, against NumPy, and independent of the size of the blocks.
import { expect, it } from 'vitest';
import { scope, tensor } from '../../torch/index.ts';
import { precisionRecall } from './precision-recall.ts';
import { waves } from './scores.testing.ts';

it('is what one counts on a line', () => {
  scope(() => {
    // k = 1. Real 0, 1, 3: radii 1, 1, 2 → [−1, 5]. Fakes 5, 6, 20: radii 1, 1, 14 → [4, 7] and [6, 34].
    const [real, fake] = [tensor([[0], [1], [3]]), tensor([[5], [6], [20]])];
    expect(precisionRecall(real, fake, { k: 1 })).toEqual({ precision: 1 / 3, recall: 0 });
    // A fake that repeats one image is precise and misses the rest.
    const one = tensor([[1], [1], [1]]);
    expect(precisionRecall(real, one, { k: 1 })).toEqual({ precision: 1, recall: 1 / 3 });
    expect(precisionRecall(real, real, { k: 1 })).toEqual({ precision: 1, recall: 1 });
  });
});

it('agrees with NumPy whatever the block', () => {
  scope(() => {
    const [real, fake] = [waves(40, 3, 1), waves(30, 3, 1.2)];
    for (const block of [7, 1024])
      expect(precisionRecall(real, fake, { block })).toEqual({ precision: 19 / 30, recall: 38 / 40 });
  });
});

it('needs more images than neighbours, of one size', () => {
  scope(() => {
    expect(() => precisionRecall(waves(9, 3, 1), waves(3, 3, 1))).toThrow(/more than 3 images.*got 9 and 3/);
    for (const k of [0, -1, 1.5, Number.NaN])
      expect(() => precisionRecall(waves(9, 3, 1), waves(9, 3, 1), { k })).toThrow(
        /cannot be taken with .* neighbours/,
      );
    const broken = waves(9, 3, 1);
    broken.narrow(0, 4, 1).fill_(Number.NaN);
    expect(() => precisionRecall(waves(9, 3, 1), broken)).toThrow(/NaN or infinity in row 4 of the fake features/);
    expect(() => precisionRecall(waves(9, 3, 1), waves(9, 2, 1))).toThrow(/\[9, 3\] and \[9, 2\]/);
  });
});
