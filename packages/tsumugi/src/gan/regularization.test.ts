// Gradient penalty, clipping, orthonormal penalty, singular values, and the tables of settings and methods.
import { describe, expect, it } from 'vitest';
import {
  Conv2d,
  convert,
  gradcheck,
  LayerNorm,
  Linear,
  leakyRelu,
  Module,
  namedParameters,
  orthogonal,
  spectralNorm,
  type WeightNormalization,
  weightedLayers,
  weightNorm,
} from '../nn/index.ts';
import { expectClose } from '../nn/nn.testing.ts';
import { backward, eye, linalgSvdvals, noGrad, Rng, rand, randn, scope, type Tensor, tensor } from '../torch/index.ts';
import { gradientPenalty } from './gradient-penalty.ts';
import { losses } from './losses.ts';
import { methods } from './methods.ts';
import { CnnDiscriminator, normalizations } from './networks/index.ts';
import { settings } from './settings.ts';
import { singularValues, spectralNorms } from './singular-values.ts';
import type { Discriminator } from './types.ts';
import { clipWeights, orthonormalPenalty } from './weight-constraints.ts';

const rng = new Rng(21);

/** Convolutions as in the standard CNN, small enough for differences of every weight. */
class TinyDiscriminator extends Module implements Discriminator {
  first: Conv2d;
  second: Conv2d;
  norm: LayerNorm | null;
  dense: Linear;
  readonly imageShape = [1, 4, 4] as const;
  readonly numClasses = null;

  constructor(options: { weightNormalization?: WeightNormalization; layerNorm?: boolean }) {
    super();
    const { weightNormalization } = options;
    const weights = { rng, weightNormalization, weightInit: orthogonal() };
    this.first = new Conv2d(1, 2, 3, { ...weights, padding: 1 });
    this.second = new Conv2d(2, 2, 4, { ...weights, padding: 1, stride: 2 });
    this.norm = options.layerNorm ? new LayerNorm([2, 2, 2], { rng, scale: false }) : null;
    this.dense = new Linear(8, 1, weights);
  }

  forward(images: Tensor): Tensor {
    const h = leakyRelu(0.1)(this.first.forward(images));
    const y = this.second.forward(h);
    return this.dense.forward(leakyRelu(0.1)(this.norm?.forward(y) ?? y).flatten(1)).squeeze(1);
  }
}

const cases: [string, ConstructorParameters<typeof TinyDiscriminator>[0]][] = [
  ['no normalization', {}],
  ['layer normalization', { layerNorm: true }],
  ['weight normalization', { weightNormalization: weightNorm() }],
  ['spectral normalization', { weightNormalization: spectralNorm() }],
  ['its reparametrization', { weightNormalization: spectralNorm({ gamma: true }) }],
];

