// The kernel distance: by hand, against NumPy, unbiased, and reproducible.
import { expect, it } from 'vitest';
import { Generator, randn, scope, tensor } from '../../torch/index.ts';
import { kernelDistance, polynomialMmd } from './kid.ts';
import { waves } from './testing.ts';

it('is what the formula gives by hand', () => {
  scope(() => {
    // D = 1: k(x, y) = (xy + 1)³. Real 0 and 1: k = 1; fake 1 and 2: k = 27; across 1, 1, 8, 27.
    const [x, y] = [tensor([[0], [1]]), tensor([[1], [2]])];
    expect(polynomialMmd(x, y)).toBe(1 + 27 - 2 * ((1 + 1 + 8 + 27) / 4));
  });
});

it('agrees with NumPy, and over subsets that are whole has no spread', () => {
  scope(() => {
    const [x, y] = [waves(40, 6, 1), waves(30, 6, 2.5)];
    expect(polynomialMmd(x, y)).toBeCloseTo(6.673093308839588, 10);
    const whole = kernelDistance(waves(30, 6, 1), y, { subsets: 3 });
    expect(whole.subsetSize).toBe(30);
    expect(whole.std).toBeLessThan(1e-10);
    expect(whole.mean).toBeCloseTo(polynomialMmd(waves(30, 6, 1), y), 10);
  });
});

it('has no bias: around zero for two sets of one distribution, clearly above for two', () => {
  scope(() => {
    const generator = new Generator(1);
    const sample = (shift: number) => randn([400, 8], generator, { dtype: 'float64' }).add(shift);
    const [a, b, far] = [sample(0), sample(0), sample(0.5)];
    const same = kernelDistance(a, b, { subsets: 50, subsetSize: 50 });
    expect(Math.abs(same.mean)).toBeLessThan((3 * same.std) / Math.sqrt(8)); // 400/50 independent subsets
    expect(kernelDistance(a, far, { subsets: 50, subsetSize: 50 }).mean).toBeGreaterThan(5 * Math.abs(same.mean));
    const again = (seed: number) => kernelDistance(a, b, { subsets: 2, subsetSize: 20, seed }).mean;
    expect(again(7)).toBe(again(7));
    expect(again(7)).not.toBe(again(8));
  });
});

it('refuses features of two sizes, and a single image', () => {
  scope(() => {
    expect(() => kernelDistance(waves(4, 3, 1), waves(4, 2, 1))).toThrow(/\[4, 3\] and \[4, 2\]/);
    expect(() => kernelDistance(waves(4, 3, 1), waves(1, 3, 1))).toThrow(/subsets of 1 images/);
  });
});
