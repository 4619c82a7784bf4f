// Every setting of every optimizer, by itself: three steps of one weight against the formulas of PyTorch's documentation,
// with a value that is not the default; and that the result is not the default's.
import { describe, expect, it } from 'vitest';
import { LayerNorm, Linear, Module } from '../nn/index.ts';
import { Rng, scope, tensor, zeros } from '../torch/index.ts';
import { Adam, type AdamOptions, AdamW } from './adam.ts';
import { clipGradNorm, globalNormPlain } from './clip.ts';
import { decayGroups, type ParameterGroup } from './groups.ts';
import type { Optimizer } from './optimizer.ts';
import { RMSprop, type RMSpropOptions } from './rmsprop.ts';
import {
  constant,
  cosine,
  linear,
  oneMinusSqrt,
  sequence,
  warmUp,
  warmUpCosine,
  warmUpStableDecay,
} from './schedules.ts';
import { SGD, type SGDOptions } from './sgd.ts';

const gradients = [0.5, -2, 0.3];
const lr = 0.1;

/** Where the weight stands after the steps, from 1. */
function ours(make: (source: ParameterGroup[]) => Optimizer, gradScale?: number, group: Partial<ParameterGroup> = {}) {
  return scope(() => {
    const p = tensor([1], { dtype: 'float64' }).requiresGrad_();
    using optimizer = make([{ parameters: [['p', p]], ...group }]);
    for (const g of gradients) {
      p.grad = tensor([g], { dtype: 'float64' });
      optimizer.step(lr, gradScale === undefined ? {} : { gradScale });
    }
    return p.item();
  });
}

interface Extra {
  gradScale?: number;
  lrScale?: number;
}

function adamByHand(decoupled: boolean, o: AdamOptions & Extra): number {
  const { betas = [0.9, 0.999], eps = 1e-8, epsOn = 'corrected', gradScale = 1, lrScale = 1 } = o;
  const decay = o.weightDecay ?? (decoupled ? 0.01 : 0);
  const rate = lr * lrScale;
  let [p, m, v] = [1, 0, 0];
  gradients.forEach((raw, i) => {
    const g = raw * gradScale + (decoupled ? 0 : decay * p);
    if (decoupled) p -= rate * decay * p;
    m = betas[0] * m + (1 - betas[0]) * g;
    v = betas[1] * v + (1 - betas[1]) * g * g;
    const [c1, c2] = [1 - betas[0] ** (i + 1), 1 - betas[1] ** (i + 1)];
    p -= epsOn === 'corrected' ? (rate * (m / c1)) / (Math.sqrt(v / c2) + eps) : (rate * (m / c1) * Math.sqrt(c2)) / (Math.sqrt(v) + eps); // biome-ignore format: two formulas
  });
  return p;
}

function sgdByHand({
  momentum = 0,
  nesterov = false,
  weightDecay = 0,
  gradScale = 1,
  lrScale = 1,
}: SGDOptions & Extra) {
  let [p, b] = [1, 0];
  for (const raw of gradients) {
    const g = raw * gradScale + weightDecay * p;
    b = momentum * b + g;
    p -= lr * lrScale * (nesterov ? g + momentum * b : b);
  }
  return p;
}

function rmspropByHand(o: RMSpropOptions & Extra): number {
  const { alpha = 0.99, eps = 1e-8, epsPlacement = 'outside', momentum = 0, centered = false, weightDecay = 0 } = o;
  let [p, s, a, b] = [1, 0, 0, 0];
  for (const raw of gradients) {
    const g = raw * (o.gradScale ?? 1) + weightDecay * p;
    s = alpha * s + (1 - alpha) * g * g;
    a = alpha * a + (1 - alpha) * g;
    const variance = centered ? s - a * a : s;
    b = momentum * b + g / (epsPlacement === 'inside' ? Math.sqrt(variance + eps) : Math.sqrt(variance) + eps);
    p -= lr * (o.lrScale ?? 1) * b;
  }
  return p;
}

type Row = [name: string, options: object, like?: object | undefined];
const extras: Row[] = [
  ['nothing', {}],
  ['weightDecay', { weightDecay: 0.3 }],
  ['gradScale', { gradScale: 0.2, eps: 0.1, weightDecay: 0.1 }, { eps: 0.1, weightDecay: 0.1 }],
  ['lrScale', { lrScale: 0.5 }],
];
const adamRows: Row[] = [
  ...extras,
  ['betas[0]', { betas: [0.7, 0.999] }],
  ['betas[1]', { betas: [0.9, 0.8] }],
  ['eps', { eps: 0.05 }],
  ['epsOn', { eps: 0.05, epsOn: 'uncorrected' }, { eps: 0.05 }],
];
const sgdRows: Row[] = [
  ['nothing', {}],
  ['weightDecay', { weightDecay: 0.3 }],
  ['gradScale', { gradScale: 0.2 }],
  ['lrScale', { lrScale: 0.5 }],
  ['momentum', { momentum: 0.6 }],
  ['nesterov', { momentum: 0.6, nesterov: true }, { momentum: 0.6 }],
];
const rmspropRows: Row[] = [
  ...extras,
  ['alpha', { alpha: 0.7 }],
  ['eps', { eps: 0.05 }],
  ['epsPlacement', { eps: 0.05, epsPlacement: 'inside' }, { eps: 0.05 }],
  ['momentum', { momentum: 0.6 }],
  ['centered', { centered: true }],
];
const rules: [string, (source: ParameterGroup[], options: object) => Optimizer, (options: object) => number, Row[]][] =
  [
    ['Adam', (source, options) => new Adam(source, options), (options) => adamByHand(false, options), adamRows],
    ['AdamW', (source, options) => new AdamW(source, options), (options) => adamByHand(true, options), adamRows],
    ['SGD', (source, options) => new SGD(source, options), sgdByHand, sgdRows],
    ['RMSprop', (source, options) => new RMSprop(source, options), rmspropByHand, rmspropRows],
  ];

