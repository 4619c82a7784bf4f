// Replay of episodes, for agents with a memory and for those that learn from trajectories: what is drawn are stretches of steps
// that followed one another. An episode can be drawn once it is over; when room is needed the oldest one goes as a whole.
import { checkNumber, type RandomStream, UserError } from '../../base/index.ts';
import type { State } from '../../store/index.ts';
import type { ObservationRows } from '../observation-input.ts';
import { type ReplayState, type RowOptions, RowRing, type Stream, TERMINATES } from './row-ring.ts';

export interface EpisodicReplayOptions extends RowOptions {
  /** Draws the samples. */
  rng: RandomStream;
}

/** A finished episode: rows `first` … `first + length` of a stream, the last without a step. */
export interface Episode {
  stream: number;
  first: number;
  /** Steps. */
  length: number;
}

/** B stretches of up to T steps, time first; what is behind a stretch's end is 0. */
export interface EpisodeBatch {
  readonly size: number;
  /** The longest stretch (T). */
  readonly length: number;
  /** Steps of each. [B] */
  readonly lengths: Int32Array;
  /** Also that after the last step. [T + 1, B, width] */
  readonly observations: ObservationRows;
  /** [T, B], or [T, B, elements] */
  readonly actions: Int32Array | Float32Array;
  /** [T, B] */
  readonly rewards: Float32Array;
  /** Whether the task ended with the step: 0 or 1. [T, B] */
  readonly terminated: Uint8Array;
  /** By name: [T, B, numbers]. */
  readonly extras: Readonly<Record<string, Float32Array>>;
  /** Of importance sampling [B], where episodes are prioritized. */
  readonly weights: Float32Array | undefined;
}

export class EpisodicReplayBuffer extends RowRing {
  protected readonly rng: RandomStream;
  /** Finished ones, in the order in which they finished. */
  protected readonly episodes: Episode[] = [];
  /** Of each stream: the first row of the episode that is going on. */
  readonly #going: number[];
  #length = 0;

  constructor(options: EpisodicReplayOptions) {
    super('episodic replay', options);
    this.rng = options.rng;
    this.#going = this.streams.map(() => 0);
  }

  /** Steps of finished episodes. */
  get length(): number {
    return this.#length;
  }

  get numEpisodes(): number {
    return this.episodes.length;
  }

  /** An episode can be drawn from now on. */
  protected episodeReady(_episode: Episode): void {}
  /** An episode cannot be drawn any more. */
  protected episodeLost(_episode: Episode): void {}

  protected override stepAdded(stream: Stream, row: number, ended: boolean): void {
    if (ended) this.#finish(stream, row);
  }

  protected override episodeCut(stream: Stream, row: number): void {
    this.#finish(stream, row);
  }

  #finish(stream: Stream, lastStep: number): void {
    const i = this.streams.indexOf(stream);
    // The beginning of an episode that is longer than the ring is gone.
    const first = Math.max(this.#going[i]!, this.#whole(stream, this.#going[i]!));
    this.#going[i] = lastStep + 2;
    const length = lastStep + 1 - first;
    if (length < 1) return;
    const episode = { stream: i, first, length };
    this.episodes.push(episode);
    this.#length += length;
    this.episodeReady(episode);
  }

  /** The first row from `from` on whose stack is there. */
  #whole(stream: Stream, from: number): number {
    let row = Math.max(from, this.oldest(stream));
    while (row < stream.head && !this.isWhole(stream, row)) row++;
    return row;
  }

  protected override rowLost(stream: Stream, row: number): void {
    const i = this.streams.indexOf(stream);
    const at = this.episodes.findIndex((episode) => episode.stream === i);
    if (at < 0 || this.episodes[at]!.first > row) return;
    const [lost] = this.episodes.splice(at, 1);
    this.#length -= lost!.length;
    this.episodeLost(lost!);
  }

  /**
   * Draws episodes, each at most once, and of those that are longer than `maxLength` steps a stretch of so many.
   *
   * @throws UserError when there are fewer episodes
   */
  sampleEpisodes(size: number, maxLength = Infinity): EpisodeBatch {
    checkNumber('episodic replay', 'maxLength', maxLength, { min: 1, infinite: true });
    if (size > this.numEpisodes)
      throw new UserError(
        'too-few-samples',
        `replay: a sample of ${size} episodes needs as many, there are ${this.numEpisodes}`,
      );
    return this.takeEpisodes(size, maxLength);
  }

  protected takeEpisodes(size: number, maxLength: number): EpisodeBatch {
    const chosen = new Set<number>();
    while (chosen.size < size) chosen.add(this.rng.below(this.numEpisodes));
    return this.gatherEpisodes(
      [...chosen].map((at) => this.episodes[at]!),
      maxLength,
    );
  }

  protected gatherEpisodes(episodes: readonly Episode[], maxLength: number, weights?: Float32Array): EpisodeBatch {
    const stretches = episodes.map(({ stream, first, length }) => {
      const steps = Math.min(length, maxLength);
      return { stream: this.streams[stream]!, from: first + this.rng.below(length - steps + 1), steps };
    });
    const size = stretches.length;
    const length = Math.max(...stretches.map(({ steps }) => steps));
    const { actionWidth } = this;
    const observations = this.input.rows((length + 1) * size);
    const actions = this.isDiscrete ? new Int32Array(length * size) : new Float32Array(length * size * actionWidth);
    const rewards = new Float32Array(length * size);
    const terminated = new Uint8Array(length * size);
    const extras = Object.fromEntries(
      Object.entries(this.extraWidths).map(([name, width]) => [name, new Float32Array(length * size * width)]),
    );
    stretches.forEach(({ stream, from, steps }, b) => {
      for (let t = 0; t <= steps; t++) {
        const at = t * size + b;
        this.copyObservation(stream, from + t, observations, at);
        if (t === steps) break;
        const slot = this.slot(stream, from + t);
        for (let k = 0; k < actionWidth; k++) actions[at * actionWidth + k] = this.actions[slot * actionWidth + k]!;
        rewards[at] = this.rewards[slot]!;
        terminated[at] = this.flags[slot]! & TERMINATES ? 1 : 0;
        for (const [name, width] of Object.entries(this.extraWidths))
          extras[name]!.set(this.extras[name]!.subarray(slot * width, (slot + 1) * width), at * width);
      }
    });
    const lengths = Int32Array.from(stretches, ({ steps }) => steps);
    return { size, length, lengths, observations, actions, rewards, terminated, extras, weights };
  }

  override state(): ReplayState {
    const { tensors, state } = super.state();
    const own = {
      episodes: this.episodes.map((episode) => ({ ...episode })),
      going: [...this.#going],
      length: this.#length,
      rng: this.rng.state,
    };
    return { tensors, state: { ...(state as object), ...own } as State };
  }

  override loadState(saved: ReplayState): void {
    super.loadState(saved);
    const { episodes, going, length, rng } = saved.state as unknown as {
      episodes: Episode[];
      going: number[];
      length: number;
      rng: number[];
    };
    this.episodes.splice(0, this.episodes.length, ...episodes.map((episode) => ({ ...episode })));
    this.#going.splice(0, this.#going.length, ...going);
    this.#length = length;
    this.rng.state = rng;
  }
}
