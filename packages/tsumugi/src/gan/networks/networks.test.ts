// The networks: published parameter counts, shapes, normalizations, labels, gradients.
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../base/index.ts';
import { BatchNorm, namedBuffers, namedParameters, numParameters, orthogonal, weightedLayers } from '../../nn/index.ts';
import { expectClose, gradcheckModule, leaf } from '../../nn/nn.testing.ts';
import { grad, ones, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { batchNormOptions, ConditionalBatchNorm } from './batch-norm.ts';
import { DownBlock, UpBlock } from './blocks.ts';
import { Head } from './head.ts';
import {
  type ArchitectureName,
  architectures,
  CnnDiscriminator,
  CnnGenerator,
  type DiscriminatorOptions,
  normalizations,
  ResNetDiscriminator,
  ResNetGenerator,
} from './index.ts';

const rng = new Rng(3);
const int64 = (values: number[]) => tensor(values, { dtype: 'int64' });
const tiny = { rng, width: 1 / 32 };

describe('sizes that follow from the published tables', () => {
  it.each([
    ['CNN generator 32', () => new CnnGenerator({ rng }), 3_812_355],
    ['CNN generator 48', () => new CnnGenerator({ rng, size: 48 }), 5_133_315],
    ['CNN discriminator 32', () => new CnnDiscriminator({ rng, normalization: 'spectral' }), 2_935_873],
    ['CNN discriminator 48', () => new CnnDiscriminator({ rng, size: 48 }), 2_946_113],
    ['ResNet generator 32', () => new ResNetGenerator({ rng }), 4_276_739],
    ['ResNet discriminator 32', () => new ResNetDiscriminator({ rng, normalization: 'spectral' }), 1_053_824],
    ['ResNet generator 48', () => new ResNetGenerator({ rng, size: 48 }), 4_878_083],
    ['ResNet discriminator 48', () => new ResNetDiscriminator({ rng, size: 48 }), 10_141_440],
  ] as const)('%s', (_, make, count) => {
    using network = make();
    expect(numParameters(network)).toBe(count);
  });
});

describe.each(Object.keys(architectures) as ArchitectureName[])('%s', (name) => {
  const { generator: makeGenerator, discriminator: makeDiscriminator } = architectures[name];
  const sizes = [32, 48];

  it.each(sizes)('makes and judges images of size %i, of one channel or three, with and without classes', (size) => {
    scope(() => {
      for (const [channels, numClasses] of [
        [1, 10],
        [3, undefined],
      ] as const) {
        // biome-ignore format: a table
        using G = makeGenerator({ ...tiny, size, channels, numClasses });
        using D = makeDiscriminator({ ...tiny, size, channels, numClasses });
        const labels = numClasses === undefined ? undefined : int64([1, 9]);
        const images = G.forward(randn([2, G.latentSize], rng), labels);
        expect(images.shape).toEqual([2, channels, size, size]);
        expect([G.imageShape, D.imageShape]).toEqual([images.shape.slice(1), images.shape.slice(1)]);
        expect(images.abs().max().item()).toBeLessThanOrEqual(1);
        expect(images.std().item()).toBeGreaterThan(0);
        expect(D.forward(images, labels).shape).toEqual([2]);
        const given = labels ? undefined : int64([0, 0]);
        expect(() => G.forward(randn([2, 128], rng), given)).toThrow(ConfigError);
        expect(() => D.forward(images, given)).toThrow(ConfigError);
      }
    });
  });

  it('judges by the label when it is conditional, and shows the generator its class', () => {
    scope(() => {
      using G = makeGenerator({ ...tiny, numClasses: 3 });
      using D = makeDiscriminator({ ...tiny, numClasses: 3, normalization: 'spectral' });
      D.eval();
      const [, betas] = namedParameters(G).find(([path]) => path.endsWith('betas.weight'))!;
      betas.detach().normal_(0, 1, { rng });
      const z = randn([1, 128], rng);
      const images = [0, 1].map((label) => G.eval().forward(z, int64([label])));
      expect(images[0]!.sub(images[1]!).abs().max().item()).toBeGreaterThan(0);
      const judged = [0, 1].map((label) => D.forward(images[0]!, int64([label])).item());
      expect(judged[0]).not.toBe(judged[1]);
    });
  });

  it('normalizes what it says and nothing else', () => {
    scope(() => {
      const counts = (options: Partial<DiscriminatorOptions>) => {
        using D = makeDiscriminator({ ...tiny, ...options });
        const layers = weightedLayers(D);
        const u = namedBuffers(D).filter(([path]) => path.endsWith('.norm.u'));
        return [layers.length, layers.filter(([, layer]) => layer.norm).length, u.length];
      };
      const count = { cnn: 8, resnet: 11 }[name];
      expect(counts({})).toEqual([count, 0, 0]);
      expect(counts({ normalization: 'spectral' })).toEqual([count, count, count]);
      expect(counts({ normalization: 'spectral', numClasses: 2 })).toEqual([count + 1, count + 1, count + 1]);
      expect(counts({ normalization: 'weight' })).toEqual([count, count, 0]);
    });
  });

  it('starts from orthonormal weights when asked to', () => {
    scope(() => {
      using D = makeDiscriminator({ ...tiny, weightInit: orthogonal() });
      for (const [, layer] of weightedLayers(D)) {
        const matrix = layer.weight.flatten(1);
        const gram = matrix.size(0) < matrix.size(1) ? matrix.matmul(matrix.t()) : matrix.t().matmul(matrix);
        expectClose(gram.diagonal(), ones([gram.size(0)]), 1e-5);
      }
    });
  });

  it('starts from the same numbers with the same seed', () => {
    scope(() => {
      const first = () => {
        using D = makeDiscriminator({ ...tiny, rng: new Rng(9), normalization: 'spectral' });
        return namedParameters(D).map(([, tensor]) => tensor.sum().item());
      };
      expect(first()).toEqual(first());
    });
  });
});

describe('standard CNN', () => {
  it('has batch and layer normalization without a multiplier after every convolution', () => {
    scope(() => {
      for (const normalization of ['batch', 'layer'] as const) {
        using D = new CnnDiscriminator({ ...tiny, normalization });
        const named = namedParameters(D).map(([path]) => path);
        expect(named.filter((path) => path.startsWith('norms.'))).toEqual(
          Array.from({ length: 7 }, (_, i) => `norms.${i}.bias`),
        );
        expect(D.forward(randn([2, 3, 32, 32], rng)).shape).toEqual([2]);
      }
    });
  });

  it('refuses sizes that do not halve three times', () => {
    expect(() => new CnnGenerator({ rng, size: 36 })).toThrow(/8 divides, not 36/);
    expect(() => new CnnDiscriminator({ rng, size: 0 })).toThrow(ConfigError);
  });

  it.each(normalizations)('has a second derivative with %s normalization', (normalization) => {
    scope(() => {
      using D = new CnnDiscriminator({ ...tiny, size: 8, normalization });
      const x = randn([2, 3, 8, 8], rng).requiresGrad_();
      const [slope] = grad([D.forward(x).sum()], [x], { createGraph: true }) as [Tensor];
      const weights = D.convolutions.map((layer) => layer.weight);
      const second = grad([slope.square().sum()], weights, { allowUnused: true });
      expect(second.every((each) => each && each.abs().sum().item() > 0)).toBe(true);
    });
  });
});

describe('ResNet', () => {
  it('refuses what is not published', () => {
    expect(() => new ResNetGenerator({ rng, size: 64 })).toThrow(/no ResNet for images of 64×64/);
    expect(() => new ResNetDiscriminator({ rng, normalization: 'layer' })).toThrow(ConfigError);
  });

  it('has blocks that follow the metric', () => {
    scope(() => {
      const x = randn([2, 3, 4, 6], rng);
      const pool = (y: Tensor) => y.reshape([2, -1, y.size(2) / 2, 2, y.size(3) / 2, 2]).mean([3, 5]);
      const unpool = (y: Tensor) => y.repeatInterleave(2, 2).repeatInterleave(2, 3);
      using first = new DownBlock(3, 4, { rng, pooled: true, first: true });
      let residual = first.conv2.forward(first.conv1.forward(x).relu());
      expectClose(first.forward(x), pool(residual).add(first.shortcut!.forward(pool(x))));
      using down = new DownBlock(3, 5, { rng, pooled: true, first: false });
      residual = down.conv2.forward(down.conv1.forward(x.relu()).relu());
      expectClose(down.forward(x), pool(residual).add(pool(down.shortcut!.forward(x))));
      expect(down.conv1.weight.shape).toEqual([3, 3, 3, 3]);
      using flat = new DownBlock(3, 3, { rng, pooled: false, first: false });
      expectClose(flat.forward(x), flat.conv2.forward(flat.conv1.forward(x.relu()).relu()).add(x));
      using up = new UpBlock(3, 2, null, rng).eval();
      residual = up.conv1.forward(unpool(up.norm1.forward(x).relu()));
      residual = up.conv2.forward(up.norm2.forward(residual).relu());
      expectClose(up.forward(x), residual.add(up.shortcut.forward(unpool(x))));
    });
  });

  it('has right gradients', () => {
    scope(() => {
      const x = leaf([2, 2, 4, 4], rng);
      using down = new DownBlock(2, 1, { rng, pooled: true, first: false });
      gradcheckModule(down, (m, input) => m.forward(input!), [x]);
      using up = new UpBlock(2, 1, null, rng);
      gradcheckModule(up, (m, input) => m.forward(input!), [x.detach().narrow(2, 0, 2).clone().requiresGrad_()]);
    });
  });
});

describe('conditional batch normalization', () => {
  it('scales and shifts by class what shared statistics normalize', () => {
    scope(() => {
      using norm = new ConditionalBatchNorm(3, 4, rng);
      using plain = new BatchNorm(3, { ...batchNormOptions, rng, affine: false });
      const x = randn([2, 3, 2, 2], rng);
      const labels = int64([3, 0]);
      const normalized = plain.forward(x);
      expectClose(norm.forward(x, labels), normalized);
      expectClose(norm.norm.running_var, plain.running_var);
      norm.gammas.weight.detach().select(0, 3).fill_(2);
      norm.betas.weight.detach().select(0, 0).fill_(-1);
      const [first, second] = [0, 1].map((i) => norm.forward(x, labels).select(0, i));
      expectClose(first!, normalized.select(0, 0).mul(2));
      expectClose(second!, normalized.select(0, 1).sub(1));
      gradcheckModule(norm, (m, input) => m.forward(input!, labels).sin(), [leaf([2, 3, 2, 2], rng)]);
      expect(() => norm.forward(x)).toThrow(ConfigError);
    });
  });
});

describe('projection', () => {
  it('adds ⟨embedding of the class, features⟩', () => {
    scope(() => {
      const options = { rng, numClasses: 3, bias: true, weightInit: orthogonal() };
      using head = new Head(4, options);
      const h = randn([2, 4], rng);
      const labels = int64([2, 0]);
      const rows = [2, 0].map((label, i) => head.embedding!.weight.select(0, label).dot(h.select(0, i)).item());
      expectClose(head.forward(h, labels), head.dense.forward(h).squeeze(1).add(tensor(rows)));
      gradcheckModule(head, (m, input) => m.forward(input!, labels), [leaf([2, 4], rng)]);
    });
  });
});
