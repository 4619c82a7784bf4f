// Every optimizer over ten steps against its published formula in float64, and what they share: groups, missing
// gradients, clipping folded into the step, exact saving and restoring.
import { describe, expect, it } from 'vitest';
import { CheckpointError, ConfigError } from '../base/index.ts';
import { Linear } from '../nn/index.ts';
import { backward, type DType, Rng, randn, scope, type Tensor, tensor, zeros } from '../torch/index.ts';
import { Adam, AdamW } from './adam.ts';
import type { ParameterGroup } from './groups.ts';
import type { Optimizer } from './optimizer.ts';
import { RMSprop } from './rmsprop.ts';
import { SGD } from './sgd.ts';

/** The new value of one weight at step t (from 1), by the formulas of PyTorch's documentation; `s` is its state. */
type Formula = (p: number, g: number, t: number, lr: number, s: Record<string, number>) => number;

const adamFormula =
  (o: { b1?: number; b2?: number; eps?: number; l2?: number; decoupled?: number; uncorrected?: boolean }): Formula =>
  (p0, g0, t, lr, s) => {
    const { b1 = 0.9, b2 = 0.999, eps = 1e-8 } = o;
    const p = p0 - lr * (o.decoupled ?? 0) * p0;
    const g = g0 + (o.l2 ?? 0) * p0;
    s['m'] = b1 * (s['m'] ?? 0) + (1 - b1) * g;
    s['v'] = b2 * (s['v'] ?? 0) + (1 - b2) * g * g;
    const [c1, c2] = [1 - b1 ** t, 1 - b2 ** t];
    // Chainer: θ −= lr·√(1−β2ᵗ)/(1−β1ᵗ)·m/(√v + eps)
    if (o.uncorrected) return p - (((lr * Math.sqrt(c2)) / c1) * s['m']) / (Math.sqrt(s['v']) + eps);
    return p - (lr * (s['m'] / c1)) / (Math.sqrt(s['v'] / c2) + eps);
  };

const sgdFormula =
  (o: { mu?: number; nesterov?: boolean; l2?: number }): Formula =>
  (p, g0, t, lr, s) => {
    const g = g0 + (o.l2 ?? 0) * p;
    if (!o.mu) return p - lr * g;
    s['b'] = t === 1 ? g : o.mu * s['b']! + g;
    return p - lr * (o.nesterov ? g + o.mu * s['b'] : s['b']);
  };

const rmspropFormula =
  (o: { alpha?: number; eps?: number; inside?: boolean; mu?: number; centered?: boolean; l2?: number }): Formula =>
  (p, g0, _t, lr, s) => {
    const { alpha = 0.99, eps = 1e-8 } = o;
    const g = g0 + (o.l2 ?? 0) * p;
    s['s'] = alpha * (s['s'] ?? 0) + (1 - alpha) * g * g;
    s['a'] = o.centered ? alpha * (s['a'] ?? 0) + (1 - alpha) * g : 0;
    const variance = s['s'] - s['a'] ** 2;
    const u = g / (o.inside ? Math.sqrt(variance + eps) : Math.sqrt(variance) + eps);
    s['b'] = (o.mu ?? 0) * (s['b'] ?? 0) + u;
    return p - lr * s['b'];
  };

type Source = ParameterGroup[];
const cases: [string, (source: Source) => Optimizer, Formula][] = [
  ['AdamW', (s) => new AdamW(s, { betas: [0.8, 0.95], eps: 1e-6, weightDecay: 0.3 }), adamFormula({ b1: 0.8, b2: 0.95, eps: 1e-6, decoupled: 0.3 })],
  ['AdamW by default', (s) => new AdamW(s), adamFormula({ decoupled: 0.01 })],
  ['Adam', (s) => new Adam(s, { weightDecay: 0.3 }), adamFormula({ l2: 0.3 })],
  ['Adam, eps on the uncorrected root', (s) => new Adam(s, { eps: 1e-2, epsOn: 'uncorrected' }), adamFormula({ eps: 1e-2, uncorrected: true })],
  ['SGD', (s) => new SGD(s, { weightDecay: 0.1 }), sgdFormula({ l2: 0.1 })],
  ['SGD with momentum', (s) => new SGD(s, { momentum: 0.9 }), sgdFormula({ mu: 0.9 })],
  ['SGD with Nesterov', (s) => new SGD(s, { momentum: 0.9, nesterov: true, weightDecay: 0.1 }), sgdFormula({ mu: 0.9, nesterov: true, l2: 0.1 })],
  ['RMSprop', (s) => new RMSprop(s, { eps: 1e-2 }), rmspropFormula({ eps: 1e-2 })],
  ['RMSprop, eps inside', (s) => new RMSprop(s, { eps: 1e-2, epsPlacement: 'inside' }), rmspropFormula({ eps: 1e-2, inside: true })],
  ['RMSprop centred', (s) => new RMSprop(s, { alpha: 0.95, eps: 1e-2, epsPlacement: 'inside', centered: true }), rmspropFormula({ alpha: 0.95, eps: 1e-2, inside: true, centered: true })],
  ['RMSprop, all options', (s) => new RMSprop(s, { eps: 1e-3, momentum: 0.5, centered: true, weightDecay: 0.2 }), rmspropFormula({ eps: 1e-3, mu: 0.5, centered: true, l2: 0.2 })],
]; // biome-ignore format: a table

