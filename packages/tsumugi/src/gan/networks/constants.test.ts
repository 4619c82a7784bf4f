// The numbers in the networks that no shape shows: slopes, initial values, constants of batch normalization, sums over pixels.
import { expect, it } from 'vitest';
import { BatchNorm, Conv2d, Linear, type Module, namedParameters, weightedLayers } from '../../nn/index.ts';
import { expectClose } from '../../nn/nn.testing.ts';
import { Rng, randn, scope, type Tensor } from '../../torch/index.ts';
import { batchNormOptions, ConditionalBatchNorm } from './batch-norm.ts';
import { CnnDiscriminator, CnnGenerator, ResNetDiscriminator, ResNetGenerator } from './index.ts';

const rng = new Rng(5);

it('the CNN discriminator is convolutions with leaky ReLUs of 0.1 and a dense layer', () => {
  scope(() => {
    using D = new CnnDiscriminator({ rng, size: 8, width: 1 / 16 });
    const images = randn([3, 3, 8, 8], rng);
    for (const layer of D.convolutions) layer.weight.detach().mul_(10); // so that something is left at the end
    let x = images;
    for (const layer of D.convolutions) {
      const y = layer.forward(x);
      x = y.maximum(y.mul(0.1));
    }
    expectClose(D.forward(images), D.head.dense.forward(x.flatten(1)).squeeze(1), 1e-5);
  });
});

it('the ResNet discriminator sums the features of its last block over the pixels', () => {
  scope(() => {
    using D = new ResNetDiscriminator({ rng, width: 1 / 16 });
    const images = randn([2, 3, 32, 32], rng);
    let x = images;
    for (const block of D.blocks) x = block.forward(x);
    const features = x.maximum(x.mul(0)).flatten(2).sum(2);
    expectClose(D.forward(images), D.head.dense.forward(features).squeeze(1), 1e-4);
  });
});

it('CNNs start from N(0, 0.02²) with biases of 0', () => {
  scope(() => {
    for (const network of [new CnnGenerator({ rng, width: 1 / 4 }), new CnnDiscriminator({ rng, width: 1 / 4 })]) {
      using each: Module = network;
      for (const [path, value] of namedParameters(each)) {
        if (path.endsWith('bias')) expect(value.abs().max().item(), path).toBe(0);
        // Seven standard errors of a deviation.
        else if (value.ndim > 1)
          expect(Math.abs(value.std().item() / 0.02 - 1), path).toBeLessThan(7 / Math.sqrt(2 * value.numel()));
      }
    }
  });
});

it('ResNets start Glorot-uniform, with a gain of √2 in the 3×3 convolutions of blocks alone', () => {
  scope(() => {
    for (const network of [
      new ResNetGenerator({ rng, width: 1 / 8 }),
      new ResNetDiscriminator({ rng, width: 1 / 8 }),
    ]) {
      using each: Module = network;
      for (const [path, layer] of weightedLayers(each)) {
        if (!(layer instanceof Conv2d || layer instanceof Linear)) continue;
        const [out, inside, ...taps] = layer.weight.shape as [number, number, ...number[]];
        const area = taps.reduce((product, size) => product * size, 1);
        const gain = path.startsWith('blocks.') && area === 9 ? Math.SQRT2 : 1;
        const bound = gain * Math.sqrt(6 / ((inside + out) * area));
        const largest = layer.weight.abs().max().item() / bound;
        expect(largest, path).toBeLessThanOrEqual(1.0001);
        expect(largest, path).toBeGreaterThan(layer.weight.numel() < 100 ? 0.7 : 0.9);
      }
    }
  });
});

it('batch normalization has Chainer’s ε of 2e-5 and keeps nine tenths of its statistics', () => {
  scope(() => {
    const x = randn([8, 2, 3, 3], rng).mul(0.003).add(4);
    const mean = x.mean([0, 2, 3], true);
    const variance = x.sub(mean).square().mean([0, 2, 3], true);
    const expected = x.sub(mean).div(variance.add(2e-5).sqrt());
    using plain = new BatchNorm(2, { ...batchNormOptions, rng });
    using conditional = new ConditionalBatchNorm(2, 3, rng);
    const labels = randn([8], rng).mul(0).to('int64');
    for (const [norm, y] of [
      [plain, plain.forward(x)],
      [conditional.norm, conditional.forward(x, labels)],
    ] as [BatchNorm, Tensor][]) {
      expectClose(y, expected, 1e-3);
      expectClose(norm.running_mean, mean.flatten().mul(0.1), 1e-5);
    }
  });
});
