// Bodies, heads, noisy layers and recurrent cores of Q-functions, against their formulas in plain numbers.
import { describe, expect, it } from 'vitest';
import { type Linear, type Module, parameters } from '../../nn/index.ts';
import { cat, fromBytes, noGrad, Rng, randn, scope, type Tensor, tensor, zeros } from '../../torch/index.ts';
import { DiscreteValues, QuadraticValues } from '../action-values/index.ts';
import { Box, Discrete } from '../spaces/index.ts';
import {
  cellNames,
  DiscreteHead,
  DistributionalDuelingHead,
  DistributionalHead,
  DuelingHead,
  FactorizedNoisyLinear,
  initializerOf,
  initialWeights,
  MLP,
  makeBody,
  makeCore,
  NatureBody,
  NIPSBody,
  QNetwork,
  QuadraticHead,
  QuantileHead,
  RecurrentQNetwork,
  toFactorizedNoisy,
} from './index.ts';

const rows = (x: Tensor) => x.tolist() as number[][];
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
/** Runs a test whose modules are freed with its tensors. */
function withModule<M extends Module>(module: M, body: (module: M) => void): void {
  try {
    noGrad(() => scope(() => body(module)));
  } finally {
    module.dispose();
  }
}
const expectClose = (actual: readonly number[], expected: readonly number[], digits = 5) => {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, digits);
  });
};

describe('bodies', () => {
  it('MLP: flattens, and activates after every layer', () => {
    withModule(new MLP(4, [3, 2], { rng: new Rng(0), activation: 'tanh' }), (mlp) => {
      const x = randn([5, 2, 2], new Rng(1));
      const [first, second] = mlp.layers as [Linear, Linear];
      const expected = second.forward(first.forward(x.flatten(1)).tanh()).tanh();
      expect(rows(mlp.forward(x))).toEqual(rows(expected));
      expect(mlp.features).toBe(2);
      expect(first.bias!.tolist()).toEqual([0, 0, 0]);
    });
  });

  it('scale pixels of one byte, and nothing else', () => {
    withModule(new MLP(2, [3], { rng: new Rng(0) }), (mlp) => {
      const bytes = fromBytes(Uint8Array.of(255, 51), 'uint8', [1, 2]);
      expectClose(rows(mlp.forward(bytes))[0]!, rows(mlp.forward(tensor([[1, 0.2]])))[0]!);
    });
  });

  it.each([
    ['Nature', () => new NatureBody([4, 84, 84], { rng: new Rng(0) }), 512],
    ['Nature without its last layer', () => new NatureBody([4, 84, 84], { rng: new Rng(0), hidden: 0 }), 3136],
    ['NIPS', () => new NIPSBody([4, 84, 84], { rng: new Rng(0) }), 256],
    ['Nature on small frames', () => new NatureBody([1, 36, 40], { rng: new Rng(0) }), 512],
  ])('%s: has its features', (_, make, features) => {
    withModule<NatureBody | NIPSBody>(make(), (body) => {
      const [channels, height, width] = body.convs[0]!.weight.size(1) === 4 ? [4, 84, 84] : [1, 36, 40];
      const y = body.forward(zeros([2, channels, height, width], { dtype: 'uint8' }));
      expect(y.shape).toEqual([2, features]);
      expect(body.features).toBe(features);
      // Chainer's bias of 0.1: without light there is something, too.
      expect(body.convs[0]!.bias!.max().item()).toBeCloseTo(0.1, 6);
    });
  });

  it('are chosen by the observations', () => {
    const settings = { kind: 'auto', hidden: [8], activation: 'relu', weightInit: 'lecun-normal' } as const;
    for (const [space, made] of [
      [new Box(0, 255, [4, 84, 84], 'uint8'), NatureBody],
      [new Box(-1, 1, [3]), MLP],
      [new Discrete(7), MLP],
      [new Box(0, 255, [3, 10, 10], 'uint8'), MLP],
    ] as const)
      withModule(makeBody(space, settings, new Rng(0)), (body) => expect(body).toBeInstanceOf(made));
    const frames = new Box(0, 255, [4, 84, 84], 'uint8');
    for (const [kind, features, bias] of [
      ['nature', 512, 0.1],
      ['nature-convolutions', 3136, 0],
      ['nips', 256, 0.1],
    ] as const)
      withModule(makeBody(frames, { ...settings, kind }, new Rng(0)), (body) => {
        expect(body.features).toBe(features);
        expect((body as NatureBody).convs[0]!.bias!.tolist()).toEqual(
          Array((body as NatureBody).convs[0]!.bias!.numel()).fill(Math.fround(bias)),
        );
      });
    expect(() => makeBody(new Box(-1, 1, [3]), { ...settings, kind: 'nips' }, new Rng(0))).toThrow(/takes frames/);
  });

  it.each(initialWeights)('initial weights: %s', (name) => {
    scope(() => {
      const weight = zeros([300, 100]);
      initializerOf(name, 2)(weight, new Rng(3));
      const values = weight.flatten().tolist() as unknown as number[];
      const std = Math.sqrt(mean(values.map((w) => w * w)));
      const expected = {
        'lecun-normal': 2 * 0.1,
        'lecun-uniform': (2 * 0.1) / Math.sqrt(3),
        // 100 orthogonal columns of length 2 over 300 rows.
        orthogonal: 2 / Math.sqrt(300),
        'glorot-uniform': 2 * Math.sqrt(2 / 400),
        'he-uniform': 2 * Math.sqrt(2 / 100),
      }[name];
      expect(Math.abs(std / expected - 1)).toBeLessThan(0.02);
      if (name === 'lecun-uniform') expect(Math.max(...values.map(Math.abs))).toBeLessThan(0.2);
      if (name === 'orthogonal') expectClose(rows(weight.t().matmul(weight))[0]!.slice(0, 3), [4, 0, 0], 4);
    });
  });
});

