// Losses against their formulas, reductions, gradients, and the refusal to broadcast.
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../base/index.ts';
import { Rng, scope, type Tensor, tensor, zeros } from '../torch/index.ts';
import { gradcheck } from './gradcheck.ts';
import { bceWithLogits, huber, mse, smoothL1 } from './losses.ts';
import { expectClose, leaf } from './nn.testing.ts';

const xs = [-3, -0.4, 0.2, 2.5];
const ys = [0.5, -0.1, 1, 0];
const f64 = (values: number[]) => tensor(values, { dtype: 'float64' });
const targets = [0, 1, 0.25, 1];

const cases: [string, (x: Tensor, y: Tensor, reduction: 'none' | 'mean' | 'sum') => Tensor, number[], number[]][] = [
  ['mse', (x, y, reduction) => mse(x, y, { reduction }), ys, xs.map((x, i) => (x - ys[i]!) ** 2)],
  [
    'smoothL1',
    (x, y, reduction) => smoothL1(x, y, { beta: 2, reduction }),
    ys,
    xs.map((x, i) => {
      const d = Math.abs(x - ys[i]!);
      return d < 2 ? d ** 2 / 4 : d - 1;
    }),
  ],
  [
    'huber',
    (x, y, reduction) => huber(x, y, { delta: 0.5, reduction }),
    ys,
    xs.map((x, i) => {
      const d = Math.abs(x - ys[i]!);
      return d < 0.5 ? d ** 2 / 2 : 0.5 * (d - 0.25);
    }),
  ],
  [
    'bceWithLogits',
    (x, y, reduction) => bceWithLogits(x, y, { reduction, weight: f64([1, 2, 1, 1]), posWeight: f64([3, 3, 3, 3]) }),
    targets,
    xs.map((x, i) => {
      const p = 1 / (1 + Math.exp(-x));
      const loss = -(3 * targets[i]! * Math.log(p) + (1 - targets[i]!) * Math.log(1 - p));
      return i === 1 ? 2 * loss : loss;
    }),
  ],
];

describe('losses', () => {
  it.each(cases)('%s follows its formula, in every reduction', (_, loss, target, expected) => {
    scope(() => {
      const [x, y] = [f64(xs), f64(target)];
      const sum = expected.reduce((a, b) => a + b);
      expectClose(loss(x, y, 'none'), f64(expected), 1e-12);
      expect(loss(x, y, 'sum').item()).toBeCloseTo(sum, 10);
      expect(loss(x, y, 'mean').item()).toBeCloseTo(sum / 4, 10);
      gradcheck((input) => loss(input, y, 'none'), [leaf([4], new Rng(2))]);
    });
  });

  it('stays finite for large logits', () => {
    scope(() => {
      expect(bceWithLogits(tensor([200, -200]), tensor([0, 1])).item()).toBe(200);
    });
  });

  it('refuses shapes that would broadcast', () => {
    scope(() => {
      for (const loss of [mse, smoothL1, huber, bceWithLogits]) {
        const refused = () => loss(zeros([3]), zeros([3, 1]));
        expect(refused).toThrow(ShapeError);
        expect(refused).toThrow(expect.objectContaining({ code: 'shape-mismatch' }));
        // The Huber loss is smoothL1's.
        expect(refused).toThrow(new RegExp(`^${loss === huber ? 'smoothL1' : loss.name}: .*\\[3\\].*\\[3, 1\\]`));
        const wrong = () => loss(zeros([3]), zeros([3]), { reduction: 'max' as 'mean' });
        expect(wrong).toThrow(`${loss === huber ? 'smoothL1' : loss.name}: reduction`);
      }
    });
  });
});
