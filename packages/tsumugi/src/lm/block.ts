// One layer (spec 2.2): h = x + post_mixer_norm(mixer(pre_mixer_norm(x))), then the same around the MLP. The residual
// stream itself is never normalised.
import { Module, RMSNorm } from '../nn/index.ts';
import type { Tensor } from '../torch/index.ts';
import { Attention, type MixerContext } from './attention.ts';
import type { AttentionMemory, MambaMemory } from './layer-memory.ts';
import type { Mamba } from './mamba.ts';
import type { Mlp } from './mlp.ts';

/** Added to the learned weight (which starts at 0) of each norm (spec 2.3). */
export const normOffset = { pre: 1, postMixer: 1 / 5, postMlp: 1 / 5 ** 1.5 };

/** A norm of this weight [D], which it takes over. */
export const normOf = (weight: Tensor, offset: number, eps: number): RMSNorm =>
  new RMSNorm(weight.size(0), { weight, offset, eps });

export interface BlockWeights {
  preMixer: Tensor;
  postMixer: Tensor;
  preMlp: Tensor;
  postMlp: Tensor;
}

export class Block extends Module {
  pre_mixer_norm: RMSNorm;
  mixer: Attention | Mamba;
  post_mixer_norm: RMSNorm;
  pre_mlp_norm: RMSNorm;
  mlp: Mlp;
  post_mlp_norm: RMSNorm;

  constructor(mixer: Attention | Mamba, mlp: Mlp, norms: BlockWeights, eps: number) {
    super();
    this.pre_mixer_norm = normOf(norms.preMixer, normOffset.pre, eps);
    this.mixer = mixer;
    this.post_mixer_norm = normOf(norms.postMixer, normOffset.postMixer, eps);
    this.pre_mlp_norm = normOf(norms.preMlp, normOffset.pre, eps);
    this.mlp = mlp;
    this.post_mlp_norm = normOf(norms.postMlp, normOffset.postMlp, eps);
  }

  /** [B, T, D] → [B, T, D] */
  forward(x: Tensor, context: MixerContext, memory?: AttentionMemory | MambaMemory): Tensor {
    const inner = this.pre_mixer_norm.forward(x);
    const mixed =
      this.mixer instanceof Attention
        ? this.mixer.forward(inner, context, memory as AttentionMemory | undefined)
        : this.mixer.forward(inner, context, memory as MambaMemory | undefined);
    const h = this.post_mixer_norm.forwardAdd(x, mixed);
    const m = this.mlp.forward(this.pre_mlp_norm.forward(h));
    return this.post_mlp_norm.forwardAdd(h, m);
  }
}
