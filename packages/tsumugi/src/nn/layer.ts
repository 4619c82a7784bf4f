// What can stand in a chain of layers: a module with one input and one output, or a plain function.
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

/**
 * Layers one after the other: `new Sequential(new Linear(2, 8, { rng }), relu, new Linear(8, 1, { rng }))`.
 * Its fields are the positions, so paths are PyTorch's (`0.weight`, `2.weight`): a function takes a number, too.
 */
export class Sequential extends Module {
  [position: number]: Layer;

  constructor(...layers: Layer[]) {
    super();
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
