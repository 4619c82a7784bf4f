// Distillation losses: values by hand, the fused function against its twin, and what of the logits is in memory.
import { describe, expect, it } from 'vitest';
import {
  type DType,
  grad,
  memory,
  Rng,
  randint,
  randn,
  resetPeakMemory,
  scope,
  type Tensor,
  tensor,
} from '../../torch/index.ts';
import { gradcheck } from '../gradcheck.ts';
import { expectClose } from '../nn.testing.ts';
import { type DistillationOptions, distillationLoss, topKOf } from './distillation.ts';
import { type LinearDistillationOptions, linearDistillation } from './linear-distillation.ts';

const [N, D, V] = [11, 4, 9];

function inputsOf(dtype: DType, scale = 1) {
  const rng = new Rng(5);
  const make = (shape: number[]) => randn(shape, rng, { dtype: 'float64' }).mul(scale).to(dtype);
  const [hidden, weight] = [make([N, D]).requiresGrad_(), make([V + 3, D]).requiresGrad_()];
  const teacher = make([N, V]);
  const targets = randint(0, V, [N], rng);
  targets.narrow(0, 3, 2).fill_(-100);
  return { hidden, weight, teacher, targets };
}

const int = (values: number[]) => tensor(values, { dtype: 'int64' });
const log = (values: number[]) => tensor([values.map(Math.log)], { dtype: 'float64' });
const lossOf = (p: number[], q: number[], options: DistillationOptions = {}) =>
  scope(() => distillationLoss(log(q), log(p), int([0]), options).item());
const kl = (p: number[], q: number[]) => p.reduce((sum, each, i) => sum + each * Math.log(each / q[i]!), 0);

const settings: (LinearDistillationOptions & { name: string })[] = [
  { name: 'forward' },
  { name: 'forward, temperature', temperature: 2.5 },
  { name: 'forward, top-k', topK: 3, temperature: 1.5 },
  { name: 'reverse', divergence: 'reverse', reduction: 'sum' },
  { name: 'reverse, top-k', divergence: 'reverse', topK: 4, temperature: 0.7 },
  { name: 'Jensen–Shannon', divergence: 'jensen-shannon' },
  { name: 'Jensen–Shannon, β, temperature', divergence: 'jensen-shannon', beta: 0.2, temperature: 3 },
  { name: 'Jensen–Shannon, top-k', divergence: 'jensen-shannon', beta: 0.9, topK: 1 },
];

describe('distillationLoss', () => {
  const [p, q] = [[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]] as const satisfies number[][]; // biome-ignore format: a table
  const [P, Q] = [[...p], [...q]];

  it('is what the definitions say', () => {
    expect(lossOf(P, Q)).toBeCloseTo(kl(P, Q), 12);
    expect(lossOf(P, Q, { divergence: 'reverse' })).toBeCloseTo(kl(Q, P), 12);
    const m = P.map((each, i) => 0.3 * each + 0.7 * Q[i]!);
    const js = 0.3 * kl(P, m) + 0.7 * kl(Q, m);
    expect(lossOf(P, Q, { divergence: 'jensen-shannon', beta: 0.3 })).toBeCloseTo(js, 12);
    const half = P.map((each, i) => (each + Q[i]!) / 2);
    expect(lossOf(P, Q, { divergence: 'jensen-shannon' })).toBeCloseTo((kl(P, half) + kl(Q, half)) / 2, 12);
  });

  it('softens both sides by the temperature, and is multiplied by its square', () => {
    // p^(1/2), normalised: the temperature of 2.
    const soft = (values: number[]) => {
      const roots = values.map(Math.sqrt);
      const sum = roots.reduce((a, b) => a + b);
      return roots.map((each) => each / sum);
    };
    expect(lossOf(P, Q, { temperature: 2 })).toBeCloseTo(4 * kl(soft(P), soft(Q)), 12);
  });

  it('takes the tokens beside the likeliest k of the teacher as one outcome', () => {
    expect(lossOf(P, Q, { topK: 1 })).toBeCloseTo(kl([0.5, 0.5], [0.2, 0.8]), 12);
    expect(lossOf(P, Q, { topK: 2 })).toBeCloseTo(kl(P, Q), 12);
    expect(lossOf(P, Q, { topK: 3 })).toBeCloseTo(kl(P, Q), 12);
    expect(lossOf(P, [0.5, 0.1, 0.4], { topK: 1 })).toBeCloseTo(0, 12);
  });

  it('takes no part where the target is −100, and is a mean or a sum', () => {
    scope(() => {
      const [s, t] = [log(Q), log(P)].map((each) => each.expand([3, 3])) as [Tensor, Tensor];
      const targets = int([1, -100, 0]);
      expect(distillationLoss(s, t, targets).item()).toBeCloseTo(kl(P, Q), 12);
      expect(distillationLoss(s, t, targets, { reduction: 'sum' }).item()).toBeCloseTo(2 * kl(P, Q), 12);
      expect(distillationLoss(s, t, int([-100, -100, -100])).item()).toBe(0);
    });
  });

  it('refuses what it cannot compute', () => {
    expect(() => lossOf(P, Q, { topK: 4 })).toThrow(/topK is 4, but the vocabulary has 3 tokens/);
    expect(() => lossOf(P, Q, { temperature: 0 })).toThrow(/temperature must be/);
    expect(() => lossOf(P, Q, { divergence: 'jensen-shannon', beta: 1 })).toThrow(/beta must be/);
    expect(() => lossOf(P, Q, { divergence: 'forwards' as never })).toThrow(/divergence must be forward or/);
  });
});

