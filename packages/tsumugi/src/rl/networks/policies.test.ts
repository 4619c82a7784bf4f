// Policy heads: each setting does what it says; and the normalization of observations against plain statistics.
import { describe, expect, it } from 'vitest';
import { constant, Linear, namedParameters, zerosInit } from '../../nn/index.ts';
import { Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { Categorical, Mellowmax } from '../distributions/index.ts';
import { Box } from '../spaces/index.ts';
import { BoundByTanh } from './bound-by-tanh.ts';
import {
  ActorCritic,
  DeterministicHead,
  EmpiricalNormalization,
  FixedGaussianHead,
  GaussianHead,
  MellowmaxHead,
  SoftmaxHead,
  SquashedGaussianHead,
  StateIndependentGaussianHead,
  ValueHead,
} from './index.ts';

const list = (x: Tensor) => x.tolist() as number[][];
const rng = () => new Rng(0);
/** W x + b = [2, 2] for every x. */
const two = () => ({ rng: rng(), weightInit: zerosInit(), biasInit: constant(2) });
const x = () => tensor([[1, 2, 3]]);
const softplus2 = Math.log1p(Math.exp(2));

/** Frees a module afterwards: its parameters outlive the scope. */
function using<M extends Disposable, T>(module: M, body: (module: M) => T): T {
  try {
    return scope(() => body(module));
  } finally {
    module[Symbol.dispose]();
  }
}

describe('heads', () => {
  it('softmax: temperature and least probability reach the distribution', () => {
    using(new SoftmaxHead(3, 2, { rng: rng(), beta: 2, minProbability: 0.1 }), (head) => {
      const logits = head.linear.forward(x());
      expect(list(head.forward(x()).probabilities)).toEqual(list(new Categorical(logits, 2, 0.1).probabilities));
    });
    expect(() => new SoftmaxHead(3, 2, { minProbability: 0.6 })).toThrow(/minProbability must be/);
  });

  it('mellowmax: ω reaches the distribution', () => {
    using(new MellowmaxHead(3, 2, { rng: rng(), omega: 4 }), (head) => {
      const right = new Mellowmax(head.linear.forward(x()), 4).probabilities;
      expect(list(head.forward(x()).probabilities)).toEqual(list(right));
    });
  });

  it('gaussian: variance of the state, of a parameter, or fixed; one or one for each dimension', () => {
    using(new GaussianHead(3, 2, { ...two(), minVariance: 0.5 }), (head) => {
      const { mean, variance } = head.forward(x());
      expect(list(mean)).toEqual([[2, 2]]);
      expect(list(variance)[0]![1]).toBeCloseTo(softplus2 + 0.5, 6);
    });
    using(new GaussianHead(3, 2, { ...two(), covariance: 'spherical' }), (head) => {
      expect(head.variance.weight.shape).toEqual([1, 3]);
      expect(head.forward(x()).variance.shape).toEqual([1, 2]);
    });
    using(new StateIndependentGaussianHead(3, 2, { rng: rng(), init: 2 }), (head) => {
      expect(list(head.forward(x()).variance)[0]![0]).toBeCloseTo(softplus2, 6);
      expect(namedParameters(head).map(([name]) => name)).toContain('variance');
    });
    using(new StateIndependentGaussianHead(3, 2, { rng: rng(), init: 2, parameter: 'log-std' }), (head) => {
      expect(list(head.forward(x()).variance)[0]![0]).toBeCloseTo(Math.exp(4), 3);
    });
    using(new FixedGaussianHead(3, 2, { rng: rng(), variance: 0.25 }), (head) => {
      expect(list(head.forward(x()).variance)).toEqual([[0.25, 0.25]]);
    });
  });

  it('means and actions stay in their box where one is given', () => {
    const box = new Box([-1, 0], [3, 1], [2]);
    const right = [1 + 2 * Math.tanh(2), 0.5 + 0.5 * Math.tanh(2)];
    using(new GaussianHead(3, 2, { ...two(), boundMean: box }), (head) => {
      list(head.forward(x()).mean)[0]!.forEach((value, i) => void expect(value).toBeCloseTo(right[i]!, 6));
    });
    using(new DeterministicHead(3, 2, { ...two(), bound: box }), (head) => {
      list(head.forward(x()).action)[0]!.forEach((value, i) => void expect(value).toBeCloseTo(right[i]!, 6));
    });
    using(new DeterministicHead(3, 2, two()), (head) => {
      expect(list(head.forward(x()).action)).toEqual([[2, 2]]);
    });
  });

  it('refuse a box without an end, and options that are none', () => {
    for (const open of [new Box(-Infinity, 1, [2]), new Box(0, Infinity, [2])])
      expect(() => new BoundByTanh(open)).toThrow(/finite bounds/);
    expect(() => new DeterministicHead(3, 2, { ...two(), bond: new Box(-1, 1, [2]) } as never)).toThrow(
      /no option "bond"/,
    );
  });

  it('squashed gaussian: log σ is clamped', () => {
    using(new SquashedGaussianHead(3, 2, two()), (head) => {
      expect(list(head.forward(x()).base.variance)[0]![0]).toBeCloseTo(Math.exp(4), 3);
    });
    using(new SquashedGaussianHead(3, 2, { ...two(), logStdRange: [-1, 1] }), (head) => {
      expect(list(head.forward(x()).base.variance)[0]![0]).toBeCloseTo(Math.exp(2), 4);
    });
  });
});

describe('actor-critic', () => {
  const parts = () => ({
    body: new Linear(3, 4, { rng: rng() }),
    policy: new SoftmaxHead(4, 2, { rng: rng() }),
    value: new ValueHead(4, { rng: rng() }),
  });

  it('has one body for both, or one each', () => {
    using(new ActorCritic(parts()), (model) => {
      model.forward(x()).values.sum().backward();
      expect(model.body.parameters()[0]!.grad).toBeDefined();
    });
    using(new ActorCritic({ ...parts(), valueBody: new Linear(3, 4, { rng: new Rng(5) }) }), (model) => {
      const { distribution, values } = model.forward(x());
      values.sum().backward();
      expect(model.body.parameters()[0]!.grad).toBeUndefined();
      expect(values.shape).toEqual([1]);
      expect(list(model.valuesOf(x()))).toEqual(list(values));
      expect(list(model.policyOf(x()).parameters[0]!)).toEqual(list(distribution.parameters[0]!));
    });
  });
});

describe('normalization of observations', () => {
  const batches = () => {
    const stream = new Rng(4);
    return [5, 1, 20].map((rows) => randn([rows, 2], stream).mul(3).add(7));
  };
  const rowsOf = (tensors: Tensor[]) => tensors.flatMap(list);
  const column = (rows: number[][], i: number) => rows.map((row) => row[i]!);
  const meanOf = (xs: number[]) => xs.reduce((a, b) => a + b, 0) / xs.length;
  const varianceOf = (xs: number[]) => meanOf(xs.map((each) => (each - meanOf(xs)) ** 2));

  it('knows mean and variance of all it saw, however it came in batches', () => {
    using(new EmpiricalNormalization([2]), (normalization) => {
      const all = batches();
      for (const batch of all) normalization.experience(batch);
      expect(normalization.count.item()).toBe(26);
      const rows = rowsOf(all);
      const given = tensor([[1, 2]]);
      const [out] = list(normalization.forward(given));
      for (const i of [0, 1]) {
        const [mean, variance] = [meanOf(column(rows, i)), varianceOf(column(rows, i))];
        expect(normalization.mean.select(0, i).item()).toBeCloseTo(mean, 4);
        expect(normalization.variance.select(0, i).item()).toBeCloseTo(variance, 4);
        expect(out![i]).toBeCloseTo((1 + i - mean) / Math.sqrt(variance + 0.01), 4);
      }
      expect(normalization.count.item()).toBe(26); // forward changes nothing
    });
  });

  it('clips, and stops after `until`', () => {
    using(new EmpiricalNormalization([2], { clip: 0.5, until: 6, eps: 1 }), (normalization) => {
      const all = batches();
      for (const batch of all) normalization.experience(batch);
      expect(normalization.count.item()).toBe(6);
      expect(normalization.mean.select(0, 0).item()).toBeCloseTo(meanOf(column(rowsOf(all.slice(0, 2)), 0)), 4);
      expect(list(normalization.forward(tensor([[1000, -1000]])))).toEqual([[0.5, -0.5]]);
    });
  });
});
