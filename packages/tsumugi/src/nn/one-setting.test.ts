// Every constructor option of every layer, initialiser and loss, by itself: against values computed by hand, chosen so that
// the option's default, or its absence, gives others.
import { afterEach, describe, expect, it } from 'vitest';
import { ones, Rng, scope, type Tensor, tensor, zeros } from '../torch/index.ts';
import { elu, leakyRelu } from './activations.ts';
import type { ConvOptions, ConvTransposeOptions } from './conv.ts';
import { crossEntropy, linearCrossEntropy } from './functional/index.ts';
import * as layers from './index.ts';
import * as init from './initializers.ts';
import { huber, mse, smoothL1 } from './losses.ts';
import type { Module } from './module.ts';
import { weightNorm } from './weight-norm.ts';

const made: Module[] = [];
afterEach(() => {
  for (const layer of made.splice(0)) layer.dispose();
});

/** The class, whose layers are freed after the test. */
function freed<C extends new (...given: never[]) => Module>(Layer: C): C {
  return new Proxy(Layer, {
    construct(target, given) {
      const layer = Reflect.construct(target, given) as Module;
      made.push(layer);
      return layer;
    },
  });
}
const [Conv1d, Conv2d, ConvTranspose2d] = [freed(layers.Conv1d), freed(layers.Conv2d), freed(layers.ConvTranspose2d)];
const [Linear, Embedding] = [freed(layers.Linear), freed(layers.Embedding)];
const [BatchNorm, LayerNorm, RMSNorm] = [freed(layers.BatchNorm), freed(layers.LayerNorm), freed(layers.RMSNorm)];
const [GRU, LSTM] = [freed(layers.GRU), freed(layers.LSTM)];

const rng = () => new Rng(1);
const o = () => ({ rng: rng(), weightInit: init.constant(1), bias: false }) as const;
const ramp = (...shape: number[]) =>
  tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1),
    { shape },
  );
const flat = (x: Tensor) => x.flatten().tolist() as number[];
const close = (x: Tensor, wanted: number[], digits = 5) => {
  const found = flat(x);
  expect(found).toHaveLength(wanted.length);
  found.forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i]!, digits);
  });
};

describe('convolutions of ones', () => {
  // Sums of what the taps see, of 1, 2, 3, …
  const conv1: [string, Partial<ConvOptions<number>>, number[]][] = [
    ['nothing', {}, [3, 5, 7, 9]],
    ['stride', { stride: 2 }, [3, 7]],
    ['padding', { padding: 1 }, [1, 3, 5, 7, 9, 5]],
    ['dilation', { dilation: 2 }, [4, 6, 8]],
    ['bias', { bias: true, biasInit: init.constant(10) }, [13, 15, 17, 19]],
    ['weightInit', { weightInit: init.constant(2) }, [6, 10, 14, 18]],
    ['weightNormalization', { weightNormalization: weightNorm() }, [3, 5, 7, 9].map((sum) => sum / Math.SQRT2)],
  ];
  it.each(conv1)('Conv1d: %s', (_, options, wanted) => {
    scope(() => close(new Conv1d(1, 1, 2, { ...o(), ...options }).forward(ramp(1, 1, 5)), wanted));
  });

  const conv2: [string, Partial<ConvOptions<number | readonly [number, number]>>, number[]][] = [
    ['nothing', {}, [14, 18, 30, 34]],
    ['stride', { stride: [2, 1] }, [14, 18]],
    ['padding', { padding: [0, 1] }, [6, 14, 18, 10, 14, 30, 34, 18]],
    ['dilation', { dilation: [1, 2] }, [16, 32]],
  ];
  const image = () => tensor([[1, 2, 3], [5, 6, 7], [9, 10, 11]], { shape: [1, 1, 3, 3] }); // biome-ignore format: an image
  it.each(conv2)('Conv2d: %s', (_, options, wanted) => {
    scope(() => close(new Conv2d(1, 1, 2, { ...o(), ...options }).forward(image()), wanted));
  });

  it('Conv1d, Conv2d, ConvTranspose2d: groups', () => {
    scope(() => {
      const x = tensor([1, 10]);
      close(new Conv1d(2, 2, 1, { ...o(), groups: 2 }).forward(x.reshape([1, 2, 1])), [1, 10]);
      close(new Conv1d(2, 2, 1, o()).forward(x.reshape([1, 2, 1])), [11, 11]);
      close(new Conv2d(2, 2, 1, { ...o(), groups: 2 }).forward(x.reshape([1, 2, 1, 1])), [1, 10]);
      close(new ConvTranspose2d(2, 2, 1, { ...o(), groups: 2 }).forward(x.reshape([1, 2, 1, 1])), [1, 10]);
      close(new ConvTranspose2d(2, 2, 1, o()).forward(x.reshape([1, 2, 1, 1])), [11, 11]);
    });
  });

  const transposed: [string, Partial<ConvTransposeOptions>, number[]][] = [
    ['nothing', {}, [1, 3, 2]],
    ['stride', { stride: [1, 2] }, [1, 1, 2, 2]],
    ['padding', { padding: [0, 1] }, [3]],
    ['dilation', { dilation: [1, 2] }, [1, 2, 1, 2]],
    ['outputPadding', { stride: [1, 2], outputPadding: [0, 1] }, [1, 1, 2, 2, 0]],
    ['bias', { bias: true, biasInit: init.constant(10) }, [11, 13, 12]],
  ];
  it.each(transposed)('ConvTranspose2d: %s', (_, options, wanted) => {
    scope(() => close(new ConvTranspose2d(1, 1, [1, 2], { ...o(), ...options }).forward(ramp(1, 1, 1, 2)), wanted));
  });
});

