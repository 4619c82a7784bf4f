// The losses' values by their formulas, their gradients, and what they do far from 0.
import { describe, expect, it } from 'vitest';
import { gradcheck } from '../nn/index.ts';
import { expectClose, leaf } from '../nn/nn.testing.ts';
import { Rng, scope, tensor } from '../torch/index.ts';
import { type AdversarialLoss, type LossName, losses } from './losses.ts';

const reals = [2, -1.5, 0.25];
const fakes = [-2, 3, 0.5];
const mean = (values: number[], f: (x: number) => number) =>
  values.map(f).reduce((sum, value) => sum + value, 0) / values.length;
const logSigmoid = (x: number) => -Math.log1p(Math.exp(-x));
const expected: Record<LossName, [discriminator: number, generator: number]> = {
  standard: [
    -mean(reals, logSigmoid) - mean(fakes, (f) => Math.log(1 - 1 / (1 + Math.exp(-f)))),
    -mean(fakes, logSigmoid),
  ],
  hinge: [mean(reals, (r) => Math.max(0, 1 - r)) + mean(fakes, (f) => Math.max(0, 1 + f)), -mean(fakes, (f) => f)],
  wasserstein: [mean(fakes, (f) => f) - mean(reals, (r) => r), -mean(fakes, (f) => f)],
};

describe.each(Object.entries(losses) as [LossName, AdversarialLoss][])('%s loss', (name, loss) => {
  it('has its formula and right gradients', () => {
    scope(() => {
      const [real, fake] = [reals, fakes].map((values) => tensor(values, { dtype: 'float64' }).requiresGrad_());
      const [discriminator, generator] = expected[name];
      expectClose(loss.discriminator(real!, fake!), tensor(discriminator, { dtype: 'float64' }), 1e-12);
      expectClose(loss.generator(fake!), tensor(generator, { dtype: 'float64' }), 1e-12);
      gradcheck((r, f) => loss.discriminator(r!, f!), [real!, fake!]);
      gradcheck((f) => loss.generator(f!), [leaf([4], new Rng(1))]);
    });
  });

  it('stays finite at extreme logits', () => {
    scope(() => {
      const [high, low] = [tensor([300]), tensor([-300])];
      expect(Math.abs(loss.discriminator(low, high).item())).toBeLessThan(1000);
      expect(Math.abs(loss.generator(low).item())).toBeLessThan(1000);
    });
  });
});
