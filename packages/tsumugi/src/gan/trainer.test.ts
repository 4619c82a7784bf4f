// The parts of training: order of updates, the learning rate, the moving average, what a forecast says.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ImageSet, openImages } from '../images/index.ts';
import { totalBytes } from '../loop/index.ts';
import { Linear, namedTensors, parameters, weightedLayers } from '../nn/index.ts';
import { memory, noGrad, Rng, resetPeakMemory, scope, type Tensor } from '../torch/index.ts';
import { requireFiniteLosses, requireFiniteWeights } from './divergence.ts';
import { MovingAverage } from './ema.ts';
import { forecastGanSpace, forecastPeak } from './forecast.ts';
import { type TinyGan, tinyGan } from './gan.testing.ts';
import { inputGradientNorms } from './measure.ts';
import { CnnGenerator } from './networks/index.ts';
import { ganRecipes, settingsOf } from './presets.ts';
import { imageSampler } from './sampler.ts';
import { type GanInput, ganConfig } from './train-config.ts';
import { decayFactor, GanTrainer } from './trainer.ts';
import type { Discriminator } from './types.ts';
import { orthonormalPenalty } from './weight-constraints.ts';

let setup: TinyGan;
let set: ImageSet;
beforeAll(async () => {
  setup = tinyGan();
  set = await openImages(setup.at('images'), 'train', { size: 8, folder: setup.at('data') });
});
afterAll(() => setup[Symbol.dispose]());

const trainer = (changes: Partial<GanInput> = {}) => new GanTrainer(setup.config('none', changes), set);
const copies = (network: Parameters<typeof namedTensors>[0]) =>
  [...namedTensors(network)].map(([path, value]) => [path, value.detach().clone()] as const);
const same = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item() === 0;

describe('a step', () => {
  it('takes no gradients of the discriminator in an update of the generator, and gives them back', () => {
    using both = trainer();
    scope(() => {
      const before = parameters(both.D).map((parameter) => parameter.detach().clone());
      both.updateGenerator(both.optimizer.lr);
      for (const [i, parameter] of parameters(both.D).entries()) {
        expect([parameter.requiresGrad, parameter.grad]).toEqual([true, undefined]);
        expect(same(parameter, before[i]!)).toBe(true);
      }
    });
  });

  it('clips convolutions alone, and starts orthonormal where the method says so', () => {
    using clipping = trainer({ method: 'weight-clipping' });
    clipping.takeStep();
    scope(() => {
      const largest = weightedLayers(clipping.D).map(
        ([, layer]) => [layer instanceof Linear, layer.weight.abs().max().item()] as const,
      );
      for (const [isDense, value] of largest) {
        if (isDense) expect(value).toBeGreaterThan(0.02);
        else expect(value).toBeCloseTo(0.01, 8); // something was beyond it
      }
    });
    using orthonormal = trainer({ method: 'orthonormal' });
    expect(scope(() => orthonormalPenalty(orthonormal.D).item())).toBeLessThan(1e-6);
    using plain = trainer();
    expect(scope(() => orthonormalPenalty(plain.D).item())).toBeGreaterThan(1);
    expect(plain.takeStep().penalty).toBe(0);
  });

  it('gives methods of one seed the same noise and images', () => {
    using sn = trainer({ method: 'sn' });
    using gp = trainer({ method: 'gan-gp' });
    sn.takeStep();
    gp.takeStep();
    expect(sn.streams.noise.state).toEqual(gp.streams.noise.state);
    expect(sn.streams.epsilons.state).not.toEqual(gp.streams.epsilons.state);
  });
});