describe('tables', () => {
  it('Linear: bias, weightInit, biasInit, and the ranges of both by default', () => {
    scope(() => {
      const x = ones([1, 3]);
      expect(new Linear(3, 2, { ...o() }).bias).toBeNull();
      close(new Linear(3, 2, { ...o(), bias: true, biasInit: init.constant(5) }).forward(x), [8, 8]);
      const wide = new Linear(100, 1000, { rng: rng() });
      // U(−1/√100, 1/√100)
      for (const made of [wide.weight, wide.bias!]) {
        expect(made.max().item()).toBeLessThanOrEqual(0.1);
        expect(made.max().item()).toBeGreaterThan(0.099);
        expect(made.min().item()).toBeLessThan(-0.099);
      }
    });
  });

  it('Embedding: weightInit, and N(0, 1) by default', () => {
    scope(() => {
      close(new Embedding(2, 2, { rng: rng(), weightInit: init.constant(3) }).weight, [3, 3, 3, 3]);
      expect(new Embedding(100, 100, { rng: rng() }).weight.std().item()).toBeCloseTo(1, 1);
    });
  });
});

describe('norms', () => {
  // Of 1 and 3: mean 2, variance 1 (biased), 2 (unbiased).
  const x = () => tensor([1, 3], { shape: [2, 1] });

  it('BatchNorm: eps, momentum, and their defaults', () => {
    scope(() => {
      const run = (options: object) => {
        const layer = new BatchNorm(1, { rng: rng(), ...options });
        return [layer.forward(x()).select(0, 1).item(), layer.running_mean.item(), layer.running_var.item()];
      };
      const wanted = (eps: number, momentum: number) => [1 / Math.sqrt(1 + eps), 2 * momentum, 1 + momentum];
      for (const [
        options,
        eps,
        momentum,
      ] of [[{}, 1e-5, 0.1], [{ eps: 3 }, 3, 0.1], [{ momentum: 0.5 }, 1e-5, 0.5]] as const) // biome-ignore format: rows
        run(options).forEach((value, i) => {
          expect(value).toBeCloseTo(wanted(eps, momentum)[i]!, 6);
        });
    });
  });

  it('LayerNorm and RMSNorm: eps and its defaults, offset', () => {
    scope(() => {
      const row = x().reshape([1, 2]).mul(1e-2);
      const layer = (options: object) => new LayerNorm(2, { rng: rng(), ...options }).forward(row);
      close(
        layer({}),
        [-1, 1].map((sign) => (sign * 0.01) / Math.sqrt(1e-4 + 1e-5)),
        5,
      );
      close(layer({ eps: 3e-4 }), [-0.5, 0.5]);
      const rms = (options: object) => new RMSNorm(2, { rng: rng(), ...options }).forward(row);
      close(
        rms({}),
        [1, 3].map((value) => (value * 0.01) / Math.sqrt(5e-4 + 1e-6)),
        5,
      );
      close(rms({ eps: 4e-4 }), [1 / 3, 1]);
      close(new RMSNorm(2, { rng: rng(), offset: 2 }).weight, [0, 0]);
      close(rms({ eps: 4e-4, offset: 2 }), [2 / 3, 2]);
    });
  });

  it('BatchNorm, LayerNorm: affine, scale, bias', () => {
    scope(() => {
      const has = (layer: { weight: Tensor | null; bias: Tensor | null }) => [
        layer.weight !== null,
        layer.bias !== null,
      ];
      const g = { rng: rng() };
      expect(has(new BatchNorm(1, g))).toEqual([true, true]);
      expect(has(new BatchNorm(1, { ...g, affine: false }))).toEqual([false, false]);
      expect(has(new BatchNorm(1, { ...g, scale: false }))).toEqual([false, true]);
      expect(has(new LayerNorm(1, g))).toEqual([true, true]);
      expect(has(new LayerNorm(1, { ...g, affine: false }))).toEqual([false, false]);
      expect(has(new LayerNorm(1, { ...g, scale: false }))).toEqual([false, true]);
      expect(has(new LayerNorm(1, { ...g, bias: false }))).toEqual([true, false]);
    });
  });
});

