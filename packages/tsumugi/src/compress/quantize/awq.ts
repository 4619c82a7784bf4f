// AWQ (Lin et al. 2023, arXiv 2306.00978; compress.md 2.4): inputs with large activations are scaled up before rounding, what makes
// them is scaled down by as much, and the largest weights of a group are cut where that makes the output nearer.
//
//   s = mean|x|^r / (w̄^(1−r) + 1e-4), divided by √(max s · min s)      r ∈ {0, 1/20, …, 19/20} with the least ‖(Q(W·s)/s − W) x‖²
//   w̄ = mean over outputs of |w| / (largest of the group)
import { cat, noGrad, scope, type Tensor, where } from '../../torch/index.ts';
import { grouped, type RoundOptions, rounded } from './round.ts';

export const awqRatios: readonly number[] = Array.from({ length: 20 }, (_, i) => i / 20);
/** Shares of a group's largest weight that the search may cut to: down to 0.55. */
export const clipShares: readonly number[] = Array.from({ length: 10 }, (_, i) => 1 - i / 20);

interface AwqScale {
  /** [in] float32 */
  scale: Tensor;
  ratio: number;
  /** Mean squared error of the output with it, and without (ratio 0 is a scale, too). */
  error: number;
}

/** mean over outputs of |w| / (largest of the group): [out, in] → [in] */
export function weightMeans(weight: Tensor, groupSize: number): Tensor {
  return scope(() => {
    const groups = grouped(weight.abs(), groupSize);
    return groups
      .div(groups.amax([-1], true).clamp(1e-6))
      .reshape(weight.shape)
      .mean([0]);
  });
}

/** ‖x Wᵀ − x W'ᵀ‖² / count, for x [n, in]. */
export const outputError = (x: Tensor, weight: Tensor, other: Tensor): number =>
  scope(() => x.matmul(weight.sub(other).t()).square().mean().item());

/**
 * The scale of the inputs of a weight [out, in].
 *
 * @param sample activations [n, in] to measure the error with
 * @param means mean |x| of each input [in]
 */
export function searchScale(weight: Tensor, sample: Tensor, means: Tensor, options: RoundOptions): AwqScale {
  return noGrad(() => {
    using spread = weightMeans(weight, options.groupSize);
    let best: AwqScale | undefined;
    for (const ratio of awqRatios) {
      const found = scope(() => {
        const raw = means
          .pow(ratio)
          .div(spread.pow(1 - ratio).add(1e-4))
          .clamp(1e-4); // [in]
        const scale = raw.div(raw.max().mul(raw.min()).sqrt());
        const error = outputError(sample, weight, rounded(weight.mul(scale), options).div(scale));
        return { scale, ratio, error };
      });
      if (best && !(found.error < best.error)) {
        found.scale.dispose();
        continue;
      }
      best?.scale.dispose();
      best = found;
    }
    return best!;
  });
}

/**
 * The weight with its groups cut to the share of their largest weight that gives the least error of the output, group by group.
 *
 * @param sample activations [n, in], as they are before this weight
 */
export function clipped(weight: Tensor, sample: Tensor, options: RoundOptions): Tensor {
  return noGrad(() =>
    scope(() => {
      const groups = grouped(weight, options.groupSize).transpose(0, 1).contiguous(); // [groups, out, g]
      const x = grouped(sample, options.groupSize).transpose(0, 1); // [groups, n, g]
      const gram = x.transpose(1, 2).bmm(x); // [groups, g, g]
      const largest = groups.abs().amax([-1], true); // [groups, out, 1]
      let best = groups;
      let least: Tensor | undefined;
      for (const share of clipShares) {
        // What a share makes goes before the next one: it is ten times the weight.
        [best, least] = scope((): [Tensor, Tensor] => {
          const bound = largest.mul(share);
          const cut = groups.minimum(bound).maximum(bound.neg());
          const off = rounded(cut.reshape([-1, cut.size(2)]), { ...options, groupSize: -1 })
            .reshape(cut.shape)
            .sub(groups);
          const error = off.bmm(gram).mul(off).sum([-1], true); // [groups, out, 1]
          if (!least) return [groups, error]; // a share of 1 cuts nothing
          const better = error.lt(least);
          return [where(better, cut, best), error.minimum(least)];
        });
      }
      return best.transpose(0, 1).reshape(weight.shape);
    }),
  );
}

/** As `clipped`, but for the rows before `from`, which stay. */
export const clippedFrom = (weight: Tensor, from: number, sample: Tensor, options: RoundOptions): Tensor =>
  scope(() => {
    if (from === 0) return clipped(weight, sample, options);
    const kept = weight.narrow(0, 0, from);
    return cat([kept, clipped(weight.narrow(0, from, weight.size(0) - from), sample, options)]);
  });
