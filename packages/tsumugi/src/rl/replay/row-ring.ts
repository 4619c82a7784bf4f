// What replay buffers keep: rows of typed arrays in rings, one ring ("stream") for each environment, whose episodes follow
// one another in it. A row is an observation and the step that was taken on it; an episode of L steps has L + 1 rows, the last
// of which has no step. So an observation is stored once, and what is sampled – windows of steps, episodes, stacks of frames –
// is derived from neighbouring rows.
import { CheckpointError, ConfigError, checkNumber, invariant, UserError } from '../../base/index.ts';
import { formatBytes, formatInteger } from '../../run/index.ts';
import type { State } from '../../store/index.ts';
import { fromBytes, type Tensor } from '../../torch/index.ts';
import type { Outcome } from '../agent.ts';
import type { Action, Observation } from '../environment.ts';
import { ObservationInput, type ObservationRows } from '../observation-input.ts';
import type { Discrete, Space } from '../spaces/index.ts';

export interface RowOptions {
  /** Rows of all streams together: a step is one, and the observation after an episode's last step another. */
  capacity: number;
  observationSpace: Space;
  actionSpace: Space;
  /** How many environments write, each a stream of its own; 1 when left out. */
  environments?: number;
  /**
   * Observations are stacks of so many frames along their first dimension, newest last, and at an episode's start the first
   * frame repeated: only the newest is stored, and stacks are put together again when sampled. 1 when left out.
   */
  stack?: number;
  /** Further float32 numbers of a step by name, and how many there are of each: a recurrent state, probabilities. */
  extras?: Readonly<Record<string, number>>;
}

/** What a step has besides, by the names of `extras`. */
export type Extras = Readonly<Record<string, ArrayLike<number>>>;

/** Of a row: whether a step was taken on it, whether that ended the episode, and whether the task itself ended then. */
export const HAS_STEP = 1;
export const ENDS = 2;
export const TERMINATES = 4;

/** One environment's rows. Rows are counted from the first ever written; row r is at `base + r % capacity`. */
export interface Stream {
  readonly base: number;
  /** Rows written so far. */
  head: number;
  /** Whether the last row waits for its step: the episode goes on. */
  isOpen: boolean;
}

/** What a ring is saved as. */
export interface ReplayState {
  tensors: readonly (readonly [string, Tensor])[];
  state: State;
}

/** Copies `width` elements; a loop is faster than making views of a few. */
function copyRow(from: ArrayLike<number>, at: number, to: ObservationRows, target: number, width: number): void {
  if (width > 64) to.set((from as Float32Array).subarray(at, at + width), target);
  else for (let i = 0; i < width; i++) to[target + i] = from[at + i]!;
}

/** Room for frames. @throws UserError where the machine has not that much: replay of pictures is soon larger than memory */
function allocated<A extends ObservationRows>(
  owner: string,
  frames: (new (length: number) => A) & { BYTES_PER_ELEMENT: number },
  rows: number,
  width: number,
): A {
  try {
    return new frames(rows * width);
  } catch (error) {
    const bytes = rows * width * frames.BYTES_PER_ELEMENT;
    throw new UserError(
      'too-large',
      `${owner}: ${formatInteger(rows)} rows of ${formatInteger(width)} numbers take ${formatBytes(bytes)}, which cannot be had`,
      {
        remedy: 'Lower capacity; for stacks of frames say how many there are (stack), so that each is kept once.',
        fields: { rows, width, bytes },
        cause: error,
      },
    );
  }
}

export abstract class RowRing {
  /** How observations are stored and become tensors. */
  readonly input: ObservationInput;
  readonly actionWidth: number;
  readonly isDiscrete: boolean;
  /** Rows in all. */
  readonly capacity: number;
  /** Rows of each stream. */
  readonly streamCapacity: number;
  readonly stack: number;
  readonly extraWidths: Readonly<Record<string, number>>;

  /** Frames. */
  protected readonly observations: ObservationRows;
  protected readonly actions: Int32Array | Float32Array;
  protected readonly rewards: Float32Array;
  protected readonly flags: Uint8Array;
  /** Steps since the episode's start. */
  protected readonly ages: Int32Array;
  protected readonly extras: Readonly<Record<string, Float32Array>>;
  protected readonly streams: readonly Stream[];
  readonly #frameWidth: number;
  readonly #actionStart: number;