it('recurrent layers: init, bias, numLayers, batchFirst', () => {
  scope(() => {
    const g = { rng: rng(), init: init.constant(0.5) };
    // One step of a GRU of halves without biases: x = 1, h = 0.
    const sigma = (z: number) => 1 / (1 + Math.exp(-z));
    const h = (1 - sigma(0.5)) * Math.tanh(0.5);
    close(new GRU(1, 1, { ...g, bias: false }).forward(ones([1, 1, 1])).output, [h]);
    const biased = (1 - sigma(1.5)) * Math.tanh(0.5 + 0.5 + sigma(1.5) * 0.5);
    close(new GRU(1, 1, g).forward(ones([1, 1, 1])).output, [biased]);
    const lstm = sigma(0.5) * Math.tanh(sigma(0.5) * Math.tanh(0.5));
    close(new LSTM(1, 1, { ...g, bias: false }).forward(ones([1, 1, 1])).output, [lstm]);
    expect(new GRU(1, 2, { ...g, numLayers: 3 }).forward(ones([4, 1, 1])).state.shape).toEqual([3, 4, 2]);
    expect(new GRU(1, 2, { ...g, batchFirst: false }).forward(ones([4, 1, 1])).state.shape).toEqual([1, 1, 2]);
  });
});

it('activations: slope, alpha', () => {
  scope(() => {
    close(leakyRelu(0.5)(tensor([-2])), [-1]);
    close(leakyRelu()(tensor([-2])), [-0.02]);
    close(elu(2)(tensor([-1])), [2 * (Math.exp(-1) - 1)]);
    close(elu()(tensor([-1])), [Math.exp(-1) - 1]);
  });
});

