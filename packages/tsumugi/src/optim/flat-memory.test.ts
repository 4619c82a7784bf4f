// A training loop that never yields holds its memory: hundreds of steps with every optimizer's machinery in use.
import { expect, it } from 'vitest';
import { inTime } from '../base/thorough.testing.ts';
import { Dropout, LayerNorm, Linear, mse, relu, Sequential } from '../nn/index.ts';
import { backward, checkpoint, memory, Rng, randn, scope } from '../torch/index.ts';
import { AdamW } from './adam.ts';
import { clipScale, gradNorm } from './clip.ts';

const MiB = 2 ** 20;

it('keeps live handles, live bytes and resident memory flat over hundreds of training steps', () => {
  const rng = new Rng(1);
  using model = new Sequential(
    new Linear(64, 256, { rng }),
    relu,
    new LayerNorm(256, { rng }),
    new Dropout(0.1, { rng }),
    new Linear(256, 64, { rng }),
  );
  using optimizer = new AdamW(model, { weightDecay: 0.1 });
  const step = () =>
    scope(() => {
      for (let micro = 0; micro < 2; micro++) {
        const x = randn([128, 64], rng);
        const y = checkpoint((input) => model.forward(input).add(input), x.requiresGrad_());
        backward(mse(y, x.detach().roll([1], [1])).div(2));
      }
      optimizer.step(1e-3, { gradScale: clipScale(gradNorm(optimizer.parameters), 1) });
      optimizer.zeroGrad();
    });
  const observe = () => ({ ...memory(), resident: process.memoryUsage().rss });

  for (let i = 0; i < 100; i++) step();
  const early = observe();
  for (let i = 0; i < inTime(200, 400); i++) step();
  const late = observe();

  expect(late.liveHandles).toBe(early.liveHandles);
  expect(late.liveBytes).toBe(early.liveBytes);
  expect(late.cachedBytes).toBeLessThanOrEqual(early.cachedBytes);
  // A step makes about 2 MiB of tensors, so losing a tenth of it would add 40 MiB at least. JavaScript's own heap moves a little.
  expect(late.resident - early.resident).toBeLessThan(24 * MiB);
});
