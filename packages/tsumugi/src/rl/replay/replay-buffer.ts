// Replay of windows of steps (Lin 1992; Mnih et al. 2015), drawn uniformly and without replacement.
//
// A window begins at a step and spans n of them, or fewer where its episode ends: once an episode is over, terminated or cut
// off, the last steps begin windows of n − 1 … 1 steps. A window whose episode goes on can be drawn when its n steps are there.
import { type RandomStream, UserError } from '../../base/index.ts';
import type { State } from '../../store/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { Batch } from './batch.ts';
import { ENDS, HAS_STEP, type ReplayState, type RowOptions, RowRing, type Stream, TERMINATES } from './row-ring.ts';

export interface ReplayOptions extends RowOptions {
  /** Draws the samples. */
  rng: RandomStream;
  /** Steps of a window (n); 1 when left out. */
  steps?: number;
}

/** Of a stream: the windows begin at the rows from `low` to before `ready` that have a step. */
interface Range {
  low: number;
  ready: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export class ReplayBuffer extends RowRing {
  readonly steps: number;
  protected readonly rng: RandomStream;
  readonly #ranges: Map<Stream, Range>;
  #length = 0;
  #batch: Writable<Batch> | undefined;
  /** The draw that took a slot last. */
  readonly #drawn: Uint32Array;
  #draw = 0;

  constructor(options: ReplayOptions) {
    super('replay', options);
    this.steps = options.steps ?? 1;
    this.rng = options.rng;
    const { streamCapacity, steps, stack } = this;
    if (!Number.isInteger(steps) || steps < 1 || streamCapacity <= steps + stack)
      throw new UserError(
        'bad-option',
        `replay: ${streamCapacity} rows for an environment are too few for windows of ${steps} steps`,
        { remedy: 'Give a capacity of more rows than steps and stacked frames for each environment.' },
      );
    this.#ranges = new Map(this.streams.map((stream) => [stream, { low: 0, ready: 0 }]));
    this.#drawn = new Uint32Array(this.flags.length);
  }

  /** Windows that can be drawn. */
  get length(): number {
    return this.#length;
  }

  /** A window can be drawn from now on. */
  protected windowReady(_slot: number): void {}
  /** A window cannot be drawn any more. */
  protected windowLost(_slot: number): void {}

  protected override stepAdded(stream: Stream, row: number, ended: boolean): void {
    this.#makeReady(stream, ended ? row + 2 : row - this.steps + 2);
  }

  protected override episodeCut(stream: Stream, row: number): void {
    this.#makeReady(stream, row + 2);
  }

  #makeReady(stream: Stream, end: number): void {
    const range = this.#ranges.get(stream)!;
    for (; range.ready < end; range.ready++) {
      const slot = this.slot(stream, range.ready);
      if (range.ready < range.low || !(this.flags[slot]! & HAS_STEP)) continue;
      this.#length++;
      this.windowReady(slot);
    }
  }

  protected override rowLost(stream: Stream, row: number): void {
    const range = this.#ranges.get(stream)!;
    // With stacks, the rows after it may need its frame.
    const needsLost = (each: number) => each - Math.min(this.ages[this.slot(stream, each)]!, this.stack - 1) <= row;
    while (range.low <= row || (range.low < stream.head && needsLost(range.low))) {
      const slot = this.slot(stream, range.low);
      if (range.low < range.ready && this.flags[slot]! & HAS_STEP) {
        this.#length--;
        this.windowLost(slot);
      }
      range.low++;
    }
  }

  /** Draws a batch, rewards discounted by `gamma`. @throws UserError when there are fewer windows */
  sample(size: number, gamma: number): Batch {
    if (size > this.length)
      throw new UserError(
        'too-few-samples',
        `replay: a sample of ${size} needs as many steps, there are ${this.length}`,
      );
    return this.take(size, gamma);
  }

