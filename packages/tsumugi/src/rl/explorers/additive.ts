// Noise on continuous actions: independent, or an Ornstein–Uhlenbeck process (Lillicrap et al. 2016, arXiv 1509.02971), which
// drifts. What comes out is clipped to the action box.
import { checkNumber, checkNumbers, invariant, type RandomStream } from '../../base/index.ts';
import type { State } from '../../store/index.ts';
import type { Action } from '../environment.ts';
import type { Box } from '../spaces/index.ts';
import type { Explorer } from './explorer.ts';
import { standardNormal } from './normal.ts';

function noisy(greedy: Action, noise: (element: number) => number, { low, high }: Box): Float32Array {
  invariant(typeof greedy !== 'number', 'noise is added to continuous actions');
  return greedy.map((value, k) => Math.min(high[k]!, Math.max(low[k]!, value + noise(k))));
}

/** a + N(0, scale²) */
export class AdditiveGaussian implements Explorer {
  readonly #scale: number;
  readonly #space: Box;
  readonly #rng: RandomStream;

  constructor(scale: number, space: Box, rng: RandomStream) {
    this.#scale = checkNumber('AdditiveGaussian', 'scale', scale, { min: 0 });
    this.#space = space;
    this.#rng = rng;
  }

  select(_t: number, _environment: number, greedy: Action): Action {
    return noisy(greedy, () => this.#scale * standardNormal(this.#rng), this.#space);
  }

  state(): State {
    return this.#rng.state;
  }

  loadState(state: State): void {
    this.#rng.state = state as number[];
  }
}

export interface OUOptions {
  /** Where the process drifts to; 0 when left out. */
  mu?: number;
  /** How fast; 0.15 when left out. */
  theta?: number;
  /** Standard deviation of its steps; 0.3 when left out. */
  sigma?: number;
  /** Whether it begins at `mu` instead of its stationary distribution. */
  startWithMu?: boolean;
}

/**
 * a + x with x ← x + θ(μ − x) + N(0, σ²), one process for each environment. At first x is of the stationary distribution
 * N(μ, σ² / (2θ − θ²)); it goes on over the ends of episodes.
 */
export class AdditiveOU implements Explorer {
  readonly #options: Required<OUOptions>;
  readonly #space: Box;
  readonly #rng: RandomStream;
  readonly #processes: Float64Array[] = [];

  constructor(options: OUOptions, space: Box, rng: RandomStream) {
    this.#options = { mu: 0, theta: 0.15, sigma: 0.3, startWithMu: false, ...options };
    const { mu, theta, sigma } = this.#options;
    checkNumber('AdditiveOU', 'mu', mu, {});
    checkNumber('AdditiveOU', 'theta', theta, { above: 0, below: 2 });
    checkNumbers('AdditiveOU', { sigma }, { min: 0 });
    this.#space = space;
    this.#rng = rng;
  }

  select(_t: number, environment: number, greedy: Action): Action {
    const x = this.#next(environment);
    return noisy(greedy, (k) => x[k]!, this.#space);
  }

  #next(environment: number): Float64Array {
    const { mu, theta, sigma, startWithMu } = this.#options;
    const before = this.#processes[environment];
    if (before) {
      for (let k = 0; k < before.length; k++)
        before[k]! += theta * (mu - before[k]!) + sigma * standardNormal(this.#rng);
      return before;
    }
    const spread = startWithMu ? 0 : sigma / Math.sqrt(2 * theta - theta ** 2);
    const first = Float64Array.from(this.#space.low, () =>
      spread === 0 ? mu : mu + spread * standardNormal(this.#rng),
    );
    this.#processes[environment] = first;
    return first;
  }

  state(): State {
    return { rng: this.#rng.state, processes: this.#processes.map((each) => [...each]) };
  }

  loadState(state: State): void {
    const { rng, processes } = state as { rng: number[]; processes: number[][] };
    this.#rng.state = rng;
    this.#processes.splice(0, this.#processes.length, ...processes.map((each) => Float64Array.from(each)));
  }
}
