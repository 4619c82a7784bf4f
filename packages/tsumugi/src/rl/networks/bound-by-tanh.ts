// Numbers brought into a box by tanh.
import { invariant } from '../../base/index.ts';
import { buffer, Module } from '../../nn/index.ts';
import { type Device, type Tensor, tensor } from '../../torch/index.ts';
import type { Box } from '../spaces/index.ts';

/** (high + low)/2 + (high − low)/2 · tanh(x), dimension by dimension of a box with finite bounds. */
export class BoundByTanh extends Module {
  /** [A]; it follows from the box, and is a buffer only to move with the module. */
  readonly center: Tensor;
  readonly scale: Tensor;

  constructor({ low, high }: Box, device: Device = 'cpu') {
    super();
    invariant(
      low.every(Number.isFinite) && high.every(Number.isFinite),
      'only a box with finite bounds can be reached by tanh',
    );
    const row = (of: (low: number, high: number) => number) =>
      buffer(
        tensor(
          low.map((bound, i) => of(bound, high[i]!)),
          { dtype: 'float32', device },
        ),
      );
    this.center = row((a, b) => (b + a) / 2);
    this.scale = row((a, b) => (b - a) / 2);
  }

  forward(x: Tensor): Tensor {
    return x.tanh().mul(this.scale).add(this.center);
  }
}
