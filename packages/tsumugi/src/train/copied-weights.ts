// The weights of a model that was loaded, for one that is to be trained.
import type { Plamo2, WeightSource } from '../lm/index.ts';
import { namedParameters } from '../nn/index.ts';
import { scope } from '../torch/index.ts';

/** Copies: what was loaded may be a view of the file. */
export function copiedWeights(model: Plamo2): WeightSource {
  const tensors = new Map(namedParameters(model));
  return (name) => scope(() => tensors.get(name)!.detach().clone());
}
