// Batch normalization of the networks, plain or conditional on a class (de Vries et al. 2017, arXiv 1707.00683).
import { BatchNorm, constant, Embedding, Module } from '../../nn/index.ts';
import type { Rng, Tensor } from '../../torch/index.ts';
import { checkLabels } from './options.ts';

/** Chainer's defaults, with which the published networks were trained: running ← 0.9 · running + 0.1 · batch. */
export const batchNormOptions = { momentum: 0.1, eps: 2e-5 };

/**
 * γ_y · x̂ + β_y: the statistics are shared by all classes, every class has a row of γ (at first 1) and of β (at first 0).
 * (The running variance starts at 1; in the authors' code at 0, with which evaluation before training means nothing.)
 */
export class ConditionalBatchNorm extends Module {
  norm: BatchNorm;
  gammas: Embedding;
  betas: Embedding;
  readonly numClasses: number;

  constructor(numChannels: number, numClasses: number, rng: Rng) {
    super();
    this.numClasses = numClasses;
    this.norm = new BatchNorm(numChannels, { ...batchNormOptions, rng: rng, affine: false });
    this.gammas = new Embedding(numClasses, numChannels, { rng: rng, weightInit: constant(1) });
    this.betas = new Embedding(numClasses, numChannels, { rng: rng, weightInit: constant(0) });
  }

  /** x [B, C, H, W], labels int64 [B] → the shape of x. @throws ConfigError without labels. */
  forward(x: Tensor, labels?: Tensor): Tensor {
    checkLabels(this.numClasses, labels);
    const [gamma, beta] = [this.gammas, this.betas].map((rows) => rows.forward(labels!).unsqueeze(-1).unsqueeze(-1));
    return beta!.addcmul(gamma!, this.norm.forward(x));
  }
}

/** A generator's batch normalization: by class when there are labels. */
export type GeneratorNorm = Module & { forward(x: Tensor, labels?: Tensor): Tensor };

export const generatorNorm = (numChannels: number, numClasses: number | null, rng: Rng): GeneratorNorm =>
  numClasses === null
    ? new BatchNorm(numChannels, { ...batchNormOptions, rng: rng })
    : new ConditionalBatchNorm(numChannels, numClasses, rng);
