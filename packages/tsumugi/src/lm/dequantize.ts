// A quantized model as numbers.
import { Linear, namedModules, replaceModule } from '../nn/index.ts';
import { noGrad, scope } from '../torch/index.ts';
import type { Plamo2 } from './model.ts';
import { QuantizedLinear } from './quantized-linear.ts';

/** Puts linear maps of float32 into the places of a model's quantized ones. */
export function dequantizeModel(model: Plamo2): void {
  for (const [path, layer] of [...namedModules(model)]) {
    if (!(layer instanceof QuantizedLinear)) continue;
    const weight = scope(() => noGrad(() => layer.dequantized().detach()));
    const [outputs, inputs] = weight.shape as [number, number];
    replaceModule(model, path, new Linear(inputs, outputs, { weight, bias: false })).dispose();
  }
}
