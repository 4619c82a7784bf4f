// ABC, ChainerRL's toy environment for tests of learning: in state n the right action is n. The last right action gives a
// reward of 1 and ends the episode (`episodic`) or leads back to state 0; a wrong one ends it without reward, or changes
// nothing. The best return of an episode is 1.
import { checkNumber, checkOptions } from '../../../base/index.ts';
import type { ActionLike, Info, StepResult } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import { Box, Discrete, type Space } from '../../spaces/index.ts';
import { noOptions } from '../no-options.ts';
import { NO_INFO, Task } from '../task.ts';

export interface AbcOptions {
  /** Number of states and actions. */
  size?: number;
  /** Otherwise an action is an array whose elements are logits. */
  discrete?: boolean;
  episodic?: boolean;
  /** The observation is shifted by 0 or 1, which is drawn for each episode: what came before tells by how much. */
  partiallyObservable?: boolean;
  /** Logits stand for the largest one, instead of one drawn from their softmax; shifts alternate. */
  deterministic?: boolean;
}

const MAX_SHIFT = 1;

export class Abc extends Task<Float32Array> {
  readonly id = 'ABC-v0';
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  readonly #size: number;
  readonly #options: Required<Omit<AbcOptions, 'size' | 'discrete'>>;
  #state = 0;
  #shift = 0;

  constructor(options: AbcOptions = {}) {
    super();
    checkOptions<AbcOptions>(this.id, options, {
      size: true,
      discrete: true,
      episodic: true,
      partiallyObservable: true,
      deterministic: true,
    });
    const { size = 2, discrete = true, episodic = true, partiallyObservable = false, deterministic = false } = options;
    this.#size = checkNumber(this.id, 'size', size, { min: 1, whole: true });
    this.#options = { episodic, partiallyObservable, deterministic };
    // One more place for the state after the last one, and one for the shift.
    this.observationSpace = new Box(0, 1, [size + 1 + MAX_SHIFT]);
    this.actionSpace = discrete ? new Discrete(size) : new Box(-1, 1, [size]);
  }

  protected begin(rng: NumpyRandom, options: Readonly<Record<string, unknown>>): Info {
    noOptions(`${this.id}: reset`, options);
    this.#state = 0;
    const { partiallyObservable, deterministic } = this.#options;
    if (partiallyObservable)
      this.#shift = deterministic ? (this.#shift + 1) % (MAX_SHIFT + 1) : rng.integers(0, MAX_SHIFT + 1);
    return NO_INFO;
  }

  protected advance(action: ActionLike, rng: NumpyRandom): StepResult<Float32Array> {
    const chosen = typeof action === 'number' ? action : this.#choose(Float64Array.from(action), rng);
    const isRight = chosen === this.#state;
    const isLast = isRight && this.#state === this.#size - 1;
    const { episodic } = this.#options;
    if (isRight) this.#state = isLast && !episodic ? 0 : this.#state + 1;
    else if (episodic) this.#state = this.#size;
    const terminated = episodic && (isLast || !isRight);
    const reward = isLast ? 1 : 0;
    return { observation: this.observation(), reward, terminated, truncated: false, info: NO_INFO };
  }

  #choose(logits: Float64Array, rng: NumpyRandom): number {
    const largest = Math.max(...logits);
    if (this.#options.deterministic) return logits.indexOf(largest);
    const weights = logits.map((logit) => Math.exp(logit - largest));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return rng.categorical(weights.map((weight) => weight / sum));
  }

  protected observation(): Float32Array {
    const seen = new Float32Array(this.#size + 1 + MAX_SHIFT);
    seen[this.#state + this.#shift] = 1;
    return seen;
  }

  protected saveState(): unknown {
    return [this.#state, this.#shift];
  }

  protected loadState(state: unknown): void {
    [this.#state, this.#shift] = state as [number, number];
  }
}
