// PLaMo 2's Mamba mixer (spec 2.5): Mamba-1's B, C, Δ taken from the convolution's output, Mamba-2's scalar decay per head.
//
//   B batch   T tokens   D hidden size   m heads   P head size   N state size   R rank of Δ   k taps of the convolution
//   Δ = softplus(dt_proj(dt) + dt_bias)     A = −exp(A_log)
//   S[t] = exp(Δ[t]·A)·S[t−1] + Δ[t]·c[t]·B[t]ᵀ     y[t] = S[t]·C[t] + D·c[t]
//
// Not done here: a norm around the gate, bias in any projection or in the convolution (the published model has none).
import { Linear, Module, parameter, rowsAreIndependent, type UnaryModule } from '../nn/index.ts';
import type { Tensor } from '../torch/index.ts';
import type { MixerContext } from './attention.ts';
import type { MambaMemory, ScanInputs } from './layer-memory.ts';
import { linearOf } from './linear-of.ts';
import { LoraLinear } from './lora/layer.ts';
import { bcdtNorm } from './ops/bcdt-norm.ts';
import { type CausalConvOptions, causalConv } from './ops/causal-conv.ts';
import { gatedSilu } from './ops/gated-silu.ts';
import { deltaOf, type SsdScanOptions, ssdScan } from './ops/ssd-scan.ts';

export interface MambaShape {
  heads: number;
  headDim: number;
  stateSize: number;
  chunk: number;
  eps: number;
}

export interface MambaWeights {
  in: Tensor;
  conv: Tensor;
  bcdt: Tensor;
  dt: Tensor;
  dtBias: Tensor;
  aLog: Tensor;
  d: Tensor;
  dtNorm: Tensor;
  bNorm: Tensor;
  cNorm: Tensor;
  out: Tensor;
}

/** The short convolution and its SiLU. */
export class CausalConv extends Module {
  /** [C, 1, k] depthwise */
  weight: Tensor;

  constructor(weight: Tensor) {
    super();
    this.weight = parameter(weight);
  }

  /** [B, T, C] → [B, T, C] */
  forward(x: Tensor, options: CausalConvOptions): Tensor {
    return causalConv(x, this.weight, options);
  }
}

export class Mamba extends Module {
  readonly #shape: MambaShape;
  /** [2·m·P, D]: in every head the first P rows make z (the gate), the next P make x. */
  in_proj: UnaryModule;
  /** Over m·P channels */
  conv1d: CausalConv;
  /** [2N + R, m·P]: B, C, dt */
  bcdt_proj: UnaryModule;
  /** [m, R] */
  dt_proj: UnaryModule;
  /** [m] each */
  dt_bias: Tensor;
  A_log: Tensor;
  D: Tensor;
  /** [R], [N], [N] */
  dt_norm_weight: Tensor;
  B_norm_weight: Tensor;
  C_norm_weight: Tensor;
  /** [D, m·P] */
  out_proj: UnaryModule;

  constructor(shape: MambaShape, weights: MambaWeights) {
    super();
    this.#shape = shape;
    this.in_proj = linearOf(weights.in);
    this.conv1d = new CausalConv(weights.conv);
    this.bcdt_proj = linearOf(weights.bcdt);
    this.dt_proj = linearOf(weights.dt);
    this.dt_bias = parameter(weights.dtBias);
    this.A_log = parameter(weights.aLog);
    this.D = parameter(weights.d);
    this.dt_norm_weight = parameter(weights.dtNorm);
    this.B_norm_weight = parameter(weights.bNorm);
    this.C_norm_weight = parameter(weights.cNorm);
    this.out_proj = linearOf(weights.out);
  }

  /** [B, T, D] → [B, T, D]. With a memory, goes on from its state and leaves the new one in it. */
  forward(x: Tensor, context: MixerContext, memory?: MambaMemory): Tensor {
    const { heads: m, headDim: P, chunk } = this.#shape;
    const [B, T] = x.shape as [number, number];
    const [z, u] = this.#gateAndInput(x); // [B, T, m·P] each
    const c = memory?.convolve(u, this.conv1d.weight) ?? this.conv1d.forward(u, { documents: context.documents });
    const inputs = { ...this.#select(c), x: c.reshape([B, T, m, P]), A: this.A_log.exp().neg() };
    const y = memory?.scan(inputs, chunk) ?? scanAll(inputs, { chunk, documents: context.documents }); // [B, T, m, P]
    return this.out_proj.forward(gatedSilu(y.reshape([B, T, m * P]), z));
  }

  /** z and x of in_proj, each [B, T, m·P]. */
  #gateAndInput(x: Tensor): [Tensor, Tensor] {
    const { heads: m, headDim: P } = this.#shape;
    const [B, T] = x.shape as [number, number];
    const layer = this.in_proj;
    const isApart = layer instanceof LoraLinear ? layer.takesParts : layer instanceof Linear && layer.isBareWeight;
    // Rows of a decoding pass are few, however many texts take one.
    if (B * T > 16 && isApart && !rowsAreIndependent())
      return (layer as Linear | LoraLinear).forwardParts(x, m, 2) as [Tensor, Tensor];
    const parts = this.in_proj.forward(x).reshape([B, T, m, 2, P]);
    return [parts.select(3, 0).reshape([B, T, m * P]), parts.select(3, 1).reshape([B, T, m * P])];
  }

  /** The input-dependent B, C [B, T, N] and dt [B, T, m], in f32, with what belongs to them. */
  #select(c: Tensor): Pick<ScanInputs, 'B' | 'C' | 'dt' | 'bias' | 'D'> {
    const [B, C, dt] = bcdtNorm(
      this.bcdt_proj.forward(c),
      this.B_norm_weight,
      this.C_norm_weight,
      this.dt_norm_weight,
      this.#shape.eps,
    );
    const step = this.dt_proj.forward(dt);
    return { B, C, dt: step.dtype === 'float64' ? step : step.float(), bias: this.dt_bias, D: this.D };
  }
}

const scanAll = ({ x, dt, bias, A, B, C, D }: ScanInputs, options: SsdScanOptions): Tensor =>
  ssdScan(x, deltaOf(dt, bias), A, B, C, D, options).y;
