// A linear map whose weight is kept in few bits, and made when it is used.
import { buffer, castLinear, Module } from '../nn/index.ts';
import { dequantizeStored, type StoredTensors, type StoredWeight } from '../store/index.ts';
import { scope, type Tensor } from '../torch/index.ts';

/**
 * y = x Wᵀ in the dtype of x: [..., inFeatures] → [..., outFeatures]. Its fields are the tensors of the layout (`qweight`, …), so their
 * paths are their names in checkpoints. They are buffers: nothing of it is trained.
 */
export class QuantizedLinear extends Module {
  [name: string]: unknown;
  readonly stored: StoredWeight;
  readonly #names: readonly string[];

  /** Takes the tensors over. */
  constructor(stored: StoredWeight, tensors: StoredTensors) {
    super();
    this.stored = stored;
    this.#names = Object.keys(tensors);
    for (const [name, tensor] of Object.entries(tensors)) this[name] = buffer(tensor);
  }

  /** Another one on the same tensors. */
  sharing(): QuantizedLinear {
    const tensors = Object.fromEntries(this.#names.map((name) => [name, scope(() => (this[name] as Tensor).detach())]));
    return new QuantizedLinear(this.stored, tensors);
  }

  /** The weight [outFeatures, inFeatures], float32: made anew each time. */
  dequantized(): Tensor {
    return dequantizeStored(Object.fromEntries(this.#names.map((name) => [name, this[name] as Tensor])), this.stored);
  }

  forward(x: Tensor): Tensor {
    return castLinear(x, this.dequantized());
  }
}
