// Episodes drawn by priority, with ChainerRL's semantics: a new one has a priority that follows from its rewards, or the highest
// so far; some draws may be uniform; errors are not clipped.
import { checkNumber } from '../../base/index.ts';
import type { State } from '../../store/index.ts';
import { fromBytes } from '../../torch/index.ts';
import { type Episode, type EpisodeBatch, EpisodicReplayBuffer, type EpisodicReplayOptions } from './episodic.ts';
import { Importance, type ImportanceOptions } from './importance.ts';
import { Priorities } from './priorities.ts';
import type { ReplayState } from './row-ring.ts';

export interface PrioritizedEpisodicReplayOptions extends EpisodicReplayOptions, ImportanceOptions {
  /** The priority of a new episode, above 0, by its rewards; the highest so far when left out. */
  priorityOf?: (rewards: Float32Array) => number;
  /** Share of the draws that are uniform; 0 when left out. */
  uniformRatio?: number;
  /** Whether errors follow every draw (when left out), or priorities stay as they began. */
  judged?: boolean;
}

export class PrioritizedEpisodicReplayBuffer extends EpisodicReplayBuffer {
  readonly #importance: Importance;
  readonly #priorities: Priorities;
  readonly #priorityOf: ((rewards: Float32Array) => number) | undefined;
  readonly #uniformRatio: number;
  readonly #judged: boolean;
  /** An episode's place among the priorities is where its first row is. */
  readonly #byPlace = new Map<number, Episode>();

  constructor(options: PrioritizedEpisodicReplayOptions) {
    const { alpha, beta, betaSteps, eps, normalize, errorMin, errorMax, ...rest } = options;
    const { priorityOf, uniformRatio = 0, judged = true, ...own } = rest;
    super(own);
    const given = Object.entries({ alpha, beta, betaSteps, eps, normalize, errorMin, errorMax });
    const defaults = { eps: 1e-8, errorMin: null, errorMax: null };
    const chosen = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    this.#importance = new Importance({ ...defaults, ...chosen });
    this.#priorities = new Priorities(this.flags.length);
    this.#priorityOf = priorityOf;
    this.#uniformRatio = checkNumber('prioritized replay', 'uniformRatio', uniformRatio, { min: 0, max: 1 });
    this.#judged = judged;
  }

  /** β as it is now. */
  get beta(): number {
    return this.#importance.beta;
  }

  #placeOf({ stream, first }: Episode): number {
    return this.slot(this.streams[stream]!, first);
  }

  #rewardsOf({ stream, first, length }: Episode): Float32Array {
    return Float32Array.from({ length }, (_, t) => this.rewards[this.slot(this.streams[stream]!, first + t)]!);
  }

  protected override episodeReady(episode: Episode): void {
    const place = this.#placeOf(episode);
    this.#byPlace.set(place, episode);
    this.#priorities.put(place, this.#priorityOf?.(this.#rewardsOf(episode)));
  }

  protected override episodeLost(episode: Episode): void {
    const place = this.#placeOf(episode);
    this.#byPlace.delete(place);
    this.#priorities.remove(place);
  }

  protected override takeEpisodes(size: number, maxLength: number): EpisodeBatch {
    const places = this.episodes.map((episode) => this.#placeOf(episode));
    const uniform = this.#uniformRatio === 0 ? undefined : { share: this.#uniformRatio, places };
    const drawn = this.#priorities.draw(size, this.rng, uniform);
    if (!this.#judged) this.#priorities.putBack();
    const weights = this.#importance.weights(drawn.probabilities, drawn.least, this.numEpisodes);
    const episodes = Array.from(drawn.places, (place) => this.#byPlace.get(place)!);
    return this.gatherEpisodes(episodes, maxLength, weights);
  }

  /** How far off the predictions of the last sample were, for each episode in its order. */
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
    this.#priorities.state = { leaves: new Map(saved.tensors).get('priorities')!.data() as Float64Array, max };
    this.#importance.beta = beta;
    this.#byPlace.clear();
    for (const episode of this.episodes) this.#byPlace.set(this.#placeOf(episode), episode);
  }
}