describe('heads', () => {
  const features = () => randn([3, 6], new Rng(1));

  it('dueling: Q = V + A − mean A', () => {
    withModule(new DuelingHead(6, 4, new Rng(0), 5), (head) => {
      const x = features();
      const [a, v] = [rows(head.advantage.forward(x)), rows(head.value.forward(x))];
      rows(head.forward(x).q).forEach((q, b) => {
        expectClose(
          q,
          a[b]!.map((each) => v[b]![0]! + each - mean(a[b]!)),
        );
      });
    });
  });

  it('distributional: probabilities over atoms, whose mean is Q', () => {
    withModule(new DistributionalHead(6, 2, { count: 3, min: -1, max: 3 }, new Rng(0)), (head) => {
      const values = head.forward(features());
      expect(values.probabilities.shape).toEqual([3, 2, 3]);
      expect(values.atoms.tolist()).toEqual([-1, 1, 3]);
      const p = values.probabilities.tolist() as number[][][];
      rows(values.q).forEach((q, b) => {
        expectClose(
          q,
          p[b]!.map(([low, middle, high]) => -low! + middle! + 3 * high!),
        );
      });
      expectClose(
        p[0]!.map((each) => each.reduce((sum, share) => sum + share)),
        [1, 1],
      );
    });
    expect(() => new DistributionalHead(6, 2, { count: 3, min: 1, max: 1 }, new Rng(0))).toThrow(/must be below/);
  });

  it('distributional dueling: softmax of V + A − mean A over the atoms, from the two halves of a layer', () => {
    withModule(new DistributionalDuelingHead(6, 2, { count: 3, min: 0, max: 1 }, new Rng(0), 8), (head) => {
      const x = features();
      const hidden = head.main.forward(x).relu();
      const a = rows(head.advantage.forward(hidden.narrow(1, 0, 4)));
      const v = rows(head.value.forward(hidden.narrow(1, 4, 4)));
      const p = head.forward(x).probabilities.tolist() as number[][][];
      p.forEach((actions, b) => {
        actions.forEach((shares, action) => {
          const logits = [0, 1, 2].map((z) => v[b]![z]! + a[b]![3 * action + z]! - (a[b]![z]! + a[b]![3 + z]!) / 2);
          const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
          expectClose(
            shares,
            logits.map((logit) => Math.exp(logit) / sum),
          );
        });
      });
    });
  });

  it('quadratic: Q = V − ½ (u − μ)ᵀ L Lᵀ (u − μ), μ in the box', () => {
    const box = new Box([-1, 0, 2], [1, 4, 3], [3]);
    withModule(new QuadraticHead(6, box, new Rng(0)), (head) => {
      const x = features().mul(0.3);
      const values = head.forward(x);
      const [mu, v, diagonal, below] = [
        rows(head.mu.forward(x)),
        rows(head.v.forward(x)),
        rows(head.diagonal.forward(x)),
        rows(head.below!.forward(x)),
      ];
      const u = [[0.5, 1, 2.5], [0, 0, 2], [1, 4, 3]]; // biome-ignore format: a table
      const q = values.evaluateActions(tensor(u)).tolist() as number[];
      q.forEach((each, b) => {
        const centre = mu[b]!.map((m, k) => [0, 2, 2.5][k]! + [1, 2, 0.5][k]! * Math.tanh(m));
        const d = u[b]!.map((value, k) => value - centre[k]!);
        const [l10, l20, l21] = below[b]! as [number, number, number];
        const [l00, l11, l22] = diagonal[b]!.map(Math.exp) as [number, number, number];
        // Lᵀ d
        const w = [l00 * d[0]! + l10 * d[1]! + l20 * d[2]!, l11 * d[1]! + l21 * d[2]!, l22 * d[2]!];
        expect(each).toBeCloseTo(v[b]![0]! - 0.5 * w.reduce((sum, z) => sum + z * z, 0), 4);
        expectClose(rows(values.greedyActions())[b]!, centre);
      });
      expectClose(
        values.max().tolist() as number[],
        v.map(([each]) => each!),
      );
      expect((values.advantage(tensor(u)).tolist() as number[]).every((each) => each <= 0)).toBe(true);
    });
    withModule(new QuadraticHead(6, new Box(-1, 1, [1]), new Rng(0)), (head) => {
      const values = head.forward(features());
      expect(values.p.shape).toEqual([3, 1, 1]);
    });
    expect(() => new QuadraticHead(6, new Box(-Infinity, 1, [1]), new Rng(0))).toThrow(/bounded action box/);
  });

  it('quantile: f(ψ ⊙ ReLU(W cos(i π τ) + b))', () => {
    withModule(new QuantileHead(6, 2, new Rng(0), { cosines: 3, hidden: 4 }), (head) => {
      const x = features();
      const taus = [[0, 0.3], [0.5, 1], [0.9, 0.2]]; // biome-ignore format: a table
      const quantiles = head.forward(x).at(tensor(taus)).quantiles;
      expect(quantiles.shape).toEqual([3, 2, 2]);
      taus.forEach((row, b) => {
        row.forEach((tau, n) => {
          const phi = head.embedding.forward(tensor([[1, 2, 3].map((i) => Math.cos(i * Math.PI * tau))])).relu();
          const mixed = head.hidden!.forward(x.narrow(0, b, 1).mul(phi)).relu();
          expectClose((quantiles.tolist() as number[][][])[b]![n]!, rows(head.out.forward(mixed))[0]!);
        });
      });
    });
  });
});