it('lets the learning rate fall along a straight line to 0', () => {
  const factors = (decayFrom: number | undefined) =>
    [0, 1, 2, 3, 4, 5].map((step) => decayFactor(step, { steps: 5, decayFrom }));
  expect(factors(undefined)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(factors(0)).toEqual([1, 0.8, 0.6, 0.4, 0.2, 0].map((value) => expect.closeTo(value, 12)));
  expect(factors(3)).toEqual([1, 1, 1, 1, 0.5, 0]);
  using decaying = trainer({ decayFrom: 1, steps: 3, learningRate: 0.5 });
  const rates = [0, 1, 2].map(() => {
    const rate = decaying.learningRate;
    decaying.takeStep();
    return rate;
  });
  expect(rates).toEqual([0.5, 0.5, 0.25]);
});

it('averages weights and running statistics: average ← decay · average + (1 − decay) · weight', () => {
  const make = (seed: number) => new CnnGenerator({ rng: new Rng(seed), size: 8, width: 1 / 64 });
  using source = make(0);
  using average = new MovingAverage(make(1), source, 0.9);
  scope(() => {
    const first = copies(source);
    for (const [path, value] of namedTensors(average.network))
      expect(same(value, new Map(first).get(path)!)).toBe(true);
    noGrad(() => {
      for (const [, value] of namedTensors(source)) value.add_(value.dtype.startsWith('int') ? 3 : 1);
    });
    average.update();
    const counted: Tensor[] = [];
    for (const [path, value] of namedTensors(average.network)) {
      const before = new Map(first).get(path)!;
      if (value.dtype.startsWith('int')) counted.push(value);
      else expect(value.sub(before).sub(0.1).abs().max().item(), path).toBeLessThan(1e-6);
    }
    expect(counted.map((value) => value.item())).toEqual([3, 3, 3]);
    expect(average.network.training).toBe(false);
  });
});

it('keeps the moving average where there is one: grids, samples and scores are of it', () => {
  using averaged = trainer({ emaDecay: 0.5, learningRate: 0.05 });
  using plain = trainer();
  averaged.takeStep();
  expect(averaged.best).toBe(averaged.average!.network);
  expect(averaged.best).not.toBe(averaged.G);
  expect(plain.best).toBe(plain.G);
});

it('measures the gradients of a discriminator without changing it', () => {
  using network = trainer({ method: 'sn' });
  scope(() => {
    const before = copies(network.D);
    const images = imageSampler(network.G, { seed: 0 })(5);
    const found = inputGradientNorms(network.D, images);
    // Against differences along the gradient's direction, which cannot be steeper.
    const step = 1e-2;
    const [up, down] = [1, -1].map((sign) =>
      scope(() => {
        network.D.eval();
        const logits = noGrad(() => network.D.forward(images.add((sign * step) / Math.sqrt(3 * 64))));
        network.D.train();
        return logits;
      }),
    ) as [Tensor, Tensor];
    const along = up
      .sub(down)
      .div(2 * step)
      .abs();
    expect(found.shape).toEqual([5]);
    expect(along.le(found.mul(1.01).add(1e-4)).all().item()).toBe(1);
    for (const [path, value] of namedTensors(network.D))
      expect(same(value, new Map(before).get(path)!), path).toBe(true);
    // D(x) = 3 · Σx has a gradient of the length 3 · √(its pixels) everywhere.
    const linear = { forward: (x: Tensor) => x.flatten(1).sum(1).mul(3), eval: () => linear, train: () => linear };
    const lengths = inputGradientNorms(linear as unknown as Discriminator, images).tolist() as number[];
    for (const value of lengths) expect(value).toBeCloseTo(3 * Math.sqrt(192), 4);
  });
});

it('looks through all weights before they are saved', () => {
  using network = trainer();
  const losses = network.takeStep();
  requireFiniteLosses(network, losses, 0);
  requireFiniteWeights(network, 0);
  scope(() => {
    noGrad(() => weightedLayers(network.G)[0]![1].weight.view([-1]).narrow(0, 3, 2).fill_(Number.NaN));
  });
  requireFiniteLosses(network, losses, 0);
  expect(() => requireFiniteWeights(network, 7)).toThrow(
    /at step 1: generator: the weight of dense.weight holds 2 NaN and 0 infinite.*\n.*checkpoint of step 7 is intact/,
  );
  expect(() => requireFiniteLosses(network, { ...losses, discriminator: [0, Number.NaN] }, 0)).toThrow(
    /the discriminator's loss is NaN in update 2 of 2; generator: .*\n.*No checkpoint/,
  );
});

describe('a forecast', () => {
  it('comes near the memory that a step takes', () => {
    const changes = { width: 1 / 4, batchSize: 24 };
    const config = setup.config('none', changes);
    const forecast = forecastPeak(config, set);
    const before = memory().liveBytes;
    using real = trainer(changes);
    real.takeStep();
    resetPeakMemory();
    real.takeStep();
    expect(forecast / (memory().peakBytes - before)).toBeCloseTo(1, 1);
  });

  it('counts checkpoints, grids and the model', () => {
    const { disk, memory: parts } = forecastGanSpace(setup.config('none', { keepLast: 2, emaDecay: 0.9 }), set);
    using network = trainer({ emaDecay: 0.9 });
    const [G, D] = [network.G, network.D].map((network) =>
      parameters(network).reduce((sum, each) => sum + each.numel(), 0),
    );
    expect(totalBytes(disk)).toBe(4 * (3 * (3 * (G! + D!) + G!) + (G! + D!) + G!) + (2 + 8 / 4) * 9 * 3 * 64);
    expect(parts[0]!.bytes).toBe(16 * (G! + D!) + 4 * G!);
  });
});

it('has recipes that are complete and name each key once', () => {
  for (const [name, recipe] of Object.entries(ganRecipes)) {
    const config = ganConfig.parse({ ...settingsOf(recipe), out: 'x' });
    expect(config.data, name).toMatch(/^(cifar-10|mnist|fashion-mnist)$/);
    const keys = [recipe.paper, recipe.code, recipe.ours].flatMap((settings) => Object.keys(settings));
    expect(new Set(keys).size, name).toBe(keys.length);
  }
});
