// Heads of Q-functions: features [B, F] → the values of actions.
//
//   B batch   A actions   Z atoms   D elements of a continuous action
import { ConfigError, checkNumber } from '../../base/index.ts';
import { buffer, Linear, Module } from '../../nn/index.ts';
import { fromBytes, linspace, type Rng, type Tensor } from '../../torch/index.ts';
import { type ActionValues, DiscreteValues, DistributionalValues, QuadraticValues } from '../action-values/index.ts';
import { onDevice } from '../on-device.ts';
import type { Box } from '../spaces/index.ts';
import { affine } from './affine.ts';
import { chainerInit } from './initial.ts';
import type { MLP } from './mlp.ts';

export interface Head<V = ActionValues> extends Module {
  forward(features: Tensor): V;
  /** `forward(body.forward(observations))`, where a head of one layer can have both in one call. */
  onMLP?(body: MLP, observations: Tensor): V;
}

/** Q(s, ·) = W x + b */
export class DiscreteHead extends Module implements Head {
  out: Linear;

  constructor(features: number, actions: number, rng: Rng) {
    super();
    this.out = new Linear(features, actions, chainerInit(rng));
  }

  forward(features: Tensor): DiscreteValues {
    return new DiscreteValues(affine(this.out, features));
  }

  onMLP(body: MLP, observations: Tensor): DiscreteValues {
    return new DiscreteValues(body.into(this.out, observations));
  }
}

/** Two layers with ReLU between them, one half of a dueling head. */
class Branch extends Module {
  hidden: Linear;
  out: Linear;

  constructor(features: number, hidden: number, outputs: number, rng: Rng) {
    super();
    this.hidden = new Linear(features, hidden, chainerInit(rng));
    this.out = new Linear(hidden, outputs, chainerInit(rng));
  }

  forward(x: Tensor): Tensor {
    return this.out.forward(this.hidden.forward(x).relu());
  }
}

/** Wang et al. 2016, arXiv 1511.06581: Q = V + A − mean A, with a hidden layer for each of V and A. */
export class DuelingHead extends Module implements Head {
  advantage: Branch;
  value: Branch;

  constructor(features: number, actions: number, rng: Rng, hidden = 512) {
    super();
    this.advantage = new Branch(features, hidden, actions, rng);
    this.value = new Branch(features, hidden, 1, rng);
  }

  forward(features: Tensor): DiscreteValues {
    const advantage = this.advantage.forward(features);
    return new DiscreteValues(this.value.forward(features).add(advantage.sub(advantage.mean(1, true))));
  }
}

/** Evenly spaced returns that a distribution is over. */
export interface Atoms {
  count: number;
  min: number;
  max: number;
}

function atomValues({ count, min, max }: Atoms, { device }: Rng): Tensor {
  checkNumber('atoms', 'count', count, { min: 2, whole: true });
  if (!(min < max)) throw new ConfigError('out-of-range', `atoms: min ${min} must be below max ${max}`);
  return buffer(linspace(min, max, count, { device }));
}

/** Softmax over atoms for every action (Bellemare et al. 2017). */
export class DistributionalHead extends Module implements Head {
  out: Linear;
  atoms: Tensor;
  readonly #actions: number;

  constructor(features: number, actions: number, atoms: Atoms, rng: Rng) {
    super();
    this.#actions = actions;
    this.atoms = atomValues(atoms, rng);
    this.out = new Linear(features, actions * atoms.count, chainerInit(rng));
  }