const lrAt = (t: number) => 0.02 / t;

function trained(makeOptimizer: (source: Source) => Optimizer, dtype: DType): { ours: number[]; inputs: number[][] } {
  const random = new Rng(3);
  const parameter = randn([5], random, { dtype: 'float64' });
  const gradients = Array.from({ length: 10 }, () => randn([5], random, { dtype: 'float64' }));
  const p = parameter.to(dtype).clone().requiresGrad_();
  using optimizer = makeOptimizer([{ parameters: [['p', p]] }]);
  gradients.forEach((gradient, i) => {
    p.grad = gradient.to(dtype);
    optimizer.step(lrAt(i + 1));
  });
  return {
    ours: p.tolist() as number[],
    inputs: [parameter, ...gradients].map((t) => t.to(dtype).tolist() as number[]),
  };
}

describe.each(cases)('%s', (_, makeOptimizer, formula) => {
  it.each([['float64', 1e-13] as const, ['float32', 2e-6] as const])(
    'follows its formula in %s',
    (dtype, tolerance) => {
      scope(() => {
        const { ours, inputs } = trained(makeOptimizer, dtype);
        const [start, ...gradients] = inputs as [number[], ...number[][]];
        start.forEach((first, k) => {
          const state = {};
          const expected = gradients.reduce((p, g, i) => formula(p, g[k]!, i + 1, lrAt(i + 1), state), first);
          expect(Math.abs(ours[k]! - expected)).toBeLessThan(tolerance);
        });
      });
    },
  );
});

const vector = (values: number[], dtype: DType = 'float32') => tensor(values, { dtype }).requiresGrad_();

