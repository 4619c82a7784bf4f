// Training by hand, for tests: the same networks and streams of random numbers, everything else written out from the formulas.
// Slow and plain: losses, penalties, Adam, the moving average, mirrored images, the learning rate of every step.
import { deriveSeed, RandomStream } from '../base/index.ts';
import type { ImageSet } from '../images/image-set.ts';
import { Conv2d, namedTensors, parameters, weightedLayers } from '../nn/index.ts';
import { eye, grad, noGrad, Rng, rand, randint, randn, type Tensor, tensor, zeros } from '../torch/index.ts';
import { makeDiscriminator, makeGenerator } from './make-networks.ts';
import { type Method, methods } from './methods.ts';
import { resnetSetting, settings } from './settings.ts';
import type { GanConfig } from './train-config.ts';
import type { StepLosses } from './trainer.ts';
import type { Discriminator, ImageGenerator } from './types.ts';

/** Sums over a batch, as log-sigmoids: what the losses are in the papers. */
const byHand = {
  standard: {
    discriminator: (r: Tensor, f: Tensor) => r.sigmoid().log().mean().add(f.neg().sigmoid().log().mean()).neg(),
    generator: (f: Tensor) => f.sigmoid().log().mean().neg(),
  },
  hinge: {
    discriminator: (r: Tensor, f: Tensor) =>
      r.sub(1).clamp(undefined, 0).mean().add(f.neg().sub(1).clamp(undefined, 0).mean()).neg(),
    generator: (f: Tensor) => f.mean().neg(),
  },
  wasserstein: {
    discriminator: (r: Tensor, f: Tensor) => r.mean().sub(f.mean()).neg(),
    generator: (f: Tensor) => f.mean().neg(),
  },
};

/** Adam over some weights, as Chainer writes it: w ← w − α √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε). */
class PlainAdam {
  #t = 0;
  readonly #weights: readonly Tensor[];
  readonly #moments: { m: Tensor; v: Tensor }[];
  readonly #betas: readonly [number, number];
  readonly #epsilon: number;

  constructor(weights: readonly Tensor[], betas: readonly [number, number], epsilon: number) {
    this.#weights = weights;
    this.#moments = weights.map(({ shape }) => ({ m: zeros(shape), v: zeros(shape) }));
    this.#betas = betas;
    this.#epsilon = epsilon;
  }