  forward(features: Tensor): DistributionalValues {
    const logits = this.out.forward(features).unflatten(-1, [this.#actions, this.atoms.numel()]);
    return new DistributionalValues(logits.softmax(-1), this.atoms);
  }
}

/**
 * Rainbow's (Hessel et al. 2018, arXiv 1710.02298): one hidden layer whose halves make the atoms' logits of the advantages and
 * of the value; softmax(V + A − mean A) over the atoms.
 */
export class DistributionalDuelingHead extends Module implements Head {
  main: Linear;
  advantage: Linear;
  value: Linear;
  atoms: Tensor;
  readonly #actions: number;

  constructor(features: number, actions: number, atoms: Atoms, rng: Rng, hidden = 1024) {
    super();
    checkNumber('DistributionalDuelingHead', 'hidden / 2', hidden / 2, { min: 1, whole: true });
    this.#actions = actions;
    this.atoms = atomValues(atoms, rng);
    this.main = new Linear(features, hidden, chainerInit(rng));
    this.advantage = new Linear(hidden / 2, actions * atoms.count, chainerInit(rng));
    this.value = new Linear(hidden / 2, atoms.count, chainerInit(rng));
  }

  forward(features: Tensor): DistributionalValues {
    const [left, right] = this.main.forward(features).relu().chunk(2, 1);
    const advantage = this.advantage.forward(left!).unflatten(-1, [this.#actions, this.atoms.numel()]);
    const value = this.value.forward(right!).unsqueeze(1);
    const logits = value.add(advantage.sub(advantage.mean(1, true)));
    return new DistributionalValues(logits.softmax(-1), this.atoms);
  }
}

/** NAF's: μ by tanh in the action box, P = L Lᵀ with L lower-triangular and its diagonal exponentials. */
export class QuadraticHead extends Module implements Head {
  mu: Linear;
  v: Linear;
  diagonal: Linear;
  below: Linear | null;
  readonly #space: Box;
  readonly #scale: Float32Array;
  readonly #centre: Float32Array;
  /** Where the elements below the diagonal stand in [D · D], row by row. */
  readonly #places: BigInt64Array;

  constructor(features: number, space: Box, rng: Rng) {
    super();
    const size = space.low.length;
    if (![...space.low, ...space.high].every(Number.isFinite))
      throw new ConfigError('unbounded-actions', `a quadratic Q-function needs a bounded action box, got ${space}`);
    this.#space = space;
    this.#scale = Float32Array.from(space.low, (low, k) => (space.high[k]! - low) / 2);
    this.#centre = Float32Array.from(space.low, (low, k) => (space.high[k]! + low) / 2);
    this.mu = new Linear(features, size, chainerInit(rng));
    this.v = new Linear(features, 1, chainerInit(rng));
    this.diagonal = new Linear(features, size, chainerInit(rng));
    this.below = size === 1 ? null : new Linear(features, (size * (size - 1)) / 2, chainerInit(rng));
    const places: bigint[] = [];
    for (let row = 1; row < size; row++)
      for (let column = 0; column < row; column++) places.push(BigInt(row * size + column));
    this.#places = BigInt64Array.from(places);
  }

  forward(features: Tensor): QuadraticValues {
    const [scale, centre] = [this.#scale, this.#centre].map((each) =>
      fromBytes(each, 'float32', [1, each.length]).to(features.device),
    );
    const mu = this.mu.forward(features).tanh().mul(scale!).add(centre!);
    const lower = this.#lower(features);
    return new QuadraticValues(
      mu,
      lower.matmul(lower.transpose(1, 2)),
      this.v.forward(features).squeeze(1),
      this.#space,
    );
  }

  /** L [B, D, D] */
  #lower(features: Tensor): Tensor {
    const diagonal = this.diagonal.forward(features).exp();
    const [batch, size] = diagonal.shape as [number, number];
    const onDiagonal = diagonal.unsqueeze(-1).mul(onDevice(eyeOf(size), features.device));
    if (!this.below) return onDiagonal;
    const places = onDevice(fromBytes(this.#places, 'int64', [1, this.#places.length]), features.device);
    const flat = onDiagonal
      .flatten(1)
      .scatter(1, places.expand([batch, this.#places.length]), this.below.forward(features));
    return flat.unflatten(1, [size, size]);
  }
}

const eyeOf = (size: number): Tensor =>
  fromBytes(
    Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0)),
    'float32',
    [size, size],
  );
