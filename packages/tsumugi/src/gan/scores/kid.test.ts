// The kernel distance: by hand, against NumPy, unbiased, and reproducible.
import { expect, it } from 'vitest';
import { Rng, randn, scope, tensor } from '../../torch/index.ts';
import { kernelDistance, polynomialMmd } from './kid.ts';
import { waves } from './scores.testing.ts';

it('is what the formula gives by hand', () => {
  scope(() => {
    // D = 1: k(x, y) = (xy + 1)³. Real 0 and 1: k = 1; fake 1 and 2: k = 27; across 1, 1, 8, 27.
    const [x, y] = [tensor([[0], [1]]), tensor([[1], [2]])];
    expect(polynomialMmd(x, y)).toBe(1 + 27 - 2 * ((1 + 1 + 8 + 27) / 4));
  });
});

it('agrees with NumPy, and of all images has no spread', () => {
  scope(() => {
    const [x, y] = [waves(40, 6, 1), waves(30, 6, 2.5)];
    expect(polynomialMmd(x, y)).toBeCloseTo(6.673093308839588, 10);
    const whole = waves(30, 6, 1);
    const mean = expect.closeTo(polynomialMmd(whole, y), 10);
    expect(kernelDistance(whole, y)).toEqual({ mean, subsets: 1, subsetSize: 30 });
    expect(kernelDistance(x, y, { subsetSize: 30 })).toEqual(kernelDistance(x, y));
    expect(kernelDistance(x, y).mean).not.toBe(kernelDistance(x, y, { seed: 1 }).mean); // thirty of the forty
    const parts = kernelDistance(x, y, { subsetSize: 29 });
    expect([parts.subsets, parts.subsetSize]).toEqual([100, 29]);
    expect(parts.std).toBeGreaterThan(0);
    expect(kernelDistance(x, y, { subsets: 1, subsetSize: 5 }).std).toBeUndefined();
  });
});

it('has no bias: around zero for two sets of one distribution, clearly above for two', () => {
  scope(() => {
    const generator = new Rng(1);
    const sample = (shift: number) => randn([400, 8], generator, { dtype: 'float64' }).add(shift);
    const [a, b, far] = [sample(0), sample(0), sample(0.5)];
    const same = kernelDistance(a, b, { subsets: 50, subsetSize: 50 });
    expect(Math.abs(same.mean)).toBeLessThan((3 * same.std!) / Math.sqrt(8)); // 400/50 independent subsets
    expect(kernelDistance(a, far, { subsets: 50, subsetSize: 50 }).mean).toBeGreaterThan(5 * Math.abs(same.mean));
    const again = (seed: number) => kernelDistance(a, b, { subsets: 2, subsetSize: 20, seed }).mean;
    expect(again(7)).toBe(again(7));
    expect(again(7)).not.toBe(again(8));
  });
});

it('refuses features of two sizes, and a single image', () => {
  scope(() => {
    expect(() => kernelDistance(waves(4, 3, 1), waves(4, 2, 1))).toThrow(/\[4, 3\] and \[4, 2\]/);
    expect(() => kernelDistance(waves(4, 3, 1), waves(1, 3, 1))).toThrow(/needs two images on each side/);
  });
});

it.each([
  [{ subsets: 100, subsetSize: 30 }, /100 subsets of 30 would be the same images again and again\n.*below 30/],
  [{ subsets: 100 }, /would be the same images/],
  [{ subsetSize: 31 }, /a subset cannot have 31\n.*30 at most/],
  [{ subsets: 2.5, subsetSize: 5 }, /there cannot be 2\.5 subsets of 5 images/],
  [{ subsetSize: 4.5 }, /subsets of 4\.5 images/],
  [{ subsetSize: Number.NaN }, /subsets of NaN images/],
  [{ subsets: 0, subsetSize: 5 }, /0 subsets/],
  [{ subsetSize: 1 }, /subsets of 1 images/],
  [{ subsetSize: 5, seed: 0.5 }, /seed 0\.5/],
])('refuses subsets that cannot be or say nothing: %j', (options, message) => {
  scope(() => expect(() => kernelDistance(waves(40, 3, 1), waves(30, 3, 2), options)).toThrow(message));
});

it('names features that are not finite', () => {
  scope(() => {
    const broken = waves(40, 3, 1);
    broken.narrow(0, 7, 1).narrow(1, 2, 1).fill_(Number.NEGATIVE_INFINITY);
    expect(() => kernelDistance(waves(30, 3, 1), broken)).toThrow(/NaN or infinity in row 7 of the fake features/);
    expect(() => kernelDistance(broken, waves(30, 3, 1))).toThrow(/row 7 of the real features/);
  });
});
