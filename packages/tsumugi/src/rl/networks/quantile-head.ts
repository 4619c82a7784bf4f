// The head of implicit quantile networks (Dabney et al. 2018, arXiv 1806.06923): values at whichever quantiles are asked for.
//
//   φ(τ) = ReLU(W cos(i π τ) + b), i = 1 … n     Z_τ(s, ·) = f(ψ(s) ⊙ φ(τ))
//
//   B batch   H features of ψ   N quantiles   A actions
import { Linear, Module } from '../../nn/index.ts';
import { fromBytes, type Rng, type Tensor } from '../../torch/index.ts';
import { QuantileValues, type Rows } from '../action-values/index.ts';
import { chainerInit } from './initial.ts';

/** Values of a batch as a function of τ. */
export class QuantileFunction implements Rows<QuantileFunction> {
  /** ψ(s) [B, H] */
  readonly features: Tensor;
  readonly #head: QuantileHead;

  constructor(features: Tensor, head: QuantileHead) {
    this.features = features;
    this.#head = head;
  }

  get batch(): number {
    return this.features.size(0);
  }

  /** @param taus [B, N] */
  at(taus: Tensor): QuantileValues {
    return this.#head.at(this.features, taus);
  }

  rows(index: Tensor): QuantileFunction {
    return new QuantileFunction(this.features.indexSelect(0, index), this.#head);
  }
}

export class QuantileHead extends Module {
  /** W and b of φ. */
  embedding: Linear;
  /** Hidden layer of f, where it has one. */
  hidden: Linear | null;
  out: Linear;
  readonly #cosines: number;

  /** @param options.hidden size of f's hidden layer; 0 when left out: f is linear */
  constructor(features: number, actions: number, rng: Rng, options: { cosines?: number; hidden?: number } = {}) {
    super();
    const { cosines = 64, hidden = 0 } = options;
    this.#cosines = cosines;
    this.embedding = new Linear(cosines, features, chainerInit(rng));
    this.hidden = hidden === 0 ? null : new Linear(features, hidden, chainerInit(rng));
    this.out = new Linear(hidden === 0 ? features : hidden, actions, chainerInit(rng));
  }

  forward(features: Tensor): QuantileFunction {
    return new QuantileFunction(features, this);
  }

  /** ψ [B, H], τ [B, N] → [B, N, A] */
  at(features: Tensor, taus: Tensor): QuantileValues {
    const count = this.#cosines;
    const multiples = fromBytes(
      Float32Array.from({ length: count }, (_, i) => (i + 1) * Math.PI),
      'float32',
      [count],
    );
    const cosines = taus.unsqueeze(-1).mul(multiples.to(taus.device)).cos();
    const mixed = features.unsqueeze(1).mul(this.embedding.forward(cosines).relu());
    const last = this.hidden ? this.hidden.forward(mixed).relu() : mixed;
    return new QuantileValues(this.out.forward(last));
  }
}
