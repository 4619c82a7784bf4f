// PCL: the loss and its gradients against the sum over stretches, settings that change something, and learning.
import { describe, expect, it } from 'vitest';
import { checkSettings } from '../../base/index.ts';
import { scope, type Tensor, tensor } from '../../torch/index.ts';
import type { PCL } from './pcl.ts';
import { type PCLCoefficients, pclLoss } from './pcl.ts';
import { pcl } from './pcl-config.ts';
import { abc, abcSpaces, happenings, live, smallSpaces, stepsToLearn } from './policy-agents.testing.ts';

const f64 = { dtype: 'float64' } as const;
const list = (x: Tensor) => x.tolist() as number[];

describe('loss', () => {
  const [values, logs, rewards] = [
    [0.5, -1, 2, 0.3, 0.7],
    [-0.2, -1.5, -0.7, -0.4],
    [1, 0, 2, -1],
  ];
  const settings: PCLCoefficients = {
    gamma: 0.9,
    tau: 0.2,
    rolloutLength: 3,
    policyCoefficient: 0.8,
    valueCoefficient: 0.5,
    backpropFutureValues: true,
    normalizeBySteps: true,
  };

  /** C(t), in plain numbers. */
  function consistency(v: readonly number[], l: readonly number[], t: number): number {
    const d = Math.min(l.length - t, settings.rolloutLength);
    let c = -v[t]! + settings.gamma ** d * v[t + d]!;
    for (let i = 0; i < d; i++) c += settings.gamma ** i * (rewards![t + i]! - settings.tau * l[t + i]!);
    return c;
  }
  const half = (v: readonly number[], l: readonly number[]) =>
    l.reduce((sum, _, t) => sum + consistency(v, l, t) ** 2 / 2, 0);

  it.each([
    { backpropFutureValues: true, normalizeBySteps: true },
    { backpropFutureValues: false, normalizeBySteps: false },
  ])('is the formula, and so are its gradients: %o', (changes) => {
    scope(() => {
      const [v, l] = [tensor(values!, f64).requiresGrad_(), tensor(logs!, f64).requiresGrad_()];
      const loss = pclLoss(v, l, rewards!, { ...settings, ...changes });
      const scale = changes.normalizeBySteps ? 4 : 1;
      expect(loss.item()).toBeCloseTo(((0.8 / 0.2 + 0.5) * half(values!, logs!)) / scale, 10);
      loss.backward();
      const eps = 1e-6;
      logs!.forEach((_, i) => {
        const at = (delta: number) =>
          half(
            values!,
            logs!.map((x, j) => x + (j === i ? delta : 0)),
          );
        expect(list(l.grad!)[i]).toBeCloseTo(((0.8 / 0.2) * (at(eps) - at(-eps))) / (2 * eps) / scale, 6);
      });
      values!.forEach((_, i) => {
        // Through V(s_t), and through V(s_{t+d}) where the gradient reaches it.
        const slope = logs!.reduce((sum, __, t) => {
          const d = Math.min(4 - t, 3);
          const own = t === i ? -1 : 0;
          const future = t + d === i && changes.backpropFutureValues ? settings.gamma ** d : 0;
          return sum + consistency(values!, logs!, t) * (own + future);
        }, 0);
        expect(list(v.grad!)[i]).toBeCloseTo((0.5 * slope) / scale, 8);
      });
    });
  });
});

function make(changes: object = {}, spaces: object = smallSpaces.discrete): PCL {
  const settings = { hidden: [8], batchSize: 2, replayStart: 8, learningRate: 1e-2, ...changes };
  const place = {
    ...(spaces as { observationSpace: never; actionSpace: never }),
    numEnvironments: 1,
    steps: 1000,
    seed: 3,
  };
  return pcl.make({ ...place, device: 'cpu' }, checkSettings('pcl', pcl.config, settings)) as PCL;
}
const trained = (changes: object = {}) =>
  scope(() => {
    using agent = make(changes);
    const outcomes = happenings(1, 11);
    live(agent, outcomes, outcomes.next().value!, 40);
    return agent.model.parameters().flatMap((each) => [...(each.data() as Float32Array)]);
  });

it.each<[string, object]>([
  ['gamma', { gamma: 0.5 }],
  ['tau', { tau: 0.5 }],
  ['rolloutLength', { rolloutLength: 1 }],
  ['maxSteps', { maxSteps: 2 }],
  ['batchSize', { batchSize: 1 }],
  ['policyCoefficient', { policyCoefficient: 0.1 }],
  ['valueCoefficient', { valueCoefficient: 0.1 }],
  ['backpropFutureValues', { backpropFutureValues: false }],
  ['normalizeBySteps', { normalizeBySteps: false }],
  ['onlineUpdate', { onlineUpdate: false }],
  ['replayUpdates', { replayUpdates: 3 }],
  ['replayStart', { replayStart: 30 }],
  ['capacity', { capacity: 8 }],
  ['prioritized', { prioritized: true }],
])('depends on %s', (_, changes) => {
  expect(trained(changes)).not.toEqual(trained());
});

it.each([
  [{ discrete: true }, {}],
  [{ discrete: false }, {}],
  [{ discrete: true }, { prioritized: true }],
])('learns ABC: %o, %o', (options, changes) => {
  scope(() => {
    using agent = make({ tau: 0.05, ...changes }, abcSpaces(options));
    expect(stepsToLearn(agent, () => abc(options))).toBeLessThan(Infinity);
  });
});