  protected take(size: number, gamma: number): Batch {
    return this.gather(this.#drawUniformly(size), gamma);
  }

  /** How far off the predictions of the last sample were: nothing that a uniform draw depends on. */
  learned(_errors: () => Tensor): void {}

  /** Slots at which windows begin, without replacement. */
  #drawUniformly(size: number): Int32Array {
    const slots = new Int32Array(size);
    let total = 0;
    for (const { low, ready } of this.#ranges.values()) total += Math.max(0, ready - low);
    const draw = ++this.#draw;
    for (let i = 0; i < size; ) {
      const slot = this.#rowAt(this.rng.below(total));
      // An episode's last row has no step; a window is drawn once.
      if (!(this.flags[slot]! & HAS_STEP) || this.#drawn[slot] === draw) continue;
      this.#drawn[slot] = draw;
      slots[i++] = slot;
    }
    return slots;
  }

  #rowAt(index: number): number {
    let rest = index;
    for (const [stream, { low, ready }] of this.#ranges) {
      const rows = Math.max(0, ready - low);
      if (rest < rows) return this.slot(stream, low + rest);
      rest -= rows;
    }
    return 0;
  }

  /** The windows that begin at these slots. */
  protected gather(slots: Int32Array, gamma: number, weights?: Float32Array): Batch {
    const batch = this.#batchOf(slots.length);
    const { streamCapacity, actionWidth } = this;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      const stream = this.streams[Math.floor(slot / streamCapacity)]!;
      const oldest = this.oldest(stream);
      const row = oldest + ((slot - stream.base - (oldest % streamCapacity) + streamCapacity) % streamCapacity);
      let reward = 0;
      let discount = 1;
      let last = row;
      for (let step = 0; step < this.steps; step++, last++) {
        const at = this.slot(stream, last);
        reward += discount * this.rewards[at]!;
        discount *= gamma;
        if (this.flags[at]! & ENDS) {
          last++;
          break;
        }
      }
      this.copyObservation(stream, row, batch.observations, i);
      this.copyObservation(stream, last, batch.nexts, i);
      for (let k = 0; k < actionWidth; k++) batch.actions[i * actionWidth + k] = this.actions[slot * actionWidth + k]!;
      batch.rewards[i] = reward;
      batch.discounts[i] = discount;
      batch.terminated[i] = this.flags[this.slot(stream, last - 1)]! & TERMINATES ? 1 : 0;
      for (const [name, width] of Object.entries(this.extraWidths))
        batch.extras[name]!.set(this.extras[name]!.subarray(slot * width, (slot + 1) * width), i * width);
    }
    batch.weights = weights;
    return batch;
  }

  #batchOf(size: number): Writable<Batch> {
    if (this.#batch?.size !== size)
      this.#batch = {
        size,
        observations: this.input.rows(size),
        actions: this.isDiscrete ? new Int32Array(size) : new Float32Array(size * this.actionWidth),
        rewards: new Float32Array(size),
        nexts: this.input.rows(size),
        terminated: new Uint8Array(size),
        discounts: new Float32Array(size),
        extras: Object.fromEntries(
          Object.entries(this.extraWidths).map(([name, width]) => [name, new Float32Array(size * width)]),
        ),
        weights: undefined,
      };
    return this.#batch;
  }

  override state(): ReplayState {
    const { tensors, state } = super.state();
    const ranges = [...this.#ranges.values()].map(({ low, ready }) => ({ low, ready }));
    return { tensors, state: { ...(state as object), ranges, length: this.#length, rng: this.rng.state } as State };
  }

  override loadState(saved: ReplayState): void {
    super.loadState(saved);
    const { ranges, length, rng } = saved.state as unknown as { ranges: Range[]; length: number; rng: number[] };
    this.streams.forEach((stream, i) => {
      this.#ranges.set(stream, { ...ranges[i]! });
    });
    this.#length = length;
    this.rng.state = rng;
  }
}