  protected constructor(owner: string, options: RowOptions) {
    const { capacity, observationSpace, actionSpace, environments = 1, stack = 1, extras = {} } = options;
    checkNumber(owner, 'environments', environments, { min: 1, whole: true });
    checkNumber(owner, 'capacity', capacity, { min: 2 * environments, whole: true });
    checkNumber(owner, 'stack', stack, { min: 1, whole: true });
    for (const [name, width] of Object.entries(extras)) checkNumber(owner, name, width, { min: 1, whole: true });
    this.input = new ObservationInput(observationSpace);
    if (this.input.shape[0] === undefined || this.input.width % stack !== 0 || this.input.shape[0] % stack !== 0)
      throw new ConfigError('bad-option', `${owner}: ${observationSpace} is no stack of ${stack} frames`, {
        remedy: 'A stack has the frames along its first dimension; write stack: 1 where there is none.',
      });
    this.capacity = capacity;
    this.streamCapacity = Math.floor(capacity / environments);
    this.stack = stack;
    this.extraWidths = extras;
    this.isDiscrete = actionSpace.kind === 'Discrete';
    this.#actionStart = this.isDiscrete ? (actionSpace as Discrete).start : 0;
    this.actionWidth = this.isDiscrete ? 1 : actionSpace.shape.reduce((product, length) => product * length, 1);
    this.#frameWidth = this.input.width / stack;
    const rows = this.streamCapacity * environments;
    const frames = this.input.rows(0).constructor as (new (
      length: number,
    ) => ObservationRows) & { BYTES_PER_ELEMENT: number };
    this.observations = allocated(owner, frames, rows, this.#frameWidth);
    this.actions = this.isDiscrete ? new Int32Array(rows) : new Float32Array(rows * this.actionWidth);
    this.rewards = new Float32Array(rows);
    this.flags = new Uint8Array(rows);
    this.ages = new Int32Array(rows);
    this.extras = Object.fromEntries(
      Object.entries(extras).map(([name, width]) => [name, new Float32Array(rows * width)]),
    );
    this.streams = Array.from({ length: environments }, (_, i) => ({
      base: i * this.streamCapacity,
      head: 0,
      isOpen: false,
    }));
  }

  /** Every row is taken: whatever is added from now on replaces something. */
  get isFull(): boolean {
    return this.streams.every(({ head }) => head >= this.streamCapacity);
  }

  /** A step was taken at `row`, whose successor `row + 1` is written. */
  protected abstract stepAdded(stream: Stream, row: number, ended: boolean): void;
  /** An episode was cut after its last step at `row`. */
  protected abstract episodeCut(stream: Stream, row: number): void;
  /** A row is about to be overwritten. */
  protected abstract rowLost(stream: Stream, row: number): void;

  /** Where a row of a stream is in the columns. */
  protected slot(stream: Stream, row: number): number {
    return stream.base + (row % this.streamCapacity);
  }

  /** The oldest row of a stream that is still there. */
  protected oldest(stream: Stream): number {
    return Math.max(0, stream.head - this.streamCapacity);
  }

  /**
   * Adds a step of environment `i`.
   *
   * @param observation what was acted on; needed at an episode's start, and otherwise what the step before led to
   */
  add(i: number, observation: Observation, action: Action, outcome: Outcome, extras?: Extras): void {
    const stream = this.streams[i];
    invariant(stream, `replay of ${this.streams.length} environments has no ${i}`);
    if (!stream.isOpen) this.#write(stream, observation, 0);
    const row = stream.head - 1;
    const slot = this.slot(stream, row);
    if (typeof action === 'number') this.actions[slot] = action - this.#actionStart;
    else this.actions.set(action, slot * this.actionWidth);
    this.rewards[slot] = outcome.reward;
    for (const [name, width] of Object.entries(this.extraWidths)) {
      const values = extras?.[name];
      invariant(values?.length === width, `a step has ${width} numbers of "${name}"`);
      this.extras[name]!.set(values!, slot * width);
    }
    const ended = outcome.terminated || outcome.truncated;
    this.flags[slot] = HAS_STEP | (ended ? ENDS : 0) | (outcome.terminated ? TERMINATES : 0);
    this.#write(stream, outcome.next, this.ages[slot]! + 1);
    stream.isOpen = !ended;
    this.stepAdded(stream, row, ended);
  }

  /** Ends the episode of environment `i` where it is, as a time limit does: a run that goes on may begin a new one. */
  cut(i: number): void {
    const stream = this.streams[i]!;
    if (!stream.isOpen) return;
    stream.isOpen = false;
    const row = stream.head - 2;
    this.flags[this.slot(stream, row)]! |= ENDS;
    this.episodeCut(stream, row);
  }

  #write(stream: Stream, observation: Observation, age: number): void {
    if (stream.head >= this.streamCapacity) this.rowLost(stream, stream.head - this.streamCapacity);
    const slot = this.slot(stream, stream.head++);
    this.flags[slot] = 0;
    this.ages[slot] = age;
    if (this.stack === 1) this.input.write(observation, this.observations, slot);
    else this.#writeFrame(observation as Float32Array, slot, age === 0);
  }

