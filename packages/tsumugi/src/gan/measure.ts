// What is logged about a discriminator besides its losses: the largest singular values of its weights, and how long its gradients are.
//
//   σ(W̄), σ(W)   of every layer's weight as it multiplies by it and as it is stored (Miyato et al. 2018, figure 9)
//   ‖∇ₓD(x)‖₂     with respect to the image x, at real images, at fakes, and at points between pairs of them. The largest
//                 one bounds the Lipschitz constant of D (for the Euclidean norm) from below; it is no estimate from above.
//
// Everything is in evaluation mode: u and running statistics stay, and an image's logit does not depend on the others'.
import { deriveSeed } from '../base/index.ts';
import type { ImageSet } from '../images/index.ts';
import { ImageBatches } from '../images/index.ts';
import { weightedLayers } from '../nn/index.ts';
import {
  arange,
  type Device,
  enableGrad,
  grad,
  linalgVectorNorm,
  Rng,
  rand,
  scope,
  type Tensor,
} from '../torch/index.ts';
import { imageSampler } from './sampler.ts';
import { spectralNorms } from './singular-values.ts';
import type { GanTrainer } from './trainer.ts';
import type { Discriminator } from './types.ts';

/** ‖∇ₓD(x)‖₂ of every image [B, C, H, W] → [B]. */
export function inputGradientNorms(D: Discriminator, images: Tensor, labels?: Tensor): Tensor {
  const { training } = D;
  D.eval();
  try {
    return enableGrad(() =>
      scope(() => {
        const x = images.detach().clone().requiresGrad_();
        const [gradient] = grad([D.forward(x, labels).sum()], [x]) as [Tensor];
        return linalgVectorNorm(gradient.flatten(1), 2, 1).detach();
      }),
    );
  } finally {
    D.train(training);
  }
}

const summary = (name: string, values: Tensor): [string, number][] => [
  [`inputGradNorm.${name}.mean`, values.mean().item()],
  [`inputGradNorm.${name}.max`, values.max().item()],
];

const named = (prefix: string, norms: Record<string, number>): [string, number][] =>
  Object.entries(norms).map(([path, value]) => [`${prefix}.${path}`, value]);

/**
 * What is measured of a trainer's discriminator, by name, on a fixed batch of images of the set and the fakes of fixed noise:
 * `inputGradNorm.real.mean`, `inputGradNorm.real.max`, the same of `fake` and `between`; `sigma.<layer>` of W̄; and where
 * weights are normalized, `sigmaStored.<layer>` of W.
 */
export function measureGan({ G, D, config }: GanTrainer, set: ImageSet): Record<string, number> {
  const { batchSize } = config;
  const seed = deriveSeed(config.seed, 'measure');
  const gradientNorms = scope(() => {
    const { device } = config as { device: Device };
    const { images: real, labels: classes } = new ImageBatches(set, { batchSize, seed, device }).at(0);
    const K = D.numClasses;
    const labels = K === null ? undefined : { real: classes, fake: arange(0, batchSize).remainder(K).to(device) };
    const fake = imageSampler(G, { seed, label: labels && 'in turn' })(batchSize);
    const epsilon = rand([batchSize, 1, 1, 1], new Rng(seed)).to(device);
    const between = fake.add(real.sub(fake).mul(epsilon));
    return [
      ...summary('real', inputGradientNorms(D, real, labels?.real)),
      ...summary('fake', inputGradientNorms(D, fake, labels?.fake)),
      ...summary('between', inputGradientNorms(D, between, labels?.real)),
    ];
  });
  const normalizesWeights = weightedLayers(D).some(([, { norm }]) => norm);
  return Object.fromEntries([
    ...gradientNorms,
    ...named('sigma', spectralNorms(D)),
    ...(normalizesWeights
      ? named(
          'sigmaStored',
          spectralNorms(D, undefined, (layer) => layer.weight),
        )
      : []),
  ]);
}
