// A new model's weights are distributed as published (spec 2.5).
import { expect, it } from 'vitest';
import { scope, type Tensor } from '../torch/index.ts';
import { initialWeights, preset, tensorShapes } from './index.ts';

const numbers = (tensor: Tensor) => [...(tensor.data() as Float32Array)];

it('initialises every kind of tensor as published', () => {
  scope(() => {
    const shapes = tensorShapes(preset('mini', { tie_word_embeddings: false }));
    const draw = initialWeights(0);
    for (const [name, shape] of shapes) {
      const tensor = draw(name, shape);
      expect(tensor.shape, name).toEqual(shape);
      const values = numbers(tensor);
      const last = name.split('.').at(-1)!;
      if (last === 'A_log') {
        for (const [i, value] of values.entries()) expect(value).toBeCloseTo(Math.log(i + 1), 6);
      } else if (last === 'dt_bias') {
        const steps = values.map((value) => Math.log1p(Math.exp(value))); // Δ at an input of 0
        expect(Math.min(...steps)).toBeGreaterThan(0.00099);
        expect(Math.max(...steps)).toBeLessThan(0.101);
        expect(new Set(steps).size).toBe(steps.length);
      } else if (/^(D|[qk]_weight|\w+_norm_weight)$/.test(last)) {
        expect(new Set(values), name).toEqual(new Set([1]));
      } else if (/norm\.weight$/.test(name)) {
        expect(new Set(values), name).toEqual(new Set([0]));
      } else {
        const mean = values.reduce((a, b) => a + b) / values.length;
        const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
        expect(Math.abs(mean), name).toBeLessThan(0.002);
        expect(deviation / 0.02, name).toBeGreaterThan(0.95);
        expect(deviation / 0.02, name).toBeLessThan(1.05);
      }
    }
  });
});

it('draws Δ evenly on the logarithmic scale', () => {
  scope(() => {
    const steps = numbers(initialWeights(1)('mixer.dt_bias', [20000])).map((value) =>
      Math.log10(Math.log1p(Math.exp(value))),
    );
    const share = (from: number, to: number) => steps.filter((step) => step >= from && step < to).length / steps.length;
    for (const from of [-3, -2.5, -2, -1.5]) expect(share(from, from + 0.5)).toBeCloseTo(0.25, 1.5);
  });
});
