// The contract between language models and everything that trains, evaluates or serves them.
import type { Mesh } from '../mesh/index.ts';
import type { Module } from '../nn/index.ts';
import type { Device, DType, Tensor } from '../torch/index.ts';
import type { Plamo2Config } from './config.ts';
import type { PassMemory } from './layer-memory.ts';

export interface ForwardOptions {
  /** Continues the sequences it holds; T new tokens are added to it. */
  cache?: PassMemory | undefined;
  /** [B, T] int32: runs of equal numbers along T are documents. */
  documents?: Tensor | undefined;
  /** Recompute each layer's activations during backward instead of keeping them. */
  activationCheckpointing?: boolean;
  /** Compute in this dtype (bfloat16 on CUDA); parameters stay as they are. */
  dtype?: DType | undefined;
  /** [B, T, D], added to what the embedding gives: noise that regularizes (NEFTune). */
  embeddingNoise?: Tensor | undefined;
  /**
   * Sequence parallelism: each row lies over these ranks, which all give the whole row, and what comes out is this rank's part of it: ⌊r·T/world⌋
   * up to ⌊(r+1)·T/world⌋. Let it be a group of its own, whose collectives mix with no others.
   */
  sequenceParallel?: Mesh | undefined;
  /** Called with what the embedding, then each layer, then the last norm gives, under its path: to see where values go wrong. */
  onPart?: ((path: string, output: Tensor) => void) | undefined;
}

export interface Batch {
  /** [B, T] int64 */
  ids: Tensor;
  /** [B, T] int64; −100 is ignored. */
  targets: Tensor;
  /** [B, T] int32 */
  documents?: Tensor | undefined;
}

export interface LossOptions extends Omit<ForwardOptions, 'cache' | 'documents'> {
  /** Coefficient of mean(logsumexp²). */
  zLoss?: number | undefined;
  reduction?: 'mean' | 'sum' | undefined;
}

export interface LossParts {
  /** What to differentiate: cross-entropy plus z-loss. */
  loss: Tensor;
  /** Without the z-loss, detached. */
  crossEntropy: Tensor;
  /** The z-loss term without its coefficient, detached. */
  meanSquaredLogsumexp: Tensor;
  /** Targets that were not ignored: int64 []. */
  count: Tensor;
}

export interface LanguageModel extends Module {
  readonly config: Plamo2Config;
  /** Where the parameters are. */
  readonly parameterDevice: Device;
  /** The type of the parameters' numbers: what it computes in, unless `forward` is told otherwise. */
  readonly parameterDType: DType;
  /** ids [B, T] int64 → hidden [B, T, D] */
  forward(ids: Tensor, options?: ForwardOptions): Tensor;
  /** hidden [..., D] → logits [..., V] */
  logits(hidden: Tensor): Tensor;
  /**
   * With `sequenceParallel`, `loss` and `crossEntropy` are this rank's shares, which add up to those of one process, as gradients do;
   * `meanSquaredLogsumexp` and `count` are of its targets.
   */
  loss(batch: Batch, options?: LossOptions): LossParts;
}