  step(gradients: readonly Tensor[], alpha: number): void {
    this.#t++;
    const [b1, b2] = this.#betas;
    const rate = (alpha * Math.sqrt(1 - b2 ** this.#t)) / (1 - b1 ** this.#t);
    noGrad(() => {
      for (const [i, { m, v }] of this.#moments.entries()) {
        const g = gradients[i]!;
        m.copy_(m.mul(b1).add(g.mul(1 - b1)));
        v.copy_(v.mul(b2).add(g.mul(g).mul(1 - b2)));
        this.#weights[i]!.sub_(m.mul(rate).div(v.sqrt().add(this.#epsilon)));
      }
    });
  }
}

/** Batch `k` of a set that is seen for the first time, as sngan_projection scales it. */
function batchOf(
  set: ImageSet,
  k: number,
  { seed, batchSize, flip }: GanConfig,
): { real: Tensor; labels: Tensor | undefined } {
  const streams = deriveSeed(seed, 'batches');
  const order = Uint32Array.from({ length: set.count }, (_, i) => i);
  new RandomStream(deriveSeed(streams, 'epoch', 0)).shuffle(order);
  const chosen = [...order.subarray(k * batchSize, (k + 1) * batchSize)];
  const { channels, height, width, pixels } = set;
  const coins = new RandomStream(deriveSeed(streams, 'flip', k));
  const noise = new RandomStream(deriveSeed(streams, 'noise', k));
  const values: number[] = [];
  for (const image of chosen) {
    const mirrored = flip && coins.next() < 0.5;
    for (let row = 0; row < channels * height; row++)
      for (let x = 0; x < width; x++) {
        const at = (image * channels * height + row) * width + (mirrored ? width - 1 - x : x);
        values.push(pixels[at]! / 128 - 1 + (noise.nextUint32() >>> 16) / 2 ** 23);
      }
  }
  return {
    real: tensor(Float32Array.from(values), { shape: [batchSize, channels, height, width] }),
    labels:
      set.labels &&
      tensor(
        chosen.map((image) => set.labels![image]!),
        { dtype: 'int64' },
      ),
  };
}

/** λ · mean (‖∇D(x̂)‖ − 1)² with one ε per image. */
function gradientPenalty(
  D: Discriminator,
  real: Tensor,
  fake: Tensor,
  lambda: number,
  epsilons: Rng,
  labels?: Tensor,
): Tensor {
  const e = rand([real.size(0), 1, 1, 1], epsilons);
  const x = real
    .mul(e)
    .add(fake.mul(e.mul(-1).add(1)))
    .detach()
    .requiresGrad_();
  const [gradient] = grad([D.forward(x, labels).sum()], [x], { createGraph: true }) as [Tensor];
  return gradient.mul(gradient).sum([1, 2, 3]).sqrt().sub(1).pow(2).mean().mul(lambda);
}

/** Σ ‖WWᵀ − I‖² over the smaller of the two products. */
function orthonormalPenalty(D: Discriminator): Tensor {
  let sum = zeros([]);
  for (const [, { weight }] of weightedLayers(D)) {
    const W = weight.reshape([weight.size(0), -1]);
    const [a, b] = W.size(0) < W.size(1) ? [W, W.t()] : [W.t(), W];
    sum = sum.add(
      a
        .mm(b)
        .sub(eye(a.size(0)))
        .pow(2)
        .sum(),
    );
  }
  return sum;
}

/**
 * Makes weights larger than they start, so that gradients are not lost in Adam's ε, nor differences between images in that of a
 * batch norm: a narrow network with deviations of 0.02 gives nearly the same for everything. Orthonormal weights grow a little,
 * so that they are no longer so.
 */
export function enlarge(G: ImageGenerator, D: Discriminator, { penalty, normalization }: Method): void {
  noGrad(() => {
    weightedLayers(G).at(-1)![1].weight.mul_(10);
    if (normalization === 'none' || normalization === 'batch')
      for (const [, { weight }] of weightedLayers(D)) weight.mul_(penalty?.kind === 'orthonormal' ? 1.5 : 10);
  });
}

export interface HandTrained {
  /** Of both networks and of the average: path → values. */
  weights: Record<string, number[]>;
  losses: StepLosses[];
}

/** So many steps of training from the start; the set must have images enough for them. Call it within a scope. */
export function trainByHand(config: GanConfig, set: ImageSet, steps: number): HandTrained {
  const { seed, batchSize, emaDecay, decayFrom } = config;
  const method: Method = methods[config.method];
  const normalization = config.normalization ?? methods[config.method].normalization;
  const loss = byHand[config.loss ?? methods[config.method].loss];
  const named = { ...settings, resnet: resnetSetting }[config.setting];
  const [alpha, betas] = [config.learningRate ?? named.lr, config.betas ?? named.betas];
  const discriminatorSteps = config.discriminatorSteps ?? named.discriminatorSteps;
  const K = config.conditional ? set.classNames!.length : null;
  const shape = {
    architecture: config.architecture,
    size: set.height,
    channels: set.channels,
    width: config.width,
    numClasses: K,
  };
  const networks = { ...method, normalization };
  const G = makeGenerator(shape, deriveSeed(seed, 'generator'), 'cpu');
  const D = makeDiscriminator(shape, networks, deriveSeed(seed, 'discriminator'), 'cpu');
  const [noise, classes, epsilons] = ['noise', 'labels', 'shares'].map((what) => new Rng(deriveSeed(seed, what))) as [
    Rng,
    Rng,
    Rng,
  ];
  const average =
    emaDecay > 0 ? new Map(namedTensors(G).map(([path, value]) => [path, value.detach().clone()])) : undefined;
  enlarge(G, D, networks);
  const [adamG, adamD] = [G, D].map((network) => new PlainAdam(parameters(network), betas, config.epsilon)) as [
    PlainAdam,
    PlainAdam,
  ];
  const fakes = (count: number) => {
    const z = randn([count, 128], noise);
    const y = K === null ? undefined : randint(0, K, [count], classes);
    return { images: G.forward(z, y), y };
  };
  const losses: StepLosses[] = [];
  for (let step = 0; step < steps; step++) {
    const left = decayFrom === undefined || step < decayFrom ? 1 : (config.steps - step) / (config.steps - decayFrom);
    const rate = alpha * left;
    const first = fakes(config.generatorBatchSize ?? batchSize);
    const lossG = loss.generator(D.forward(first.images, first.y));
    adamG.step(grad([lossG], parameters(G)) as Tensor[], rate);
    noGrad(() => {
      for (const [path, weight] of namedTensors(G)) {
        const kept = average?.get(path);
        if (kept?.dtype.startsWith('int')) kept.copy_(weight);
        else kept?.copy_(kept.mul(emaDecay).add(weight.mul(1 - emaDecay)));
      }
    });
    const found: StepLosses = { generator: lossG.item(), discriminator: [], penalty: 0, realLogit: 0, fakeLogit: 0 };
    for (let i = 0; i < discriminatorSteps; i++) {
      const { real, labels } = batchOf(set, step * discriminatorSteps + i, config);
      const y = K === null ? undefined : labels;
      const fake = noGrad(() => fakes(batchSize));
      const [r, f] = [D.forward(real, y), D.forward(fake.images, fake.y)];
      const lossD = loss.discriminator(r, f);
      const penalty =
        method.penalty?.kind === 'gradient'
          ? gradientPenalty(D, real, fake.images, method.penalty.weight, epsilons, y)
          : orthonormalPenalty(D).mul(method.penalty?.weight ?? 0);
      adamD.step(grad([lossD.add(penalty)], parameters(D)) as Tensor[], rate);
      if (method.clip !== undefined)
        noGrad(() => {
          for (const [, layer] of weightedLayers(D))
            if (layer instanceof Conv2d) layer.weight.copy_(layer.weight.clamp(-method.clip!, method.clip!));
        });
      found.discriminator.push(lossD.item());
      Object.assign(found, { penalty: penalty.item(), realLogit: r.mean().item(), fakeLogit: f.mean().item() });
    }
    losses.push(found);
  }
  const values = (prefix: string, tensors: Iterable<readonly [string, Tensor]>) =>
    Array.from(
      tensors,
      ([path, value]) => [`${prefix}.${path}`, [value.detach().to('float64').flatten().tolist()].flat()] as const,
    );
  const weights = Object.fromEntries([
    ...values('generator', namedTensors(G)),
    ...values('discriminator', namedTensors(D)),
    ...values('average', average ?? []),
  ]) as Record<string, number[]>;
  for (const network of [G, D]) network.dispose();
  return { weights, losses };
}
