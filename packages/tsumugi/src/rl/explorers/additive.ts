// Noise on continuous actions: independent, or an Ornstein–Uhlenbeck process (Lillicrap et al. 2016, arXiv 1509.02971), which
// drifts. What comes out is clipped to the action box.
import { checkNumber, invariant, type RandomStream } from '../../base/index.ts';
import type { State } from '../../store/index.ts';
import type { Action } from '../environment.ts';
import type { Box } from '../spaces/index.ts';
import type { Explorer } from './explorer.ts';
import { standardNormal } from './normal.ts';

function noisy(greedy: Action, noise: (element: number) => number, box: Box): Float32Array {
  invariant(typeof greedy !== 'number', 'noise is added to continuous actions');
  return box.clip(greedy.map((value, k) => value + noise(k)));
}

/** A number for each dimension of the box. */
function ofEach(owner: string, name: string, given: number | readonly number[], { low }: Box): Float64Array {
  const each = typeof given === 'number' ? Array.from(low, () => given) : given;
  invariant(each.length === low.length, `${owner}: ${name} has a number for each of ${low.length} dimensions`);
  return Float64Array.from(each, (value) => checkNumber(owner, name, value, { min: 0 }));
}

/** a + N(0, scale²) */
export class AdditiveGaussian implements Explorer {
  readonly #scales: Float64Array;
  readonly #space: Box;
  readonly #rng: RandomStream;

  /** @param scale of all dimensions, or of each */
  constructor(scale: number | readonly number[], space: Box, rng: RandomStream) {
    this.#scales = ofEach('AdditiveGaussian', 'scale', scale, space);
    this.#space = space;
    this.#rng = rng;
  }

  select(_t: number, _environment: number, greedy: Action): Action {
    return noisy(greedy, (k) => this.#scales[k]! * standardNormal(this.#rng), this.#space);
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
  /** Standard deviation of its steps, of all dimensions or of each; 0.3 when left out. */
  sigma?: number | readonly number[];
  /** Whether it begins at `mu` instead of its stationary distribution. */
  startWithMu?: boolean;
}

/**
 * a + x with x ← x + θ(μ − x) + N(0, σ²), one process for each environment. At first x is of the stationary distribution
 * N(μ, σ² / (2θ − θ²)); it goes on over the ends of episodes.
 */
export class AdditiveOU implements Explorer {
  readonly #options: Required<Omit<OUOptions, 'sigma'>>;
  readonly #sigmas: Float64Array;
  readonly #space: Box;
  readonly #rng: RandomStream;
  readonly #processes: Float64Array[] = [];

  constructor(options: OUOptions, space: Box, rng: RandomStream) {
    const { sigma = 0.3, ...others } = options;
    this.#options = { mu: 0, theta: 0.15, startWithMu: false, ...others };
    const { mu, theta } = this.#options;
    checkNumber('AdditiveOU', 'mu', mu, {});
    checkNumber('AdditiveOU', 'theta', theta, { above: 0, below: 2 });
    this.#sigmas = ofEach('AdditiveOU', 'sigma', sigma, space);
    this.#space = space;
    this.#rng = rng;
  }

  select(_t: number, environment: number, greedy: Action): Action {
    const x = this.#next(environment);
    return noisy(greedy, (k) => x[k]!, this.#space);
  }

  #next(environment: number): Float64Array {
    const { mu, theta, startWithMu } = this.#options;
    const sigmas = this.#sigmas;
    const before = this.#processes[environment];
    if (before) {
      for (let k = 0; k < before.length; k++)
        before[k]! += theta * (mu - before[k]!) + sigmas[k]! * standardNormal(this.#rng);
      return before;
    }
    const first = Float64Array.from(this.#space.low, (_, k) => {
      const spread = startWithMu ? 0 : sigmas[k]! / Math.sqrt(2 * theta - theta ** 2);
      return spread === 0 ? mu : mu + spread * standardNormal(this.#rng);
    });
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
