// Feed-forward layers against compositions written out by hand, with gradient checks of every parameter and input.
import { describe, expect, it } from 'vitest';
import { ConfigError, NativeError } from '../base/index.ts';
import { cat, full, grad, ones, Rng, randn, scope, type Tensor, tensor, zeros } from '../torch/index.ts';
import { elu, gelu, geluTanh, leakyRelu, relu, sigmoid, silu, softplus, tanh } from './activations.ts';
import { BatchNorm } from './batch-norm.ts';
import { Conv1d, Conv2d, ConvTranspose2d } from './conv.ts';
import { Dropout, dropout } from './dropout.ts';
import { gradcheck } from './gradcheck.ts';
import { constant } from './initializers.ts';
import { Sequential } from './layer.ts';
import { LayerNorm } from './layer-norm.ts';
import { Embedding, Linear } from './linear.ts';
import { expectClose, gradcheckModule, leaf } from './nn.testing.ts';
import { RMSNorm } from './rms-norm.ts';

const rng = new Rng(11);

describe('Linear', () => {
  it('is x Wᵀ + b', () => {
    scope(() => {
      using layer = new Linear(3, 2, { rng });
      const x = randn([4, 5, 3], rng);
      expectClose(layer.forward(x), x.matmul(layer.weight.t()).add(layer.bias!));
      expect(Math.abs(layer.weight.max().item())).toBeLessThanOrEqual(1 / Math.sqrt(3));
      gradcheckModule(layer, (m, input) => m.forward(input!), [leaf([4, 3], rng)]);
    });
  });

  it('takes initializers, can be without bias, and names shapes that do not fit', () => {
    scope(() => {
      using layer = new Linear(3, 2, { rng, bias: false, weightInit: constant(2) });
      expect(layer.bias).toBeNull();
      expect(layer.forward(ones([1, 3])).tolist()).toEqual([[6, 6]]);
      expect(() => layer.forward(zeros([4, 5]))).toThrow(/aten::linear\(float32\[4, 5\], float32\[2, 3\]/);
      expect(() => layer.forward(zeros([4, 5]))).toThrow(NativeError);
    });
  });
});

describe('Embedding', () => {
  it('picks rows, and adds up gradients of repeated ids', () => {
    scope(() => {
      using layer = new Embedding(5, 2, { rng });
      const ids = tensor([[4, 0], [4, 4]], { dtype: 'int64' }); // biome-ignore format: a matrix
      const rows = [4, 0, 4, 4].map((id) => layer.weight.narrow(0, id, 1));
      expectClose(layer.forward(ids), cat(rows).reshape([2, 2, 2]));
      gradcheckModule(layer, (m) => m.forward(ids).sin(), []);
    });
  });
});

describe('convolutions', () => {
  it('Conv1d is a sum over taps and channels, with stride, padding, dilation and groups', () => {
    scope(() => {
      using layer = new Conv1d(4, 6, 3, { rng, stride: 2, padding: 2, dilation: 2, groups: 2 });
      const x = leaf([2, 4, 9], rng);
      gradcheckModule(layer, (m, input) => m.forward(input!), [x]);
      expect(layer.weight.shape).toEqual([6, 2, 3]);
      const padded = x.detach().pad([2, 2]);
      const groups = [0, 1].map((g) => {
        const weight = layer.weight.narrow(0, 3 * g, 3);
        const columns = [0, 1, 2, 3, 4].map((t) =>
          [0, 1, 2]
            .map((k) => padded.narrow(1, 2 * g, 2).select(2, 2 * t + 2 * k).matmul(weight.select(2, k).t()))
            .reduce((sum, term) => sum.add(term)),
        ); // biome-ignore format: one product per tap
        return cat(
          columns.map((column) => column.unsqueeze(2)),
          2,
        );
      });
      expectClose(layer.forward(x), cat(groups, 1).add(layer.bias!.unsqueeze(1)), 1e-12);
    });
  });

  it('Conv2d is a sum over shifted images', () => {
    scope(() => {
      using layer = new Conv2d(2, 3, [2, 3], { rng, padding: [0, 1] });
      const x = leaf([2, 2, 4, 3], rng);
      gradcheckModule(layer, (m, input) => m.forward(input!), [x]);
      const padded = x.detach().pad([1, 1, 0, 0]);
      let sum: Tensor = zeros([2, 3, 3, 3], { dtype: 'float64' });
      for (const i of [0, 1])
        for (const j of [0, 1, 2]) {
          const image = padded.narrow(2, i, 3).narrow(3, j, 3).permute([0, 2, 3, 1]);
          sum = sum.add(image.matmul(layer.weight.select(3, j).select(2, i).t()).permute([0, 3, 1, 2]));
        }
      expectClose(layer.forward(x), sum.add(layer.bias!.reshape([3, 1, 1])), 1e-12);
    });
  });

  it('ConvTranspose2d is the adjoint of Conv2d', () => {
    scope(() => {
      const options = { rng, bias: false, stride: 2, padding: 1 } as const;
      using up = new ConvTranspose2d(3, 2, 4, options);
      gradcheckModule(up, (m, input) => m.forward(input!), [leaf([1, 3, 2, 2], rng)]);
      using down = new Conv2d(2, 3, 4, options);
      down.weight.dispose();
      down.weight = up.weight;
      const x = randn([2, 3, 4, 4], rng, { dtype: 'float64' });
      const y = randn([2, 2, 8, 8], rng, { dtype: 'float64' });
      // ⟨up(x), y⟩ = ⟨x, down(y)⟩
      expectClose(up.forward(x).mul(y).sum(), down.forward(y).mul(x).sum(), 1e-12);
      using odd = new ConvTranspose2d(1, 4, 3, { rng, stride: 2, padding: 1, outputPadding: 1, groups: 1 });
      expect(odd.forward(zeros([1, 1, 5, 5])).shape).toEqual([1, 4, 10, 10]);
    });
  });

  it('names shapes that do not fit', () => {
    scope(() => {
      using layer = new Conv2d(3, 4, 3, { rng });
      expect(() => layer.forward(zeros([1, 2, 8, 8]))).toThrow(/conv2d\(float32\[1, 2, 8, 8\], float32\[4, 3, 3, 3\]/);
    });
  });
});

describe('norms', () => {
  it('LayerNorm has mean 0 and variance 1 before weight and bias', () => {
    scope(() => {
      using layer = new LayerNorm([2, 3], { rng, eps: 1e-4 });
      const x = leaf([4, 2, 3], rng);
      gradcheckModule(layer, (m, input) => m.forward(input!), [x]);
      const centred = x.sub(x.mean([1, 2], true));
      const variance = centred.square().mean([1, 2], true);
      expectClose(layer.forward(x), centred.div(variance.add(1e-4).sqrt()), 1e-12);
      using bare = new LayerNorm(3, { rng, affine: false });
      expect([bare.weight, bare.bias]).toEqual([null, null]);
    });
  });

  it('RMSNorm scales by offset + weight and starts at a gain of 1 (or the offset)', () => {
    scope(() => {
      using layer = new RMSNorm(6, { rng, offset: 0.2, eps: 1e-3 });
      const x = leaf([4, 6], rng);
      expect(layer.weight.sum().item()).toBe(0);
      gradcheckModule(layer, (m, input) => m.forward(input!), [x]);
      const scale = x.square().mean([-1], true).add(1e-3).rsqrt();
      expectClose(layer.forward(x), x.mul(scale).mul(0.2), 1e-12);
      using plain = new RMSNorm(6, { rng });
      expect(plain.weight.sum().item()).toBe(6);
    });
  });

  it('BatchNorm uses the batch while training and the running statistics after', () => {
    scope(() => {
      using layer = new BatchNorm(3, { rng, eps: 1e-3, momentum: 0.2 });
      const x = randn([4, 3, 2, 5], rng).mul(2).add(1);
      const mean = x.mean([0, 2, 3]);
      const centred = x.sub(mean.reshape([3, 1, 1]));
      const variance = centred.square().mean([0, 2, 3]);
      const root = (v: Tensor) => v.add(1e-3).sqrt().reshape([3, 1, 1]);
      expectClose(layer.forward(x), centred.div(root(variance)), 1e-5);
      expectClose(layer.running_mean, mean.mul(0.2));
      expectClose(layer.running_var, variance.mul((0.2 * 40) / 39).add(0.8));
      expect(layer.num_batches_tracked.item()).toBe(1);
      layer.eval();
      const before = layer.running_mean.tolist();
      const shifted = x.sub(layer.running_mean.reshape([3, 1, 1]));
      expectClose(layer.forward(x), shifted.div(root(layer.running_var)), 1e-5);
      expect(layer.running_mean.tolist()).toEqual(before);
      expect(layer.num_batches_tracked.item()).toBe(1);
    });
  });

  it('BatchNorm has no variance to train with where a channel holds one value, and keeps its statistics', () => {
    scope(() => {
      using layer = new BatchNorm(3, { rng });
      for (const shape of [[1, 3], [1, 3, 1], [1, 3, 1, 1]]) // biome-ignore format: a list
        expect(() => layer.forward(zeros(shape))).toThrow(/holds one value per channel, which has no variance/);
      expect([layer.running_var.tolist(), layer.num_batches_tracked.item()]).toEqual([[1, 1, 1], 0]);
      layer.forward(zeros([1, 3, 1, 2]));
      expect(layer.running_var.isfinite().all().item()).toBe(1);
      layer.eval();
      expect(layer.forward(zeros([1, 3])).shape).toEqual([1, 3]);
    });
  });

  it('BatchNorm has right gradients in both modes, for [B, C] and [B, C, L]', () => {
    scope(() => {
      using layer = new BatchNorm(2, { rng });
      gradcheckModule(layer, (m, input) => m.forward(input!), [leaf([5, 2], rng)]);
      layer.eval();
      gradcheckModule(layer, (m, input) => m.forward(input!), [leaf([3, 2, 4], rng)]);
      using bare = new BatchNorm(2, { rng, affine: false });
      expect([bare.weight, bare.bias]).toEqual([null, null]);
    });
  });
});

describe('Dropout', () => {
  it('drops with its probability, keeps the mean, repeats with the stream, and is off after eval()', () => {
    scope(() => {
      const layer = new Dropout(0.25, { rng: new Rng(3) });
      const x = ones([100_000]);
      const y = layer.forward(x);
      expect(y.eq(0).to('float32').mean().item()).toBeCloseTo(0.25, 2);
      expect(y.max().item()).toBeCloseTo(4 / 3, 6);
      expect(y.mean().item()).toBeCloseTo(1, 2);
      expect(new Dropout(0.25, { rng: new Rng(3) }).forward(x).data()).toEqual(y.data());
      expect(layer.forward(x).data()).not.toEqual(y.data());
      expect(layer.eval().forward(x)).toBe(x);
      for (const p of [-0.1, 1.1, Number.NaN]) {
        expect(() => new Dropout(p, { rng })).toThrow(ConfigError);
        expect(() => dropout(x, p, rng)).toThrow(/must be in \[0, 1\], got/);
      }
    });
  });

  it('drops what is not finite, all of it at probability 1, and sends nothing back through it', () => {
    scope(() => {
      const x = full([1000], Number.POSITIVE_INFINITY).requiresGrad_();
      for (const p of [0.5, 1]) {
        const y = dropout(x, p, new Rng(3));
        const dropped = y.eq(0);
        expect(y.isnan().sum().item()).toBe(0);
        expect(dropped.sum().item() / 1000).toBeCloseTo(p, 1);
        const [gradient] = grad([y.sum()], [x]);
        expectClose(gradient!, dropped.logicalNot().to('float32').mul(2));
      }
    });
  });

  it('sends gradients through what it kept', () => {
    scope(() => {
      const x = leaf([20], rng);
      gradcheck((input) => new Dropout(0.5, { rng: new Rng(5) }).forward(input), [x]);
    });
  });
});

describe('Sequential and activations', () => {
  it('applies layers and functions in order', () => {
    scope(() => {
      using first = new Linear(3, 4, { rng });
      using last = new Linear(4, 1, { rng });
      const net = new Sequential(first, tanh, last);
      const x = randn([2, 3], rng);
      expectClose(net.forward(x), last.forward(first.forward(x).tanh()));
      gradcheckModule(net, (m, input) => m.forward(input!), [leaf([2, 3], rng)]);
    });
  });

  it('keeps more than ten layers in order, and sees a replaced layer', () => {
    scope(() => {
      const net = new Sequential(...Array.from({ length: 12 }, (_, i) => (x: Tensor) => x.mul(2).add(i)));
      const expected = Array.from({ length: 12 }).reduce<number>((x, _, i) => 2 * x + i, 1);
      expect(net.forward(tensor(1)).item()).toBe(expected);
      net[11] = (x) => x.mul(0);
      expect(net.forward(tensor(1)).item()).toBe(0);
    });
  });

  it('activations have their published values and right gradients', () => {
    scope(() => {
      const x = tensor([-2, -0.5, 0.3, 1.5], { dtype: 'float64' });
      const cdf = (v: number) => 0.5 * (1 + erf(v / Math.SQRT2));
      const expected: [(t: Tensor) => Tensor, (v: number) => number][] = [
        [relu, (v) => Math.max(0, v)],
        [leakyRelu(0.1), (v) => (v > 0 ? v : 0.1 * v)],
        [elu(2), (v) => (v > 0 ? v : 2 * Math.expm1(v))],
        [gelu, (v) => v * cdf(v)],
        [geluTanh, (v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))],
        [silu, (v) => v / (1 + Math.exp(-v))],
        [tanh, Math.tanh],
        [sigmoid, (v) => 1 / (1 + Math.exp(-v))],
        [softplus, (v) => Math.log1p(Math.exp(v))],
      ];
      for (const [activation, formula] of expected) {
        const wanted = (x.tolist() as number[]).map(formula);
        expectClose(activation(x), tensor(wanted, { dtype: 'float64' }), 1e-7);
        gradcheck(activation, [x.clone().requiresGrad_()]);
      }
    });
  });
});

/** By its Taylor series, enough for |x| < 2. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 40; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