describe('linearDistillation', () => {
  it.each(settings)('is distillationLoss of the projection, chunk by chunk: $name', ({ name: _, ...options }) => {
    for (const [dtype, tolerance] of [['float64', 1e-12], ['float32', 2e-5]] as const) // biome-ignore format: pairs
      scope(() => {
        const exact = inputsOf('float64', 2);
        const logits = exact.hidden.matmul(exact.weight.narrow(0, 0, V).t());
        const expected = distillationLoss(logits, exact.teacher, exact.targets, options);
        const slopes = grad([expected], [exact.hidden, exact.weight]) as Tensor[];
        const { hidden, weight, teacher, targets } = inputsOf(dtype, 2);
        for (const chunk of [3, 100]) {
          const rows = (from: number, n: number) => teacher.narrow(0, from, n);
          const loss = linearDistillation(hidden, weight, rows, targets, { ...options, chunk, vocabularySize: V });
          const found = grad([loss], [hidden, weight]) as Tensor[];
          for (const [i, each] of [loss, ...found].entries()) expectClose(each, [expected, ...slopes][i]!, tolerance);
        }
      });
  });

  it.each(settings)('passes gradcheck: $name', ({ name: _, ...options }) => {
    scope(() => {
      const { hidden, weight, teacher, targets } = inputsOf('float64');
      const rows = (from: number, n: number) => teacher.narrow(0, from, n);
      const all = { ...options, chunk: 4, vocabularySize: V };
      gradcheck((h, w) => linearDistillation(h!, w!, rows, targets, all).square().mul(3), [hidden, weight]);
      gradcheck(
        (h) => distillationLoss(h!.matmul(weight.detach().narrow(0, 0, V).t()), teacher, targets, options),
        [hidden],
      );
    });
  });

  it.each(settings)(
    'is 0 with gradients of 0 where student and teacher agree, in f32: $name',
    ({ name: _, ...options }) => {
      scope(() => {
        const { hidden, weight, targets } = inputsOf('float32', 3);
        const same = (from: number, n: number) =>
          hidden
            .detach()
            .narrow(0, from, n)
            .mm(weight.detach().narrow(0, 0, V).t());
        const loss = linearDistillation(hidden, weight, same, targets, { ...options, chunk: 4, vocabularySize: V });
        expect(loss.item()).toBe(0);
        for (const each of grad([loss], [hidden, weight])) expect(each!.abs().max().item()).toBe(0);
      });
    },
  );

  it('gives the same bits for likeliest tokens that were kept as for those it finds', () => {
    scope(() => {
      const { hidden, weight, teacher, targets } = inputsOf('float32', 2);
      const options = { topK: 3, temperature: 2, chunk: 4, vocabularySize: V };
      const [online, kept] = [false, true].map((isKept) => {
        const rows = (from: number, n: number) => {
          const logits = teacher.narrow(0, from, n);
          return isKept ? topKOf(logits, 3, 2) : logits;
        };
        const loss = linearDistillation(hidden, weight, rows, targets, options);
        return [loss, ...(grad([loss], [hidden, weight]) as Tensor[])];
      });
      for (const [i, each] of kept!.entries()) expect(each.sub(online![i]!).abs().max().item()).toBe(0);
    });
  });

  it('stays finite where a side is all but certain', () => {
    scope(() => {
      const hidden = tensor([[1]]).requiresGrad_();
      const weight = tensor([[300], [0], [-300]]).requiresGrad_();
      for (const { name, ...options } of settings) {
        const { topK: k, ...rest } = options;
        const topK = k === undefined ? undefined : Math.min(k, 2);
        const loss = linearDistillation(hidden, weight, () => tensor([[-200, 0, 200]]), int([0]), { ...rest, topK });
        const found = [loss, ...(grad([loss], [hidden, weight]) as Tensor[])];
        for (const each of found) expect(each.abs().sum().item(), name).toBeLessThan(1e9);
      }
    });
  });

  it('never holds the logits of all tokens', () => {
    const [tokens, width, words] = [4096, 8, 2000];
    const peak = (chunk: number) =>
      scope(() => {
        const hidden = randn([tokens, width], new Rng(1)).requiresGrad_();
        const weight = randn([words, width], new Rng(2)).requiresGrad_();
        const teacher = randn([tokens, width], new Rng(3));
        const before = memory().liveBytes;
        resetPeakMemory();
        const rows = (from: number, n: number) => teacher.narrow(0, from, n).mm(weight.detach().t());
        linearDistillation(hidden, weight, rows, tensor(new Int32Array(tokens), { shape: [tokens], dtype: 'int64' }), {
          chunk,
        });
        return memory().peakBytes - before;
      });
    const logits = tokens * words * 4;
    expect(peak(64)).toBeLessThan(logits / 4);
    expect(peak(tokens)).toBeGreaterThan(2 * logits);
  });
});
