// What can stand in a chain of layers: a module with one input and one output, or a plain function.
import { kindOf, UserError } from '../base/index.ts';
import type { Tensor } from '../torch/index.ts';
import { Module } from './module.ts';

/** A module whose `forward` takes one tensor and gives one. */
export interface UnaryModule extends Module {
  forward(x: Tensor): Tensor;
}

export type Layer = UnaryModule | ((x: Tensor) => Tensor);

/** Applies a layer of either kind. */
export function applyLayer(layer: Layer, x: Tensor): Tensor {
  return layer instanceof Module ? layer.forward(x) : layer(x);
}

/** @throws UserError for what is neither module nor function */
function requireLayer(layer: unknown, position: number): void {
  if (typeof layer === 'function' || (layer instanceof Module && 'forward' in layer)) return;
  throw new UserError(
    'bad-argument',
    `Sequential: part ${position} must be a layer or a function of a tensor, got ${kindOf(layer)}`,
    { remedy: 'Write new Sequential(first, relu, second): no array around them, and functions without ().' },
  );
}

/**
 * Layers one after the other: `new Sequential(new Linear(2, 8, { rng }), relu, new Linear(8, 1, { rng }))`.
 * Its fields are the positions, so paths are PyTorch's (`0.weight`, `2.weight`): a function takes a number, too.
 *
 * @example
 * ```ts
 * const model = new Sequential(new Linear(2, 8), relu, new Linear(8, 1));
 * console.log(model.forward(ones(4, 2)).shape); // prints [4,1]
 * ```
 */
export class Sequential extends Module {
  [position: number]: Layer;

  constructor(...layers: Layer[]) {
    super();
    layers.forEach(requireLayer);
    Object.assign(this, layers);
  }

  /** The layers in order. */
  get layers(): Layer[] {
    return Object.keys(this)
      .filter((name) => /^\d+$/.test(name))
      .map((name) => this[Number(name)]!);
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => applyLayer(layer, y), x);
  }
}
