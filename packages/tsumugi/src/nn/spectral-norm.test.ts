// Spectral normalization against SVD and the published formulas: σ, gradient, the fate of u, removal; and weight norm.
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { backward, eye, linalgSvdvals, Rng, randint, randn, scope, type Tensor, tensor } from '../torch/index.ts';
import { BatchNorm } from './batch-norm.ts';
import { Conv1d, Conv2d } from './conv.ts';
import { gradcheck } from './gradcheck.ts';
import { normal } from './initializers.ts';
import { Sequential } from './layer.ts';
import { LayerNorm } from './layer-norm.ts';
import { Embedding, Linear } from './linear.ts';
import { convert, loadTensors, type Module, namedBuffers, namedParameters, namedTensors } from './module.ts';
import { expectClose, gradcheckModule, leaf } from './nn.testing.ts';
import { SpectralNorm, spectralNorm } from './spectral-norm.ts';
import { weightNorm } from './weight-norm.ts';
import { type WeightedLayer, weightedLayers } from './weights.ts';

const rng = new Rng(7);
const tableOptions = { rng, weightNormalization: spectralNorm(), weightInit: normal() };
const options = { ...tableOptions, bias: false };
const layers: Record<string, () => [WeightedLayer & { forward(x: Tensor): Tensor }, Tensor]> = {
  Linear: () => [new Linear(5, 4, options), randn([3, 5], rng)],
  Conv1d: () => [new Conv1d(2, 4, 3, options), randn([2, 2, 5], rng)],
  Conv2d: () => [new Conv2d(2, 4, [2, 3], { ...options, stride: 2, padding: 1 }), randn([2, 2, 4, 4], rng)],
  'Conv2d in groups': () => [new Conv2d(4, 4, 3, { ...options, groups: 2 }), randn([2, 4, 3, 3], rng)],
  Embedding: () => [new Embedding(6, 3, tableOptions), randint(0, 6, [2, 4], rng)],
};

const largest = (weight: Tensor) => linalgSvdvals(weight.flatten(1)).max().item();
const normOf = (layer: WeightedLayer) => layer.norm as SpectralNorm;
const wide = (input: Tensor) => (input.dtype === 'float32' ? input.to('float64') : input);
/** Enough forwards for the iteration to stand still in float64. */
const converge = (layer: WeightedLayer) =>
  scope(() => {
    for (let i = 0; i < 2000; i++) scope(() => normOf(layer).forward(layer.weight));
  });

describe.each(Object.entries(layers))('spectral normalization of %s', (_, make) => {
  it('divides by the largest singular value once the iteration has converged', () => {
    scope(() => {
      const [layer, input] = make();
      using _owner = convert(layer, 'float64');
      const { weight } = layer;
      const sigma = largest(weight);
      const first = largest(layer.evaluatedWeight());
      expect(first).toBeGreaterThan(1); // an estimate from below
      converge(layer);
      // What is left is the eps of 1e-12 that is added to norms.
      expectClose(layer.evaluatedWeight(), weight.div(sigma), 1e-11);
      expect(largest(layer.evaluatedWeight())).toBeCloseTo(1, 11);
      expectClose(layer.forward(wide(input)).mul(sigma), plainForward(layer, wide(input)), 1e-11);
    });
  });

  it('has right gradients', () => {
    scope(() => {
      const [layer, input] = make();
      using _owner = convert(layer, 'float64');
      converge(layer);
      layer.eval();
      const floats = input.dtype === 'float32' ? [wide(input).requiresGrad_()] : [];
      gradcheckModule(layer, (m, x) => m.forward(x ?? input).sin(), floats);
    });
  });
});

/** The same layer without its normalization. */
function plainForward(layer: WeightedLayer & { forward(x: Tensor): Tensor }, input: Tensor): Tensor {
  const { norm } = layer;
  layer.norm = null;
  const output = layer.forward(input);
  layer.norm = norm;
  return output;
}

