// Prioritized replay (Schaul et al. 2016, arXiv 1511.05952) with ChainerRL's semantics: windows are drawn by how far off their
// prediction was; a new one has the highest priority so far; one that was drawn counts 0 until its new priority comes, so that a
// batch has none twice; and what is drawn more often weighs less.
import type { State } from '../../store/index.ts';
import { fromBytes, type Tensor } from '../../torch/index.ts';
import type { Batch } from './batch.ts';
import { Importance, type ImportanceOptions } from './importance.ts';
import { type Drawn, Priorities } from './priorities.ts';
import { ReplayBuffer, type ReplayOptions } from './replay-buffer.ts';
import type { ReplayState } from './row-ring.ts';

export type PrioritizedReplayOptions = ReplayOptions & ImportanceOptions;

export class PrioritizedReplayBuffer extends ReplayBuffer {
  readonly #importance: Importance;
  readonly #priorities: Priorities;

  constructor(options: PrioritizedReplayOptions) {
    const { alpha, beta, betaSteps, eps, normalize, errorMin, errorMax, ...rest } = options;
    super(rest);
    const given = Object.entries({ alpha, beta, betaSteps, eps, normalize, errorMin, errorMax });
    this.#importance = new Importance(Object.fromEntries(given.filter(([, value]) => value !== undefined)));
    this.#priorities = new Priorities(this.flags.length);
  }

  /** β as it is now. */
  get beta(): number {
    return this.#importance.beta;
  }

  protected override windowReady(slot: number): void {
    this.#priorities.put(slot);
  }

  protected override windowLost(slot: number): void {
    this.#priorities.remove(slot);
  }

  protected override take(size: number, gamma: number): Batch {
    const { places, probabilities, least }: Drawn = this.#priorities.draw(size, this.rng);
    return this.gather(places, gamma, this.#importance.weights(probabilities, least, this.length));
  }

  override learned(errors: () => Tensor): void {
    this.setErrors(errors().data() as Float32Array);
  }

  /** How far off the predictions of the last sample were, in its order. */
  setErrors(errors: ArrayLike<number>): void {
    this.#priorities.judge(Array.from(errors, (error) => this.#importance.priority(error)));
  }

  override state(): ReplayState {
    const { tensors, state } = super.state();
    const { leaves, max } = this.#priorities.state;
    return {
      tensors: [...tensors, ['priorities', fromBytes(leaves, 'float64', [leaves.length])]],
      state: { ...(state as object), max, beta: this.beta } as State,
    };
  }

  override loadState(saved: ReplayState): void {
    super.loadState(saved);
    const { max, beta } = saved.state as { max: number; beta: number };
    const leaves = new Map(saved.tensors).get('priorities')!.data() as Float64Array;
    this.#priorities.state = { leaves, max };
    this.#importance.beta = beta;
  }
}