describe('gradient penalty', () => {
  it.each(cases)('has right gradients through the gradient, with %s', (_, options) => {
    scope(() => {
      using D = convert(new TinyDiscriminator(options), 'float64');
      const real = randn([3, 1, 4, 4], rng, { dtype: 'float64' });
      const fake = randn([3, 1, 4, 4], rng, { dtype: 'float64' });
      for (let i = 0; i < 1000; i++) scope(() => noGrad(() => D.forward(real))); // u must stand still
      D.eval();
      const named = namedParameters(D);
      const penalty = () => gradientPenalty(D, real, fake, { rng: new Rng(4) });
      gradcheck(
        penalty,
        named.map(([, each]) => each),
        { names: named.map(([path]) => path), atol: 1e-5, rtol: 1e-4 },
      );
    });
  });

  it('is λ · mean (‖∇D‖ − target)²: of a linear D known, wherever the images lie', () => {
    scope(() => {
      using dense = new Linear(4, 1, { rng });
      const D = Object.assign(new (class extends Module {})(), {
        imageShape: [1, 2, 2] as const,
        numClasses: null,
        forward: (images: Tensor) => dense.forward(images.flatten(1)).squeeze(1),
      });
      const [real, fake] = [0, 1].map(() => randn([5, 1, 2, 2], rng));
      const length = dense.weight.norm().item();
      expect(gradientPenalty(D, real!, fake!, { rng }).item()).toBeCloseTo(10 * (length - 1) ** 2, 5);
      const other = gradientPenalty(D, real!, fake!, { rng, weight: 2, target: 0 });
      expect(other.item()).toBeCloseTo(2 * length ** 2, 5);
      expect(noGrad(() => gradientPenalty(D, real!, fake!, { rng })).requiresGrad).toBe(false);
      for (const few of [fake!.narrow(0, 0, 1), fake!.narrow(0, 0, 2), fake!.narrow(3, 0, 1)])
        expect(() => gradientPenalty(D, real!, few, { rng })).toThrow(
          /^gradientPenalty: real images are \[5, 1, 2, 2\], fakes \[\d/,
        );
    });
  });

  it('takes its points between real and fake images, one share per image', () => {
    scope(() => {
      let seen: Tensor | undefined;
      const D = Object.assign(new (class extends Module {})(), {
        imageShape: [1, 2, 2] as const,
        numClasses: null,
        forward: (images: Tensor) => {
          seen = images;
          return images.square().sum([1, 2, 3]);
        },
      });
      const [real, fake] = [1, 3].map((value) => tensor(value).expand([3, 1, 2, 2]));
      gradientPenalty(D, real!, fake!, { rng: new Rng(8) });
      const share = rand([3, 1, 1, 1], new Rng(8));
      expectClose(seen!.detach(), share.mul(-2).add(3).expand([3, 1, 2, 2]));
    });
  });
});

describe('constraints on weights', () => {
  it('clips convolutions and leaves the rest', () => {
    scope(() => {
      using D = new TinyDiscriminator({});
      const dense = D.dense.weight.tolist();
      clipWeights(D);
      for (const layer of [D.first, D.second]) expect(layer.weight.abs().max().item()).toBeCloseTo(0.01, 8);
      expect(D.dense.weight.tolist()).toEqual(dense);
      clipWeights(D, 0.005);
      expect(D.first.weight.abs().max().item()).toBeCloseTo(0.005, 8);
      expect(D.first.weight.requiresGrad).toBe(true);
    });
  });

  it('penalises what is not orthonormal, with the published gradient', () => {
    scope(() => {
      using D = convert(new TinyDiscriminator({}), 'float64');
      expect(orthonormalPenalty(D).item()).toBeLessThan(1e-10);
      const layers = weightedLayers(D).map(([, layer]) => layer.weight);
      for (const weight of layers) weight.detach().normal_(0, 1, { rng });
      gradcheck(() => orthonormalPenalty(D), layers);
      const published = layers
        .map((weight) => weight.flatten(1))
        .map((W) =>
          W.t()
            .matmul(W)
            .sub(eye(W.size(1), { dtype: 'float64' }))
            .square()
            .sum(),
        )
        .reduce((sum, term) => sum.add(term));
      const constant = layers.reduce((sum, W) => sum + Math.max(0, W.numel() / W.size(0) - W.size(0)), 0);
      expect(published.item() - orthonormalPenalty(D).item()).toBeCloseTo(constant, 8);
      const gradients = [orthonormalPenalty(D), published].map((penalty) => {
        for (const weight of layers) weight.grad = undefined;
        backward(penalty);
        return layers.map((weight) => weight.grad!.clone());
      });
      for (const [i, gradient] of gradients[0]!.entries()) expectClose(gradient, gradients[1]![i]!, 1e-10);
      for (const weight of layers) weight.grad = undefined;
    });
  });
});

describe('singular values', () => {
  it('are those of the weights in use; the quick estimate is the largest; u stays', () => {
    scope(() => {
      using D = new CnnDiscriminator({ rng, width: 1 / 16, size: 8, normalization: 'spectral' });
      const { u } = D.convolutions[2]!.norm as unknown as { u: Tensor };
      const before = u.tolist();
      const values = singularValues(D);
      const norms = spectralNorms(D, 100);
      expect(Object.keys(values)).toEqual(weightedLayers(D).map(([path]) => path));
      for (const [path, layer] of weightedLayers(D)) {
        const used = layer.evaluatedWeight().flatten(1);
        expect(values[path]).toEqual(noGrad(() => linalgSvdvals(used)).tolist());
        expect(norms[path]! / values[path]![0]!).toBeGreaterThan(0.99);
        expect(norms[path]! / values[path]![0]!).toBeLessThan(1.00001);
      }
      expect(u.tolist()).toEqual(before);
    });
  });

  it('come near 1 under spectral normalization after some forwards', () => {
    scope(() => {
      using D = new CnnDiscriminator({ rng, width: 1 / 16, size: 8, normalization: 'spectral' });
      for (let i = 0; i < 40; i++) scope(() => noGrad(() => D.forward(randn([1, 3, 8, 8], rng))));
      for (const norm of Object.values(spectralNorms(D, 100))) {
        expect(norm).toBeGreaterThan(0.999);
        expect(norm).toBeLessThan(1.05);
      }
    });
  });
});

describe('tables', () => {
  it('has the published settings', () => {
    const rows = Object.entries(settings).map(([name, s]) => [name, s.lr, ...s.betas, s.discriminatorSteps]);
    expect(rows).toEqual([
      ['A', 1e-4, 0.5, 0.9, 5],
      ['B', 1e-4, 0.5, 0.999, 1],
      ['C', 2e-4, 0.5, 0.999, 1],
      ['D', 1e-3, 0.5, 0.9, 5],
      ['E', 1e-3, 0.5, 0.999, 5],
      ['F', 1e-3, 0.9, 0.999, 5],
    ]);
  });

  it('has methods that name what there is', () => {
    for (const { normalization, loss } of Object.values(methods)) {
      expect(normalizations).toContain(normalization);
      expect(Object.keys(losses)).toContain(loss);
    }
    expect(new Set(Object.values(methods).map(({ title }) => title)).size).toBe(Object.keys(methods).length);
  });
});
