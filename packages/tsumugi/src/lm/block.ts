// One layer (spec 2.2): h = x + post_mixer_norm(mixer(pre_mixer_norm(x))), then the same around the MLP. The residual
// stream itself is never normalised.
import { Module, parameter, rmsNorm, rmsNormAdd } from '../nn/index.ts';
import type { Tensor } from '../torch/index.ts';
import { Attention, type MixerContext } from './attention.ts';
import type { RowAttentionCache } from './batch-cache.ts';
import type { AttentionCache, MambaCache } from './cache.ts';
import type { Mamba } from './mamba.ts';
import type { Mlp } from './mlp.ts';

/** Added to the learned weight (which starts at 0) of each norm (spec 2.3). */
export const normOffset = { pre: 1, postMixer: 1 / 5, postMlp: 1 / 5 ** 1.5 };

/** Holds a norm's weight [D]; the offset belongs to its place. */
export class NormWeight extends Module {
  weight: Tensor;

  constructor(weight: Tensor) {
    super();
    this.weight = parameter(weight);
  }
}

export interface BlockWeights {
  preMixer: Tensor;
  postMixer: Tensor;
  preMlp: Tensor;
  postMlp: Tensor;
}

export class Block extends Module {
  readonly #eps: number;
  pre_mixer_norm: NormWeight;
  mixer: Attention | Mamba;
  post_mixer_norm: NormWeight;
  pre_mlp_norm: NormWeight;
  mlp: Mlp;
  post_mlp_norm: NormWeight;

  constructor(mixer: Attention | Mamba, mlp: Mlp, norms: BlockWeights, eps: number) {
    super();
    this.#eps = eps;
    this.pre_mixer_norm = new NormWeight(norms.preMixer);
    this.mixer = mixer;
    this.post_mixer_norm = new NormWeight(norms.postMixer);
    this.pre_mlp_norm = new NormWeight(norms.preMlp);
    this.mlp = mlp;
    this.post_mlp_norm = new NormWeight(norms.postMlp);
  }

  /** [B, T, D] → [B, T, D] */
  forward(x: Tensor, context: MixerContext, cache?: AttentionCache | RowAttentionCache | MambaCache): Tensor {
    const eps = this.#eps;
    const inner = rmsNorm(x, this.pre_mixer_norm.weight, { offset: normOffset.pre, eps });
    const mixed =
      this.mixer instanceof Attention
        ? this.mixer.forward(inner, context, cache as AttentionCache | RowAttentionCache | undefined)
        : this.mixer.forward(inner, context, cache as MambaCache | undefined);
    const h = rmsNormAdd(x, mixed, this.post_mixer_norm.weight, { offset: normOffset.postMixer, eps });
    const m = this.mlp.forward(rmsNorm(h, this.pre_mlp_norm.weight, { offset: normOffset.pre, eps }));
    return rmsNormAdd(h, m, this.post_mlp_norm.weight, { offset: normOffset.postMlp, eps });
  }
}