  /** The newest frame; at an episode's start the others must be the same, as they are put together from it. */
  #writeFrame(stacked: Float32Array | Uint8Array, slot: number, isFirst: boolean): void {
    const width = this.#frameWidth;
    invariant(stacked.length === this.input.width, `an observation of ${this.input.width} elements`);
    const newest = stacked.subarray(stacked.length - width);
    this.observations.set(newest, slot * width);
    if (!isFirst) return;
    for (let i = 0; i < stacked.length - width; i++)
      if (stacked[i] !== newest[i % width])
        throw new UserError('bad-stack', "replay: an episode's first stack has frames that differ", {
          remedy: 'Stacks must repeat the first frame at the start; write stack: 1 to store them as they are.',
        });
  }

  /** Writes the observation of a row, as a stack where there are stacks, to place `at`. */
  protected copyObservation(stream: Stream, row: number, to: ObservationRows, at: number): void {
    const width = this.#frameWidth;
    const age = this.ages[this.slot(stream, row)]!;
    for (let frame = 0; frame < this.stack; frame++) {
      const from = row - Math.min(age, this.stack - 1 - frame);
      copyRow(this.observations, this.slot(stream, from) * width, to, at * this.input.width + frame * width, width);
    }
  }

  /** Whether every frame of a row's stack is still there. */
  protected isWhole(stream: Stream, row: number): boolean {
    return row - Math.min(this.ages[this.slot(stream, row)]!, this.stack - 1) >= this.oldest(stream);
  }

  /** The columns by name, with the elements of a row. */
  protected columns(): [name: string, values: ObservationRows, width: number][] {
    return [
      ['observation', this.observations, this.#frameWidth],
      ['action', this.actions, this.actionWidth],
      ['reward', this.rewards, 1],
      ['flags', this.flags, 1],
      ['age', this.ages, 1],
      ...Object.entries(this.extras).map(([name, values]): [string, Float32Array, number] => [
        `extra.${name}`,
        values,
        this.extraWidths[name]!,
      ]),
    ];
  }

  /** Everything that is kept, for a checkpoint: the rows that are filled. */
  state(): ReplayState {
    const tensors = this.streams.flatMap((stream, i) => {
      const rows = Math.min(stream.head, this.streamCapacity);
      return this.columns().map(([name, values, width]): [string, Tensor] => {
        const filled = values.subarray(stream.base * width, (stream.base + rows) * width);
        const dtype = values instanceof Float32Array ? 'float32' : values instanceof Int32Array ? 'int32' : 'uint8';
        return [`${i}.${name}`, fromBytes(filled, dtype, [rows, width])];
      });
    });
    return { tensors, state: { streams: this.streams.map(({ head, isOpen }) => ({ head, isOpen })) } };
  }

  /** @throws CheckpointError when it is not of a buffer like this one */
  loadState({ tensors, state }: ReplayState): void {
    const { streams } = state as { streams: { head: number; isOpen: boolean }[] };
    const byName = new Map(tensors);
    if (streams.length !== this.streams.length)
      throw new CheckpointError(
        'wrong-replay',
        `the checkpoint's replay is of ${streams.length} environments, this run has ${this.streams.length}`,
      );
    for (const [i, { head, isOpen }] of streams.entries()) {
      const stream = this.streams[i]!;
      const rows = Math.min(head, this.streamCapacity);
      for (const [name, values, width] of this.columns()) {
        const saved = byName.get(`${i}.${name}`);
        if (saved?.shape.join() !== `${rows},${width}`)
          throw new CheckpointError(
            'wrong-replay',
            `the checkpoint's replay has ${saved ? `[${saved.shape.join(', ')}]` : 'no'} "${name}", this buffer needs [${rows}, ${width}]`,
            { remedy: 'Resume with the capacity, stack and extras that the run began with.' },
          );
        values.set(saved.data() as Float32Array, stream.base * width);
      }
      Object.assign(stream, { head, isOpen });
    }
  }
}
