// The gated MLP (spec 2.6): down( silu(gate) · up ). No bias.
import { Module, swiglu, type UnaryModule } from '../nn/index.ts';
import type { Tensor } from '../torch/index.ts';
import { linearOf } from './linear-of.ts';

export class Mlp extends Module {
  /** [2I, D]: the gate's rows first, then up's. */
  gate_up_proj: UnaryModule;
  /** [D, I] */
  down_proj: UnaryModule;

  constructor(weights: { gateUp: Tensor; down: Tensor }) {
    super();
    this.gate_up_proj = linearOf(weights.gateUp);
    this.down_proj = linearOf(weights.down);
  }

  /** [B, T, D] → [B, T, D] */
  forward(x: Tensor): Tensor {
    return this.down_proj.forward(swiglu(this.gate_up_proj.forward(x)));
  }
}