describe('values', () => {
  const q = [[1, 3, 2], [-1, -2, 0]]; // biome-ignore format: a table

  it('of discrete actions', () => {
    scope(() => {
      const values = new DiscreteValues(tensor(q));
      const actions = tensor([0, 1], { dtype: 'int64' });
      expect(values.greedyActions().tolist()).toEqual([1, 2]);
      expect(values.max().tolist()).toEqual([3, 0]);
      expect(values.evaluateActions(actions).tolist()).toEqual([1, -2]);
      expect(values.advantage(actions).tolist()).toEqual([-2, -2]);
      const chooser = new DiscreteValues(tensor([[0, 0, 1], [1, 0, 0]])); // biome-ignore format: a table
      expect(values.doubleAdvantage(actions, chooser).tolist()).toEqual([-1, -1]);
      const soft = q.map((row) => {
        const weights = row.map((each) => Math.exp(0.5 * each));
        return row.reduce((sum, each, a) => sum + each * weights[a]!, 0) / weights.reduce((a, b) => a + b);
      });
      expectClose(values.expectation(0.5).tolist() as number[], soft);
      expect(values.rows(tensor([1], { dtype: 'int64' })).q.tolist()).toEqual([q[1]]);
    });
  });

  it('quadratic ones keep greedy actions in the box, whose value is the highest there', () => {
    scope(() => {
      const parts = [tensor([[2]]), tensor([[[4]]]), tensor([1])] as const;
      expect(new QuadraticValues(...parts).max().tolist()).toEqual([1]);
      const boxed = new QuadraticValues(...parts, new Box(-1, 1, [1]));
      expect(boxed.greedyActions().tolist()).toEqual([[1]]);
      expect(boxed.max().tolist()).toEqual([1 - 0.5 * 4]);
    });
  });
});