describe.each(rules)('%s', (_, make, byHand, rows) => {
  it.each(rows)('%s', (name, options, like = {}) => {
    const { gradScale, lrScale, ...own } = options as Extra;
    const group = lrScale === undefined ? {} : { lrScale };
    expect(ours((source) => make(source, own), gradScale, group)).toBeCloseTo(byHand(options), 12);
    if (name !== 'nothing') expect(Math.abs(byHand(options) - byHand(like))).toBeGreaterThan(1e-4);
  });

  it('a group’s own weight decay', () => {
    const group = { weightDecay: 0.3 };
    expect(ours((source) => make(source, { weightDecay: 0.1 }), undefined, group)).toBeCloseTo(byHand(group), 12);
  });
});

describe('decay groups', () => {
  class Net extends Module {
    dense = new Linear(2, 2, { rng: new Rng(1) });
    norm = new LayerNorm([2, 2], { rng: new Rng(1) });
    plain = new LayerNorm([2, 2], { rng: new Rng(1) });
  }

  it('give the decay to matrices only, whether given to the groups or to the optimizer, also from a module', () => {
    const sources: ((net: Net) => [Module | ParameterGroup[], number])[] = [
      (net) => [decayGroups(net, { weightDecay: 0.5 }), 0.2],
      (net) => [decayGroups(net), 0.5],
      (net) => [net, 0.5],
    ];
    for (const source of sources)
      scope(() => {
        using net = new Net();
        const all = [net.dense.weight, net.dense.bias!, net.norm.weight!, net.plain.weight!, net.plain.bias!];
        for (const each of all) {
          each.detach().fill_(1);
          each.grad = zeros(each.shape);
        }
        const [given, weightDecay] = source(net);
        using optimizer = new SGD(given, { weightDecay });
        optimizer.step(1);
        expect(all.map((each) => each.min().item())).toEqual([0.5, 1, 1, 1, 1]);
        optimizer.zeroGrad();
      });
  });

  it('follow a rule of one’s own', () => {
    scope(() => {
      using net = new Net();
      const [decayed, rest] = decayGroups(net, { isDecayed: (path) => path === 'dense.bias' });
      expect(decayed.parameters.map(([path]) => path)).toEqual(['dense.bias']);
      expect(rest.parameters).toHaveLength(5);
    });
  });
});

describe('clipping', () => {
  it('leaves a norm at or below the bound to the bit, and brings one above down to it', () => {
    scope(() => {
      const p = [zeros([2]), zeros([1])].map((each) => each.requiresGrad_());
      const run = (maxNorm: number) => {
        p[0]!.grad = tensor([2, 3]);
        p[1]!.grad = tensor([6]); // the norm is 7
        return [clipGradNorm(p, maxNorm), ...p.flatMap((each) => each.grad!.tolist() as number[])];
      };
      for (const wide of [7.001, 8, 1e9, Infinity]) expect(run(wide)).toEqual([7, 2, 3, 6]);
      for (const maxNorm of [3.5, 0.7])
        run(maxNorm).forEach((value, i) => {
          expect(value).toBeCloseTo([7, ...[2, 3, 6].map((g) => (g * maxNorm) / 7)][i]!, 5);
        });
      expect(globalNormPlain([tensor([2, 3]), tensor([6])])).toBeCloseTo(7, 6);
    });
  });
});

describe('schedules', () => {
  const at = (schedule: (step: number) => number, ...steps: number[]) =>
    steps.map((step) => Number(schedule(step).toFixed(9)));

  it('each key moves the curve as the formula says', () => {
    expect(at(constant(0.3), 5)).toEqual([0.3]);
    expect(at(linear(4, { from: 0.8 }), 1)).toEqual([0.6]);
    expect(at(linear(4, { to: 0.2 }), 1)).toEqual([0.8]);
    expect(at(cosine(3), 1)).toEqual([0.75]);
    expect(at(cosine(3, { floor: 0.2 }), 1)).toEqual([0.8]);
    expect(at(oneMinusSqrt(4, { floor: 0.2 }), 1)).toEqual([0.6]);
    expect(at(warmUp(5), 0, 1)).toEqual([0.2, 0.4]);
    expect(at(sequence({ steps: 3, schedule: constant(0.5) }, { steps: 4, schedule: linear(4) }), 2, 3, 4)).toEqual([
      0.5, 1, 0.75,
    ]);
    const cosines = { steps: 7, warmUp: 4 };
    expect(at(warmUpCosine(cosines), 0, 3, 5, 9)).toEqual([0.25, 1, 0.75, 0]);
    expect(at(warmUpCosine({ ...cosines, floor: 0.2 }), 0, 5, 9)).toEqual([0.25, 0.8, 0.2]);
    const stable = { steps: 10, warmUp: 2, decay: 4 };
    expect(at(warmUpStableDecay(stable), 0, 1, 5, 6, 7, 12)).toEqual([0.5, 1, 1, 1, 0.75, 0]);
    expect(at(warmUpStableDecay({ ...stable, floor: 0.2 }), 7, 12)).toEqual([0.8, 0.2]);
    expect(at(warmUpStableDecay({ ...stable, shape: '1-sqrt' }), 7)).toEqual([0.5]);
    expect(at(warmUpStableDecay({ ...stable, shape: '1-sqrt', floor: 0.2 }), 7, 12)).toEqual([0.6, 0.2]);
    expect(at(warmUpStableDecay({ ...stable, decay: 2 }), 7, 9)).toEqual([1, 0.5]);
  });
});