describe('initialisers', () => {
  const moments = (initializer: init.Initializer, shape = [100, 400]) =>
    scope(() => {
      const made = init.initialize(zeros(shape), initializer, rng());
      return { mean: made.mean().item(), std: made.std().item(), low: made.min().item(), high: made.max().item() };
    });
  // fanIn 400, fanOut 100, average 250
  const stds: [string, init.Initializer, number][] = [
    ['normal std', init.normal({ std: 3 }), 3],
    ['varianceScaling', init.varianceScaling(), Math.sqrt(1 / 400)],
    ['varianceScaling scale', init.varianceScaling({ scale: 9 }), 3 / 20],
    ['varianceScaling fan', init.varianceScaling({ fan: 'fanOut' }), 1 / 10],
    ['varianceScaling average', init.varianceScaling({ fan: 'average' }), Math.sqrt(1 / 250)],
    ['xavierUniform gain', init.xavierUniform({ gain: 3 }), 3 * Math.sqrt(1 / 250)],
    ['xavierNormal gain', init.xavierNormal({ gain: 3 }), 3 * Math.sqrt(1 / 250)],
    ['kaimingUniform gain', init.kaimingUniform({ gain: 3 }), 3 / 20],
    ['kaimingUniform fan', init.kaimingUniform({ fan: 'fanOut' }), Math.SQRT2 / 10],
    ['kaimingNormal gain', init.kaimingNormal({ gain: 3 }), 3 / 20],
    ['kaimingNormal fan', init.kaimingNormal({ fan: 'fanOut' }), Math.SQRT2 / 10],
    ['lecunNormal scale', init.lecunNormal({ scale: 3 }), 3 / 20],
    ['orthogonal gain', init.orthogonal({ gain: 3 }), 3 / 20],
  ];
  it.each(stds)('%s', (_, initializer, std) => {
    const made = moments(initializer);
    expect(made.std / std).toBeCloseTo(1, 1);
    expect(Math.abs(made.mean)).toBeLessThan(0.05 * std);
  });

  it('normal mean, uniform low and high, truncated mean, std and cut, distribution', () => {
    expect(moments(init.normal({ mean: 5 })).mean).toBeCloseTo(5, 1);
    const flatOnes = moments(init.uniform({ low: 2, high: 3 }));
    expect([flatOnes.low, flatOnes.high, flatOnes.mean].map((value) => Number(value.toFixed(2)))).toEqual([2, 3, 2.5]);
    const short = moments(init.truncatedNormal({ mean: 4, std: 2, cut: 0.5 }));
    expect([short.low, short.high].map((value) => Number(value.toFixed(2)))).toEqual([3, 5]);
    // √(1 − 2c·φ(c)/(2Φ(c) − 1)) = 0.2838 at c = 0.5
    expect(short.std / 2).toBeCloseTo(0.2838, 2);
    const bound = Math.sqrt(3 / 400);
    expect(moments(init.varianceScaling({ distribution: 'uniform' })).high).toBeLessThanOrEqual(bound);
    expect(moments(init.varianceScaling({ distribution: 'truncated normal' })).high).toBeLessThanOrEqual(2 / 20 + 1e-6);
    expect(moments(init.varianceScaling()).high).toBeGreaterThan(3 / 20);
  });
});

describe('losses', () => {
  const [x, y] = [() => tensor([3, 0.5]), () => tensor([0, 0])];

  it('beta and delta, and their defaults', () => {
    scope(() => {
      close(smoothL1(x(), y(), { reduction: 'none' }), [2.5, 0.125]);
      close(smoothL1(x(), y(), { reduction: 'none', beta: 2 }), [2, 0.0625]);
      close(huber(x(), y(), { reduction: 'none' }), [2.5, 0.125]);
      close(huber(x(), y(), { reduction: 'none', delta: 2 }), [4, 0.125]);
    });
  });

  it('reduction, the mean by default', () => {
    scope(() => {
      close(mse(x(), y()), [4.625]);
      close(mse(x(), y(), { reduction: 'sum' }), [9.25]);
      close(mse(x(), y(), { reduction: 'none' }), [9, 0.25]);
    });
  });

  it('cross-entropy: ignoreIndex, reduction, zLoss, chunk, vocabularySize', () => {
    scope(() => {
      const logits = zeros([3, 4]);
      const targets = tensor([0, 1, -100], { dtype: 'int64' });
      const log4 = Math.log(4);
      close(crossEntropy(logits, targets), [log4]);
      close(crossEntropy(logits, targets, { reduction: 'sum' }), [2 * log4]);
      close(crossEntropy(logits, targets, { zLoss: 0.5 }), [log4 + 0.5 * log4 ** 2]);
      const first = tensor([0, 1, 1], { dtype: 'int64' });
      close(crossEntropy(logits, first, { ignoreIndex: 1, reduction: 'sum' }), [log4]);
      const linear = (options: object) => linearCrossEntropy(ones([3, 2]), zeros([4, 2]), targets, options);
      close(linear({}).loss, [log4]);
      close(linear({ reduction: 'sum' }).loss, [2 * log4]);
      close(linear({ zLoss: 0.5 }).loss, [log4 + 0.5 * log4 ** 2]);
      close(linear({ zLoss: 0.5 }).crossEntropy, [log4]);
      close(linear({ zLoss: 0.5 }).meanSquaredLogsumexp, [log4 ** 2]);
      close(linear({ vocabularySize: 3 }).loss, [Math.log(3)]);
      close(linear({ chunk: 1 }).loss, [log4]);
    });
  });
});