describe('noisy layers', () => {
  it('draw anew at every forward in training, by the factors of two vectors, and are their means in evaluation', () => {
    withModule(new FactorizedNoisyLinear(3, 2, { rng: new Rng(0), sigma: 0.5 }), (layer) => {
      // The columns of the identity give the weight, zero the bias.
      const probe = cat([zeros([1, 3]), tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1]])], 0); // biome-ignore format: a table
      const drawn = () => {
        const [bias, ...columns] = rows(layer.forward(probe)) as [number[], ...number[][]];
        return {
          bias,
          noise: columns.map((column, i) => column.map((w, o) => w - bias[o]! - rows(layer.weight)[o]![i]!)),
        };
      };
      const [a, b] = [drawn(), drawn()];
      expect(a.bias).not.toEqual(b.bias);
      for (const { bias, noise } of [a, b]) {
        // Rank one: the noise of every weight is that of its output times that of its input.
        expect(noise[0]![0]! * noise[1]![1]!).toBeCloseTo(noise[0]![1]! * noise[1]![0]!, 6);
        // σ_b / σ_W = √3 / √2, and both have the factor of the output.
        expect((noise[0]![0]! / noise[0]![1]!) * (bias[1]! / bias[0]!)).toBeCloseTo(1, 3);
      }
      layer.eval();
      expectClose(drawn().noise.flat(), new Array(6).fill(0), 6);
      expect(drawn().bias).toEqual([0, 0]);
    });
  });

  it('begin as ChainerRL has them', () => {
    withModule(new FactorizedNoisyLinear(100, 400, { rng: new Rng(0) }), (layer) => {
      expect(layer.weightSigma.flatten().tolist()).toContain(Math.fround(0.4 / 10));
      expect(layer.biasSigma.tolist()).toContain(Math.fround(0.4 / 20));
      expect(layer.weight.abs().max().item()).toBeLessThanOrEqual(0.1);
      expect(layer.weight.std().item()).toBeCloseTo(0.1 / Math.sqrt(3), 2);
      expect(layer.bias.tolist()).toEqual(new Array(400).fill(0));
    });
  });

  it('take the place of every linear layer, and of no convolution', () => {
    const rng = new Rng(0);
    const network = new QNetwork(new NatureBody([1, 36, 36], { rng }), new DuelingHead(512, 3, rng, 4));
    withModule(toFactorizedNoisy(network, { rng }), () => {
      expect((network.body as NatureBody).out).toBeInstanceOf(FactorizedNoisyLinear);
      expect(network.stateDict()).toHaveProperty(['head.value.out.weightSigma']);
      expect(network.stateDict()).not.toHaveProperty(['body.convs.0.weightSigma']);
      expect(parameters(network).length).toBe(3 * 2 + 5 * 4);
    });
  });
});

