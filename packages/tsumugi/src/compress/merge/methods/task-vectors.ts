// θ_b + λ · a mix of task vectors δᵢ = θᵢ − θ_b (Ilharco et al. 2023, arXiv 2212.04089): plain, with sparsified δ's (DARE, arXiv
// 2311.03099; Model Breadcrumbs, 2312.06795), with sign consensus (TIES, 2306.01708; DELLA, 2406.11617).
import { type Tensor, zerosLike } from '../../../torch/index.ts';
import { isOn, type MergeInput, type MergeMethod, numberOf, numbersOf, type ParameterSpec, weight } from './method.ts';
import { deltaOf, type SparseDelta, type Sparsification, sparsified } from './sparsify.ts';

interface Variant {
  sparsification?: Sparsification;
  consensus?: boolean;
  /** Defaults of the parameters of these names. */
  normalize?: boolean;
  rescale?: boolean;
  own?: Readonly<Record<string, ParameterSpec>>;
}

const density = { density: { kind: 'number', default: 1, range: { min: 0, max: 1 } } } as const;

export function taskVectors({
  sparsification,
  consensus,
  normalize = false,
  rescale = false,
  own,
}: Variant): MergeMethod {
  const random = sparsification === 'random' || sparsification === 'rank';
  const mix = (input: MergeInput, parts: readonly SparseDelta[], withConsensus: boolean) => {
    const weights = numbersOf(input.own, 'weight');
    const lambda = numberOf(input.shared, 'lambda');
    const share = isOn(input.shared, 'normalize');
    return (piece: Parameters<SparseDelta>[0]) => {
      const weighted = parts.map((part, i) => part(piece).mul_(weights[i]!));
      const mixed = withConsensus ? agreed(weighted, weights, share) : summed(weighted, weights, share);
      return mixed.mul_(lambda).add_(piece.base!);
    };
  };
  return {
    models: { min: 1 },
    base: 'required',
    shared: {
      lambda: { kind: 'number', default: 1 },
      normalize: { kind: 'boolean', default: normalize },
      ...(sparsification && { rescale: { kind: 'boolean', default: rescale } }),
    },
    own: { ...weight, ...(sparsification && density), ...own },
    passes: sparsification === undefined ? 1 : random ? 2 : 3,
    prepare(input) {
      const rescaled = isOn(input.shared, 'rescale');
      const parts = input.models.map(
        (_, model): SparseDelta =>
          sparsification ? sparsified(input, model, sparsification, rescaled) : (piece) => deltaOf(piece, model),
      );
      return mix(input, parts, consensus ?? false);
    },
    // Nothing of a vector is dropped or outvoted.
    prepareVector: (input) =>
      mix(
        input,
        input.models.map(
          (_, model): SparseDelta =>
            (piece) =>
              deltaOf(piece, model),
        ),
        false,
      ),
  };
}

/** Σ wᵢδᵢ, divided by Σ wᵢ when normalized (unless that is 0). */
function summed(weighted: readonly Tensor[], weights: readonly number[], share: boolean): Tensor {
  const [sum, ...rest] = weighted as [Tensor, ...Tensor[]];
  for (const each of rest) sum.add_(each);
  const total = weights.reduce((a, b) => a + b, 0);
  return share && Math.abs(total) >= 1e-8 ? sum.div_(total) : sum;
}

/** Where an entry's wᵢδᵢ has the sign of their sum (0 counts as +). An entry of 0 has no sign, so it agrees with none. */
export function agreeing(weighted: readonly Tensor[]): Tensor[] {
  const sum = zerosLike(weighted[0]!);
  for (const each of weighted) sum.add_(each);
  const isPositive = sum.ge(0);
  return weighted.map((each) =>
    isPositive.logicalAnd(each.gt(0)).logicalOr(isPositive.logicalNot().logicalAnd(each.lt(0))),
  );
}

/** Σ wᵢδᵢ over the entries that agree, divided by Σ wᵢ over the same entries (unless that is 0) when normalized. */
function agreed(weighted: readonly Tensor[], weights: readonly number[], share: boolean): Tensor {
  const sum = zerosLike(weighted[0]!);
  const divisor = share ? zerosLike(sum) : undefined;
  for (const [i, mask] of agreeing(weighted).entries()) {
    sum.add_(weighted[i]!.mul(mask));
    divisor?.add_(mask.to(sum.dtype), { alpha: weights[i]! });
  }
  return divisor ? sum.div_(divisor.maskedFill_(divisor.eq(0), 1)) : sum;
}