describe('spectral normalization', () => {
  it('moves u by one iteration per forward while training, and not after eval()', () => {
    scope(() => {
      using layer = new Linear(5, 4, options);
      const { u } = normOf(layer);
      const x = randn([1, 5], rng);
      const unit = (vector: Tensor) => vector.div(vector.norm());
      for (let i = 0; i < 2; i++) {
        const expected = unit(layer.weight.mv(unit(layer.weight.t().mv(u))));
        layer.forward(x);
        expectClose(u, expected.detach());
      }
      const before = u.tolist();
      layer.eval();
      expect(layer.forward(x).tolist()).toEqual(layer.forward(x).tolist());
      expect(u.tolist()).toEqual(before);
      layer.train().evaluatedWeight();
      expect(u.tolist()).toEqual(before);
      expect(normOf(layer).training).toBe(true);
    });
  });

  it('takes gradients of several forwards at once, each with its own σ', () => {
    scope(() => {
      using layer = new Linear(5, 4, options);
      const x = randn([3, 5], rng);
      const forward = () => layer.forward(x).square().sum();
      const u = normOf(layer).u.clone();
      const apart = [forward, forward].map((each) => {
        layer.weight.grad = undefined;
        backward(each());
        return layer.weight.grad!.clone();
      });
      normOf(layer).u.copy_(u);
      layer.weight.grad = undefined;
      backward(forward().add(forward()));
      expectClose(layer.weight.grad!, apart[0]!.add(apart[1]!), 1e-5);
    });
  });

  it('has the published gradient at any u: (G − ⟨G, W̄⟩ ũṽᵀ)/σ, and that of a fixed direction', () => {
    scope(() => {
      const weight = leaf([4, 6], rng);
      using norm = convert(new SpectralNorm(weight, rng), 'float64').eval();
      const start = norm.u.clone();
      const v = weight.detach().t().mv(start).div(weight.detach().t().mv(start).norm());
      const u = weight.detach().mv(v).div(weight.detach().mv(v).norm());
      const sigma = weight.detach().mv(v).dot(u);
      const G = randn([4, 6], rng, { dtype: 'float64' });
      backward(norm.forward(weight).mul(G).sum());
      const normalized = weight.detach().div(sigma);
      expectClose(norm.forward(weight).detach(), normalized, 1e-12);
      const published = G.sub(u.outer(v).mul(G.mul(normalized).sum())).div(sigma);
      expectClose(weight.grad!, published, 1e-11);
      gradcheck((W) => W.div(u.dot(W.mv(v))), [weight]);
      const frozen = weight.detach().clone().requiresGrad_();
      backward(
        frozen
          .div(u.dot(frozen.mv(v)))
          .mul(G)
          .sum(),
      );
      expectClose(weight.grad!, frozen.grad!, 1e-11);
    });
  });

  it('takes several iterations, a factor, and a learned factor that starts at σ', () => {
    scope(() => {
      const weight = randn([5, 8], rng);
      using many = new SpectralNorm(weight, new Rng(1), { iterations: 3, factor: 0.5 });
      using one = new SpectralNorm(weight, new Rng(1));
      for (let i = 0; i < 2; i++) one.forward(weight);
      expectClose(many.forward(weight), one.forward(weight).mul(0.5));
      expectClose(many.u, one.u);
      using layer = new Linear(5, 4, { ...options, weightNormalization: spectralNorm({ gamma: true }) });
      expect(normOf(layer).gamma!.item()).toBeCloseTo(largest(layer.weight), 5);
      converge(layer);
      expectClose(layer.evaluatedWeight(), layer.weight, 1e-5);
      gradcheckModule(layer.eval(), (m, x) => m.forward(x!).sin(), [leaf([2, 5], rng)]);
      for (const wrong of [{ iterations: 0 }, { factor: 0 }, { factor: -1 }])
        expect(() => new SpectralNorm(weight, rng, wrong)).toThrow(ConfigError);
    });
  });

  it('is saved and restored with the model, under plain names', () => {
    scope(() => {
      const net = (seed: number) =>
        new Sequential(
          new Linear(3, 4, { ...options, rng: new Rng(seed) }),
          new Embedding(2, 4, { ...tableOptions, rng: new Rng(seed) }),
        );
      using first = net(1);
      using second = net(2);
      expect(names(namedBuffers(first))).toEqual(['0.norm.u', '1.norm.u']);
      expect(names(namedParameters(first))).toEqual(['0.weight', '1.weight']);
      (first[0] as Linear).forward(randn([1, 3], rng));
      const saved = new Map([...namedTensors(first)]);
      loadTensors(second, (path) => saved.get(path), saved.keys());
      const input = randn([2, 3], rng);
      expect((second[0] as Linear).forward(input).tolist()).toEqual((first[0] as Linear).forward(input).tolist());
    });
  });

  it('gives the same u from the same stream, and leaves the streams of other layers alone', () => {
    scope(() => {
      const draw = () => new Linear(3, 2, { ...options, rng: new Rng(5) });
      using first = draw();
      using again = draw();
      expect(normOf(first).u.tolist()).toEqual(normOf(again).u.tolist());
      using plain = new Linear(3, 2, { rng: new Rng(5), weightInit: normal() });
      expect(first.weight.tolist()).toEqual(plain.weight.tolist());
    });
  });

  it('can be removed: what evaluation used becomes the weight', () => {
    scope(() => {
      const [layer, input] = layers['Conv2d']!();
      using _owner = layer.eval();
      const { weight } = layer;
      const { u } = normOf(layer);
      const before = layer.forward(input).tolist();
      for (const [, each] of weightedLayers(layer)) each.removeNormalization();
      expect(layer.forward(input).tolist()).toEqual(before);
      expect(layer.weight).toBe(weight);
      expect(u.isDisposed).toBe(true);
      expect(names(namedTensors(layer))).toEqual(['weight']);
    });
  });
});

describe('weight normalization', () => {
  it('gives every output a row of length 1, with right gradients', () => {
    scope(() => {
      using layer = new Conv2d(2, 3, 2, { rng, weightNormalization: weightNorm() });
      const rows = layer.evaluatedWeight().flatten(1);
      expectClose(rows.matmul(rows.t()).diagonal(), eye(3).diagonal());
      expectClose(rows.mul(layer.weight.flatten(1).norm(2, [1], true)), layer.weight.flatten(1));
      gradcheckModule(layer, (m, x) => m.forward(x!).sin(), [leaf([1, 2, 3, 3], rng)]);
    });
  });
});

describe('norms without a scale', () => {
  it('keep their bias', () => {
    scope(() => {
      using batch = new BatchNorm(2, { rng, scale: false });
      using layer = new LayerNorm([2, 3], { rng, scale: false });
      for (const norm of [batch, layer] as (Module & { bias: Tensor })[]) {
        expect(names(namedParameters(norm))).toEqual(['bias']);
        norm.bias.detach().add_(tensor(2));
      }
      const x = randn([4, 2, 3], rng);
      expect(batch.forward(x).mean().item()).toBeCloseTo(2, 5);
      expect(layer.forward(x).mean().item()).toBeCloseTo(2, 5);
      gradcheckModule(batch, (m, input) => m.forward(input!).sin(), [leaf([4, 2, 3], rng)]);
      gradcheckModule(layer, (m, input) => m.forward(input!).sin(), [leaf([4, 2, 3], rng)]);
    });
  });
});

const names = (list: Iterable<[string, Tensor]>) => [...list].map(([path]) => path);
