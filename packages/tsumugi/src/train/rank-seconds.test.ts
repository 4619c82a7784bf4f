// Which seconds of a step are a rank's own: not those in which it waits for another rank, whose name the progress line is to tell.
import { afterEach, expect, it, vi } from 'vitest';
import type { Mesh } from '../mesh/index.ts';
import { toldMesh } from '../mesh/told-mesh.testing.ts';
import { namedParameters } from '../nn/index.ts';
import { makeBatch } from '../text/index.ts';
import { preferenceGradients } from './preference/preference-gradients.ts';
import { stepGradients } from './step-gradients.ts';
import { smallModel } from './steps.testing.ts';

let [now, waited] = [0, 0];
afterEach(() => {
  [now, waited] = [0, 0];
});
const works = (seconds: number) => {
  now += seconds * 1000;
};
const waits = (seconds: number) => {
  works(seconds);
  waited += seconds;
};

/** Two ranks, by a clock that stands still but for what they do. */
function byTheClock(): Mesh {
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  return Object.defineProperty(toldMesh(0, 2), 'waitedSeconds', { get: () => waited });
}

it('waits between backwards, as where gradients are cut over the ranks', () => {
  using model = smallModel();
  const batch = { ...makeBatch(4, 6), predicted: 4 };
  const gradients = stepGradients(
    model,
    () => ({ batch, microRows: 1, tokensSeen: 0 }),
    { dtype: 'float32', activationCheckpointing: false, zLoss: 0 },
    {
      mesh: byTheClock(),
      lossOf(network) {
        works(2);
        waits(3); // for a part of a row
        return { loss: namedParameters(network)[0]![1].sum() };
      },
      afterBackward: () => waits(7),
    },
  );
  expect(gradients(0).rankSeconds).toEqual([4, 4]);
  expect(gradients(1).rankSeconds).toEqual([4, 4]);
  for (const [, parameter] of namedParameters(model)) parameter.grad = undefined;
});

it('waits between micro-batches of answers, as for the mean of KTO', () => {
  const mesh = byTheClock();
  const steps = { microBatchesOf: () => 0, itemsPerStep: 1, tokensAt: () => 0 } as never;
  const work = (seconds: number) => () => void works(seconds);
  const settings = { dtype: 'float32', activationCheckpointing: false } as const;
  function* workOf() {
    yield work(2);
    waits(5);
    yield work(1);
  }
  expect(preferenceGradients(steps, workOf, settings, { mesh })(0).rankSeconds).toEqual([3, 3]);
});
