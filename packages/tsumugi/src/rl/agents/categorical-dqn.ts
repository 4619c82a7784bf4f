// Categorical DQN, C51 (Bellemare et al. 2017, arXiv 1707.06887): the network gives a distribution p over atoms zᵢ of the return.
//
//   Tzᵢ = clip(r + D (1 − d) zᵢ, z₁, z_Z)     m = Σᵢ p⁻ᵢ(s', a*) shared between the two atoms next to Tzᵢ, by how near they are
//   loss = −Σᵢ mᵢ log clip(pᵢ(s, a), 1e-10, 1), which is what priorities are made of, too
//
//   a* greedy by the target network, or by the network itself in the double form   p⁻ the target network's
//   r, D and d as in dqn.ts
import { noGrad, type Tensor, zeros } from '../../torch/index.ts';
import type { ActionValues, DistributionalValues } from '../action-values/index.ts';
import { type BatchLoss, QAgent, type QAgentOptions } from './q-agent.ts';
import type { Samples } from './samples.ts';
import { accumulated } from './value-loss.ts';

/**
 * A distribution over shifted atoms as one over the atoms themselves: the share of each goes to its two neighbours.
 *
 * @param places the shifted atoms [N, Z]
 * @param probabilities [N, Z]
 * @param atoms evenly spaced [Z]
 */
export function project(places: Tensor, probabilities: Tensor, atoms: Tensor): Tensor {
  const count = atoms.numel();
  const [min, max] = [atoms.select(0, 0).item(), atoms.select(0, count - 1).item()];
  const b = places
    .clamp(min, max)
    .sub(min)
    .div((max - min) / (count - 1))
    .clamp(0, count - 1);
  const lower = b.floor();
  const upperShare = b.sub(lower);
  // On an atom all of it goes there: the upper neighbour has a share of 0 then, and may be the atom itself.
  const upper = lower.add(1).clamp(0, count - 1);
  return zeros(probabilities.shape, { device: probabilities.device })
    .scatterAdd_(1, lower.to('int64'), probabilities.mul(upperShare.neg().add(1)))
    .scatterAdd_(1, upper.to('int64'), probabilities.mul(upperShare));
}

export class CategoricalDQN extends QAgent<DistributionalValues> {
  readonly options: QAgentOptions<DistributionalValues>;

  constructor(options: QAgentOptions<DistributionalValues>) {
    super(options);
    this.options = options;
  }

  protected override valuesOf(output: DistributionalValues): ActionValues {
    return output;
  }

  /** p⁻(s', a*) [N, Z] */
  protected nextDistribution({ next }: Samples<DistributionalValues>): Tensor {
    return next(this.target.network).maxDistribution();
  }

  protected override losses(samples: Samples<DistributionalValues>): BatchLoss {
    const { now, action, reward, bootstrap, weight } = samples;
    const values = now(this.network);
    const p = values.distributionOf(action);
    const m = noGrad(() => {
      const shifted = reward.unsqueeze(1).addcmul(bootstrap.unsqueeze(1), values.atoms.unsqueeze(0));
      return project(shifted, this.nextDistribution(samples), values.atoms);
    });
    const crossEntropy = m.mul(p.clamp(1e-10, 1).log()).sum(1).neg();
    return { loss: accumulated(crossEntropy, weight, this.options.accumulator), errors: () => crossEntropy.detach() };
  }
}

export class CategoricalDoubleDQN extends CategoricalDQN {
  protected override nextDistribution({ next }: Samples<DistributionalValues>): Tensor {
    return next(this.target.network).distributionOf(next(this.network).greedyActions());
  }
}
