// Checkpointed layers change memory and nothing else, whatever way backward goes through the model.
import { expect, it } from 'vitest';
import { parameters } from '../nn/index.ts';
import { backward, grad, memory, resetPeakMemory, scope, tensor } from '../torch/index.ts';
import { initialWeights, Plamo2 } from './index.ts';
import { smallConfig } from './lm.testing.ts';

function batchOf(seed: number, length = 24) {
  const ids = Array.from({ length: length + 1 }, (_, i) => (i * 97 + seed * 13) % 300);
  const row = (values: number[]) => tensor(values, { dtype: 'int64', shape: [1, length] });
  return { ids: row(ids.slice(0, -1)), targets: row(ids.slice(1)) };
}

it.each([
  ['in order', [0, 1]],
  ['in reverse', [1, 0]],
  ['one twice', [0, 0, 1]],
])('gives the gradients of two losses, %s', (_, order) => {
  using model = new Plamo2(smallConfig(), initialWeights(1));
  const gradients = (activationCheckpointing: boolean) =>
    scope(() => {
      const losses = [1, 2].map((seed) => model.loss(batchOf(seed), { activationCheckpointing, zLoss: 1e-3 }).loss);
      for (const i of order) backward(losses[i]!, { retainGraph: true });
      const found = parameters(model).map((parameter) => parameter.grad!.tolist());
      for (const parameter of parameters(model)) parameter.grad = undefined;
      return found;
    });
  expect(gradients(true)).toEqual(gradients(false));
});

it('is seen through by grad, and holds less', () => {
  using model = new Plamo2(smallConfig(), initialWeights(1));
  const run = (activationCheckpointing: boolean) =>
    scope(() => {
      const batch = batchOf(1, 128);
      const before = memory().liveBytes;
      resetPeakMemory();
      const found = scope(() => {
        const { loss } = model.loss(batch, { activationCheckpointing });
        const held = memory().liveBytes - before;
        return { held, gradients: grad([loss], parameters(model)) };
      });
      const peak = memory().peakBytes - before;
      return { ...found, peak, gradients: found.gradients.map((each) => each!.tolist()) };
    });
  const [less, all] = [run(true), run(false)];
  expect(less.gradients).toEqual(all.gradients);
  expect(less.held).toBeLessThan(0.3 * all.held);
  expect(less.peak).toBeLessThan(0.7 * all.peak);
});