describe('optimizers', () => {
  it('apply the learning-rate factor and weight decay of each group', () => {
    scope(() => {
      const [a, b, c] = [vector([1]), vector([1]), vector([1])];
      using optimizer = new AdamW(
        [
          { parameters: [['a', a]], weightDecay: 0.5 },
          { parameters: [['b', b]], weightDecay: 0.5, lrScale: 0.1 },
          { parameters: [['c', c]] },
        ],
        { weightDecay: 0 },
      );
      for (const p of [a, b, c]) p.grad = zeros([1]);
      optimizer.step(0.1);
      expect([a, b, c].map((p) => p.item())).toEqual([0.95, 0.995, 1].map(Math.fround));
    });
  });

  it('leave a parameter without gradient alone and do not count its step', () => {
    scope(() => {
      const [a, b] = [vector([1]), vector([1])];
      using optimizer = new Adam([{ parameters: [['a', a], ['b', b]] }]); // biome-ignore format: pairs
      a.grad = tensor([1]);
      optimizer.step(0.1);
      expect(b.item()).toBe(1);
      b.grad = tensor([1]);
      optimizer.step(0.1);
      // Both steps of a and the first of b are lr long: the moments agree with their own step counts.
      expect(a.item()).toBeCloseTo(0.8, 6);
      expect(b.item()).toBeCloseTo(0.9, 6);
      expect(optimizer.state().steps).toEqual({ a: 2, b: 1 });
    });
  });

  it('use the plain update where the kernel cannot go', () => {
    scope(() => {
      const wide = tensor([[1, 2], [3, 4]]).t().requiresGrad_(); // biome-ignore format: a matrix
      const narrow = tensor([1, 2], { dtype: 'bfloat16' }).requiresGrad_();
      using optimizer = new SGD([{ parameters: [['wide', wide], ['narrow', narrow]] }], { momentum: 0.9 }); // biome-ignore format: pairs
      wide.grad = tensor([[1, 0], [0, 1]]); // biome-ignore format: a matrix
      narrow.grad = tensor([1, 1], { dtype: 'bfloat16' });
      optimizer.step(0.5);
      expect(wide.tolist()).toEqual([[0.5, 3], [2, 3.5]]); // biome-ignore format: a matrix
      expect(narrow.tolist()).toEqual([0.5, 1.5]);
    });
  });

  it('scale gradients inside the step as before it', () => {
    scope(() => {
      const results = [true, false].map((inside) => {
        const p = vector([1, -2, 3], 'float64');
        using optimizer = new Adam([{ parameters: [['p', p]] }], { eps: 0.1, weightDecay: 0.1 });
        p.grad = tensor([4, 5, -6], { dtype: 'float64' }).mul(inside ? 1 : 0.25);
        optimizer.step(0.1, inside ? { gradScale: 0.25 } : {});
        return p.tolist();
      });
      expect(results[0]).toEqual(results[1]);
    });
  });

  it('forget gradients with zeroGrad, and add them up without', () => {
    scope(() => {
      const p = vector([1]);
      using optimizer = new SGD([{ parameters: [['p', p]] }]);
      for (let i = 0; i < 2; i++) backward(p.mul(3).sum());
      expect(p.grad!.item()).toBe(6);
      optimizer.zeroGrad();
      expect(p.grad).toBeUndefined();
    });
  });

  it('refuse a parameter that stands twice, and Nesterov without momentum', () => {
    scope(() => {
      const [a, b] = [vector([1]), vector([1])];
      const groups = (...parameters: [string, Tensor][]) => [{ parameters }];
      expect(() => new SGD(groups(['a', a], ['a', b]))).toThrow(ConfigError);
      expect(() => new SGD(groups(['a', a], ['b', a]))).toThrow(/"b" is in the optimizer's groups twice.*\n.*"a"/);
      expect(() => new SGD(groups(['a', a]), { nesterov: true })).toThrow(/momentum/);
    });
  });
});

describe('state', () => {
  const build: [string, (model: Linear) => Optimizer][] = [
    ['AdamW', (model) => new AdamW(model, { weightDecay: 0.1 })],
    ['Adam', (model) => new Adam(model)],
    ['SGD', (model) => new SGD(model, { momentum: 0.9 })],
    ['RMSprop', (model) => new RMSprop(model, { centered: true, momentum: 0.5 })],
  ];

  const train = (model: Linear, optimizer: Optimizer, data: Rng, steps: number) => {
    for (let i = 0; i < steps; i++)
      scope(() => {
        backward(
          model
            .forward(randn([8, 4], data))
            .square()
            .mean(),
        );
        optimizer.step(0.01);
        optimizer.zeroGrad();
      });
  };
  const bits = (model: Linear) => [model.weight.bytes(), model.bias!.bytes()];

  it.each(build)('%s goes on bit for bit', (_, make) => {
    scope(() => {
      using whole = new Linear(4, 3, { rng: new Rng(1) });
      using wholeOptimizer = make(whole);
      const data = new Rng(2);
      train(whole, wholeOptimizer, data, 4);

      // Everything a checkpoint holds, taken away as bytes.
      const saved = wholeOptimizer.state();
      const copy = {
        ...saved,
        tensors: Object.fromEntries(Object.entries(saved.tensors).map(([k, t]) => [k, t.clone()])),
      };
      const weights = [whole.weight.clone(), whole.bias!.clone()];
      const stream = data.state;
      train(whole, wholeOptimizer, data, 4);

      using resumed = new Linear(4, 3, { rng: new Rng(9) });
      resumed.weight.detach().copy_(weights[0]!);
      resumed.bias!.detach().copy_(weights[1]!);
      using resumedOptimizer = make(resumed);
      resumedOptimizer.loadState(copy);
      const resumedData = new Rng(0);
      resumedData.state = stream;
      train(resumed, resumedOptimizer, resumedData, 4);
      expect(bits(resumed)).toEqual(bits(whole));
      expect(resumedOptimizer.state().steps).toEqual({ weight: 8, bias: 8 });
    });
  });

  it('is named by kind and path, and empty before the first step', () => {
    scope(() => {
      using model = new Linear(4, 3, { rng: new Rng(1) });
      using optimizer = new AdamW(model);
      expect(optimizer.state()).toEqual({ tensors: {}, steps: { weight: 0, bias: 0 } });
      train(model, optimizer, new Rng(2), 1);
      expect(Object.keys(optimizer.state().tensors)).toEqual([
        'exp_avg.weight',
        'exp_avg_sq.weight',
        'exp_avg.bias',
        'exp_avg_sq.bias',
      ]);
      using fresh = new AdamW(model);
      optimizer.loadState(fresh.state());
      expect(optimizer.state().tensors).toEqual({});
    });
  });

  it('is refused when it does not fit, and then changes nothing', () => {
    scope(() => {
      using model = new Linear(4, 3, { rng: new Rng(1) });
      using optimizer = new AdamW(model);
      train(model, optimizer, new Rng(2), 1);
      const { tensors, steps } = optimizer.state();
      const before = tensors['exp_avg.weight']!.tolist();
      const zero = zeros([3, 4]);
      const attempt =
        (changes: Record<string, Tensor | undefined>, counts = steps) =>
        () =>
          optimizer.loadState({
            tensors: Object.fromEntries(
              Object.entries({ ...tensors, 'exp_avg.weight': zero, ...changes }).filter(([, t]) => t !== undefined),
            ) as Record<string, Tensor>,
            steps: counts,
          });
      expect(attempt({ 'exp_avg_sq.bias': undefined })).toThrow(/lacks "exp_avg_sq.bias"/);
      expect(attempt({ 'exp_avg_sq.bias': zeros([4]) })).toThrow(/"exp_avg_sq.bias" has shape \[4\].*\[3\]/);
      expect(attempt({ 'exp_avg.gamma': zero })).toThrow(/holds "exp_avg.gamma"/);
      expect(attempt({}, { weight: 1 })).toThrow(/lacks "bias"/);
      expect(attempt({}, { weight: 1 })).toThrow(CheckpointError);
      for (const odd of [-1, 1.5, Number.NaN])
        expect(attempt({}, { weight: 1, bias: odd })).toThrow(`gives "bias" ${odd} updates, which is no count`);
      expect(optimizer.state().tensors['exp_avg.weight']!.tolist()).toEqual(before);
    });
  });
});
