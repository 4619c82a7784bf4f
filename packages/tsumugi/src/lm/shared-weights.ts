// A model of its own that stands on another's tensors: several adapters on one base take the base's memory once.
import { namedModules, namedParameters, replaceModule } from '../nn/index.ts';
import { scope } from '../torch/index.ts';
import { Plamo2 } from './model.ts';
import { QuantizedLinear } from './quantized-linear.ts';
import { standIn } from './quantized-weights.ts';

/** Disposing either model leaves the other as it is. What is replaced in one is not replaced in the other; changed values are. */
export function sharingWeights(base: Plamo2): Plamo2 {
  const tensors = new Map(namedParameters(base));
  const model = new Plamo2(base.config, (name, shape) => {
    const tensor = tensors.get(name);
    return tensor ? scope(() => tensor.detach()) : standIn(shape);
  });
  for (const [path, layer] of namedModules(base))
    if (layer instanceof QuantizedLinear) replaceModule(model, path, layer.sharing()).dispose();
  return model;
}
