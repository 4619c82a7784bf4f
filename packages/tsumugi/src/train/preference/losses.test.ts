// Losses of preferences against their formulas in plain numbers, their gradients, and what they refuse.
import { describe, expect, it } from 'vitest';
import { ShapeError, UserError } from '../../base/index.ts';
import { gradcheck } from '../../nn/index.ts';
import { Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { dpoLoss, hdpoLoss, ipoLoss, ktoLoss, orpoLoss, rewardLoss, simpoLoss } from './index.ts';

const policyChosen = [-3, -7.5, -0.4];
const policyRejected = [-4, -6, -2.2];
const referenceChosen = [-3.5, -7, -0.9];
const referenceRejected = [-3.9, -6.5, -1];
const all = [policyChosen, policyRejected, referenceChosen, referenceRejected] as const;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const h = (i: number, alpha: number, beta: number) =>
  alpha * beta * (policyChosen[i]! - policyRejected[i]!) - beta * (referenceChosen[i]! - referenceRejected[i]!);
const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
const odds = (logprob: number) => Math.exp(logprob) / (1 - Math.exp(logprob));

type Case = [name: string, loss: (...values: Tensor[]) => Tensor, expected: (i: number) => number];
const ask = { reduction: 'none' } as const;
const cases: Case[] = [
  ['DPO', (w, l, rw, rl) => dpoLoss(w!, l!, rw!, rl!, { ...ask, beta: 0.3 }), (i) => -Math.log(sigmoid(h(i, 1, 0.3)))],
  [
    'H-DPO',
    (w, l, rw, rl) => hdpoLoss(w!, l!, rw!, rl!, { ...ask, alpha: 0.8, beta: 0.3 }),
    (i) => -Math.log(sigmoid(h(i, 0.8, 0.3))),
  ],
  [
    'conservative',
    (w, l, rw, rl) => hdpoLoss(w!, l!, rw!, rl!, { ...ask, alpha: 1.1, beta: 2, labelSmoothing: 0.1 }),
    (i) => -0.9 * Math.log(sigmoid(h(i, 1.1, 2))) - 0.1 * Math.log(sigmoid(-h(i, 1.1, 2))),
  ],
  [
    'robust',
    (w, l, rw, rl) => dpoLoss(w!, l!, rw!, rl!, { ...ask, beta: 2, labelSmoothing: 0.1, smoothing: 'robust' }),
    (i) => (-0.9 * Math.log(sigmoid(h(i, 1, 2))) + 0.1 * Math.log(sigmoid(-h(i, 1, 2)))) / 0.8,
  ],
  ['IPO', (w, l, rw, rl) => ipoLoss(w!, l!, rw!, rl!, { ...ask, beta: 0.25 }), (i) => (h(i, 1, 1) - 2) ** 2],
  [
    'SimPO',
    (w, l) => simpoLoss(w!, l!, { ...ask, beta: 2, gamma: 0.7 }),
    (i) => -Math.log(sigmoid(2 * policyChosen[i]! - 2 * policyRejected[i]! - 0.7)),
  ],
  [
    'reward',
    (w, l) => rewardLoss(w!, l!, { ...ask, margins: [0.5, 0, 1], centering: 0.05 }),
    (i) =>
      -Math.log(sigmoid(policyChosen[i]! - policyRejected[i]! - [0.5, 0, 1][i]!)) +
      0.05 * (policyChosen[i]! + policyRejected[i]!) ** 2,
  ],
  [
    'ORPO',
    (w, l) => orpoLoss(w!, l!, ask),
    (i) => -Math.log(sigmoid(Math.log(odds(policyChosen[i]!) / odds(policyRejected[i]!)))),
  ],
];

const f64 = (values: readonly number[]) => tensor(values as number[], { dtype: 'float64' });
const close = (actual: Tensor, expected: number[]) =>
  (actual.tolist() as number[]).forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 12));