describe.each(cellNames)('recurrent core %s', (cell) => {
  it('gives over time what it gives step by step, and begins anew where it is told', () => {
    withModule(makeCore(cell, 3, 4, new Rng(0)), (core) => {
      const x = randn([5, 2, 3], new Rng(1));
      const starts = Uint8Array.of(0, 0, 0, 1, 0, 0, 1, 1, 0, 0);
      const first = randn([2, core.stateSize], new Rng(2));
      const { output, state } = core.unroll(x, first, starts);
      let each = first;
      const outputs = Array.from({ length: 5 }, (_, t) => {
        const goesOn = tensor([[1 - starts[2 * t]!], [1 - starts[2 * t + 1]!]]);
        const step = core.unroll(x.narrow(0, t, 1), each.mul(goesOn));
        each = step.state;
        return step.output;
      });
      expectClose(
        output.flatten().tolist() as unknown as number[],
        cat(outputs, 0).flatten().tolist() as unknown as number[],
      );
      expectClose(state.flatten().tolist() as unknown as number[], each.flatten().tolist() as unknown as number[]);
      const plain = core.unroll(x, first).output;
      expect(rows(plain.select(0, 4))).not.toEqual(rows(output.select(0, 4)));
      expect(rows(core.unroll(x, first, new Uint8Array(10)).output.select(0, 4))).toEqual(rows(plain.select(0, 4)));
    });
  });

  it('carries a Q-function, whose values come time first', () => {
    const rng = new Rng(0);
    const network = new RecurrentQNetwork(
      new MLP(3, [5], { rng }),
      makeCore(cell, 5, 4, rng),
      new DiscreteHead(4, 2, rng),
    );
    withModule(network, () => {
      const x = randn([3, 2, 3], new Rng(1));
      const { values } = network.unroll(x, network.initialState(2));
      const q = (values as DiscreteValues).q;
      expect(q.shape).toEqual([6, 2]);
      const alone = network.unroll(x.narrow(1, 1, 1), network.initialState(1)).values as DiscreteValues;
      expectClose(rows(q)[5]!, rows(alone.q)[2]!);
    });
  });
});

it('the tanh core is h′ = tanh(W x + U h + b + c)', () => {
  withModule(makeCore('rnn-tanh', 2, 3, new Rng(0)), (core) => {
    const { weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 } = core as unknown as Record<string, Tensor>;
    const [x, h] = [randn([1, 1, 2], new Rng(1)), randn([1, 3], new Rng(2))];
    const expected = x
      .select(0, 0)
      .matmul(weight_ih_l0!.t())
      .add(h.matmul(weight_hh_l0!.t()))
      .add(bias_ih_l0!)
      .add(bias_hh_l0!)
      .tanh();
    expectClose(rows(core.unroll(x, h).state)[0]!, rows(expected)[0]!);
  });
});

it('the noise of a layer is f(ε_out) f(ε_in)ᵀ, and f(ε_out) on the bias, with f the signed root', () => {
  withModule(new FactorizedNoisyLinear(2, 3, { rng: new Rng(4), sigma: 1 }), (layer) => {
    const stream = new Rng(4);
    zeros([3, 2]).uniform_(-1, 1, { rng: stream });
    layer.weight.zero_();
    layer.weightSigma.fill_(2);
    layer.biasSigma.fill_(3);
    const root = (of: Tensor) => (of.tolist() as number[]).map((x) => Math.sign(x) * Math.sqrt(Math.abs(x)));
    const out = root(randn([3], stream));
    const into = root(randn([2], stream));
    expectClose(
      rows(layer.forward(tensor([[0.5, -1]])))[0]!,
      out.map((f) => 2 * f * (0.5 * into[0]! - into[1]!) + 3 * f),
    );
  });
});
