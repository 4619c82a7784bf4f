// The gated MLP (spec 2.6): down( silu(gate) · up ). No bias.
import { Module, swiglu } from '../nn/index.ts';
import type { Tensor } from '../torch/index.ts';
import { Projection } from './projection.ts';

export class Mlp extends Module {
  /** [2I, D]: the gate's rows first, then up's. */
  gate_up_proj: Projection;
  /** [D, I] */
  down_proj: Projection;

  constructor(weights: { gateUp: Tensor; down: Tensor }) {
    super();
    this.gate_up_proj = new Projection(weights.gateUp);
    this.down_proj = new Projection(weights.down);
  }

  /** [B, T, D] → [B, T, D] */
  forward(x: Tensor): Tensor {
    return this.down_proj.forward(swiglu(this.gate_up_proj.forward(x)));
  }
}
