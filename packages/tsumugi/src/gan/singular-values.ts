// What a discriminator's layers do to lengths: the singular values of the weights W̄ [out, in·taps] that they multiply by
// (Miyato et al. 2018, figures 3 and 9). Nothing of the discriminator changes.
import { type Module, type WeightedLayer, weightedLayers } from '../nn/index.ts';
import { linalgSvdvals, noGrad, Rng, randn, scope, type Tensor } from '../torch/index.ts';

type WeightOf = (layer: WeightedLayer) => Tensor;
const used: WeightOf = (layer) => layer.evaluatedWeight();

/** Applies `measure` to a weight matrix of every layer, by the layer's path. */
function ofWeights<T>(module: Module, weightOf: WeightOf, measure: (matrix: Tensor) => T): Record<string, T> {
  const measured = weightedLayers(module).map(([path, layer]) => {
    const value = noGrad(() => scope(() => measure(weightOf(layer).flatten(1))));
    return [path, value] as const;
  });
  return Object.fromEntries(measured);
}

/** All singular values of every layer's weight, largest first, by SVD. */
export const singularValues = (module: Module): Record<string, number[]> =>
  ofWeights(module, used, (matrix) => linalgSvdvals(matrix).tolist() as number[]);

/**
 * The largest singular value of every layer's weight by power iteration from a fixed start: an estimate from below, much
 * quicker than the SVD and close enough for a log.
 *
 * @param iterations more come closer where the two largest values lie close together
 * @param weightOf the weight that is measured; W̄ when left out, `(layer) => layer.weight` for W
 */
export const spectralNorms = (module: Module, iterations = 20, weightOf: WeightOf = used): Record<string, number> =>
  ofWeights(module, weightOf, (matrix) => {
    const { dtype, device } = matrix;
    let v = randn([matrix.size(1)], new Rng(0)).to(dtype, device);
    for (let i = 0; i < iterations; i++) {
      const next = matrix.t().mv(matrix.mv(v));
      v = next.div(next.norm().add(1e-12));
    }
    return matrix.mv(v).norm().item();
  });