describe('losses of pairs', () => {
  it.each(cases)('%s follows its formula', (_, loss, expected) => {
    scope(() => close(loss(...all.map(f64)), [0, 1, 2].map(expected)));
  });

  it.each(cases)('%s has the gradient of its value, everywhere it depends on', (name, loss) => {
    const inputs = ['SimPO', 'ORPO', 'reward'].includes(name) ? 2 : 4;
    scope(() =>
      gradcheck(
        (...given) => loss(...given),
        all.slice(0, inputs).map((values) => f64(values).requiresGrad_()),
      ),
    );
  });

  it('takes the mean, the sum, numbers in place of tensors', () => {
    scope(() => {
      const losses = [0, 1, 2].map((i) => -Math.log(sigmoid(h(i, 0.9, 0.1))));
      const options = { alpha: 0.9, beta: 0.1 };
      expect(hdpoLoss(...all, options).item()).toBeCloseTo(mean(losses), 12);
      expect(hdpoLoss(...all, { ...options, reduction: 'sum' }).item()).toBeCloseTo(3 * mean(losses), 12);
    });
  });

  it('stays finite where the sigmoid is 0, and where p rounds to 1', () => {
    scope(() => {
      expect(dpoLoss([-900], [0], [0], [0], { beta: 1 }).item()).toBe(900);
      expect(orpoLoss(tensor([0]), tensor([-1])).item()).toBeGreaterThanOrEqual(0);
      expect(orpoLoss(tensor([-1]), tensor([0])).item()).toBeLessThan(20);
    });
  });
});

describe('KTO', () => {
  const liked = [true, false, true];
  const options = { beta: 0.4, desirableWeight: 1.5, undesirableWeight: 0.5 };
  const value = (i: number, anchor: number) => {
    const lead = 0.4 * (policyChosen[i]! - referenceChosen[i]! - anchor);
    return liked[i] ? 1.5 * (1 - sigmoid(lead)) : 0.5 * (1 - sigmoid(-lead));
  };

  it('follows its formula, with the KL where that is above 0', () => {
    scope(() => {
      const loss = (others: number[]) =>
        ktoLoss(f64(policyChosen), f64(referenceChosen), liked, f64(others), { ...options, reduction: 'none' });
      close(
        loss([1, 2.5, -0.5]),
        [0, 1, 2].map((i) => value(i, 1)),
      );
      close(
        loss([-3, 1]),
        [0, 1, 2].map((i) => value(i, 0)),
      );
      close(
        loss([]),
        [0, 1, 2].map((i) => value(i, 0)),
      );
    });
  });

  it('has the gradient of its value, and none through the KL', () => {
    scope(() => {
      const others = f64([1, 2]).requiresGrad_();
      gradcheck(
        (policy) => ktoLoss(policy, f64(referenceChosen), liked, others, options),
        [f64(policyChosen).requiresGrad_()],
      );
      expect(others.grad).toBeUndefined();
    });
  });

  it('wants a label for each answer', () => {
    expect(() => scope(() => ktoLoss(policyChosen, referenceChosen, [true], [0], options))).toThrow(
      /1 labels came for 3 answers/,
    );
  });
});

describe('what is refused', () => {
  it.each([
    [{ alpha: 0, beta: 1 }, /alpha/],
    [{ alpha: 1, beta: 0 }, /beta/],
    [{ alpha: 1, beta: Number.NaN }, /beta/],
    [{ alpha: 1, beta: 1, labelSmoothing: 0.5 }, /labelSmoothing/],
    [{ alpha: 1, beta: 1, smoothing: 'other' as 'robust' }, /smoothing/],
    [{ alpha: 1, beta: 1, label_smoothing: 0.1 } as never, /label_smoothing/],
  ])('%o', (options, words) => {
    expect(() => scope(() => hdpoLoss(...all, options))).toThrow(UserError);
    expect(() => scope(() => hdpoLoss(...all, options))).toThrow(words);
  });

  it('answers of another number', () => {
    expect(() => scope(() => dpoLoss([-1, -2], [-1], [-1, -2], [-1, -2], { beta: 1 }))).toThrow(ShapeError);
    expect(() => scope(() => dpoLoss('x' as never, [-1], [-1], [-1], { beta: 1 }))).toThrow(/policyChosen/);
  });
});

it('H-DPO with α = 1 is DPO to the bit, in value and gradient', () => {
  scope(() => {
    const [w, l, rw, rl] = Array.from({ length: 4 }, (_, i) => randn([64], new Rng(i)).mul(30)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const run = (loss: (policy: Tensor) => Tensor) => {
      const policy = w.detach().clone().requiresGrad_();
      const value = loss(policy);
      value.backward();
      return [value.item(), ...(policy.grad!.tolist() as number[])];
    };
    const asDpo = run((policy) => dpoLoss(policy, l, rw, rl, { beta: 0.1, labelSmoothing: 0.2 }));
    const asHdpo = run((policy) => hdpoLoss(policy, l, rw, rl, { alpha: 1, beta: 0.1, labelSmoothing: 0.2 }));
    expect(asHdpo).toEqual(asDpo);
  });
});
