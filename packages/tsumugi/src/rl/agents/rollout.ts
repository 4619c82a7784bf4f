// What a policy did in N environments for T steps: the data of one update on policy.
import { CheckpointError, invariant } from '../../base/index.ts';
import { type Tensor, tensor } from '../../torch/index.ts';
import type { Outcome } from '../agent.ts';
import type { Observation } from '../environment.ts';
import type { ObservationInput, ObservationRows } from '../observation-input.ts';
import type { ActionOutput, ActionRows } from './action-output.ts';

/** What followed a step, and the recurrent state that it was come to with. */
interface Next {
  observation: Observation;
  memory: Float32Array | undefined;
}

/** What a step has besides, where a policy remembers: its state [N · S] before the step and after it. */
export interface Memories {
  before: Float32Array;
  after: Float32Array;
}

/** Row t·N + i is environment i's step t. */
export class Rollout {
  readonly input: ObservationInput;
  readonly output: ActionOutput;
  /** T: it is full after so many steps. */
  readonly horizon: number;
  /** N */
  readonly environments: number;
  readonly observations: ObservationRows;
  readonly actions: ActionRows;
  readonly rewards: Float32Array;
  /** 1 where the task ended. */
  readonly terminated: Uint8Array;
  /** 1 where the episode was cut off. */
  readonly truncated: Uint8Array;
  /** The recurrent state before each step [T·N · S]; S is 0 where there is none. */
  readonly memories: Float32Array;
  readonly stateSize: number;
  /** Steps so far. */
  length = 0;
  /** The last observation of an episode that was cut off, and those after the last step, by row: of all others the next row has it. */
  readonly #nexts = new Map<number, Next>();

  /** @param stateSize numbers of a recurrent state (S) */
  constructor(input: ObservationInput, output: ActionOutput, horizon: number, environments: number, stateSize = 0) {
    this.input = input;
    this.output = output;
    this.horizon = horizon;
    this.environments = environments;
    const rows = horizon * environments;
    this.observations = input.rows(rows);
    this.actions = output.rows(rows);
    this.rewards = new Float32Array(rows);
    this.terminated = new Uint8Array(rows);
    this.truncated = new Uint8Array(rows);
    this.stateSize = stateSize;
    this.memories = new Float32Array(rows * stateSize);
  }

  get isFull(): boolean {
    return this.length === this.horizon;
  }

  /** Rows so far. */
  get rows(): number {
    return this.length * this.environments;
  }

  /** Adds a step: what all environments were in, what was done there, and what came of it. */
  push(observations: ObservationRows, actions: ActionRows, outcomes: readonly Outcome[], memories?: Memories): void {
    const { rows, environments } = this;
    invariant(!this.isFull && outcomes.length === environments, 'a rollout takes one outcome of each environment');
    this.observations.set(observations, rows * this.input.width);
    this.actions.set(actions, rows * this.output.width);
    if (memories) this.memories.set(memories.before, rows * this.stateSize);
    for (let i = 0; i < environments; i++) {
      const { reward, terminated, truncated, next } = outcomes[i]!;
      this.rewards[rows + i] = reward;
      this.terminated[rows + i] = terminated ? 1 : 0;
      this.truncated[rows + i] = truncated && !terminated ? 1 : 0;
      const before = rows + i - environments;
      if (before >= 0 && !this.truncated[before]) this.#nexts.delete(before);
      if (terminated) continue;
      const memory = memories?.after.slice(i * this.stateSize, (i + 1) * this.stateSize);
      this.#nexts.set(rows + i, { observation: next, memory });
    }
    this.length++;
  }

  /** Environment `i`'s episode is lost after the last step, as if a time limit had ended it. */
  cut(i: number): void {
    const row = this.rows - this.environments + i;
    if (row >= 0 && !this.terminated[row]) this.truncated[row] = 1;
  }

  /** 1 where an episode ends. */
  last(): Uint8Array {
    return this.terminated.subarray(0, this.rows).map((end, row) => end | this.truncated[row]!);
  }

  /** 1 where an episode begins that the row before was not of; of the first rows the memory tells. */
  starts(): Uint8Array {
    const starts = new Uint8Array(this.rows);
    starts.set(this.last().subarray(0, this.rows - this.environments), this.environments);
    return starts;
  }

  /** The observations of all rows: [T·N, …shape]. */
  observationTensor(): Tensor {
    return this.input.fromRows(this.observations.subarray(0, this.rows * this.input.width), [this.rows]);
  }

  /** The actions of all rows: int64 [T·N] or float32 [T·N, A]. */
  actionTensor(): Tensor {
    return this.output.tensor(this.actions.subarray(0, this.rows * this.output.width), [this.rows]);
  }

  /** What followed where no row has it: rows, observations [rows.length, …shape] and memories [rows.length, S]. */
  nexts(): { rows: number[]; observations: Tensor; memories: Tensor | undefined } | undefined {
    const entries = this.#sortedNexts();
    if (entries.length === 0) return undefined;
    const memories =
      this.stateSize === 0 ? undefined : tensor(this.#nextMemories(), { shape: [entries.length, this.stateSize] });
    return {
      rows: entries.map(([row]) => row),
      observations: this.input.tensor(entries.map(([, { observation }]) => observation)),
      memories,
    };
  }

  #sortedNexts(): [number, Next][] {
    return [...this.#nexts].sort(([a], [b]) => a - b);
  }

  #nextMemories(): Float32Array {
    const entries = this.#sortedNexts();
    const memories = new Float32Array(entries.length * this.stateSize);
    entries.forEach(([, { memory }], i) => {
      if (memory) memories.set(memory, i * this.stateSize);
    });
    return memories;
  }

  /** V(s') of every row, from V(s) of every row and of what `nexts` gave; 0 where nothing follows. */
  nextValues(values: ArrayLike<number>, ofNexts: ArrayLike<number>): Float64Array {
    const next = Float64Array.from({ length: this.rows }, (_, row) => values[row + this.environments] ?? 0);
    for (let row = 0; row < next.length; row++) if (this.terminated[row]) next[row] = 0;
    this.#sortedNexts().forEach(([row], i) => {
      next[row] = ofNexts[i]!;
    });
    return next;
  }

  /** Forgets all. */
  clear(): void {
    this.length = 0;
    this.#nexts.clear();
  }

  /** What `load` puts back, as tensors of the present scope. */
  tensors(): [string, Tensor][] {
    const { rows } = this;
    const columns: [string, Tensor][] = Object.entries(this.#columns()).map(([name, [column, width]]) => [
      name,
      tensor(column.subarray(0, rows * width)),
    ]);
    const nexts = this.#sortedNexts();
    const stored = this.input.rows(nexts.length);
    nexts.forEach(([, { observation }], i) => {
      this.input.write(observation, stored, i);
    });
    return [...columns, ['nexts', tensor(stored)], ['next_memories', tensor(this.#nextMemories())]];
  }

  /** @throws CheckpointError when the tensors are of another rollout */
  load(saved: ReadonlyMap<string, Tensor>): void {
    const refuse = (name: string) =>
      new CheckpointError('wrong-shape', `the checkpoint's rollout has no "${name}" that fits`, {
        remedy: 'Go on with the environments and the settings that the checkpoint was written with.',
        fields: { path: name },
      });
    const count = (saved.get('rewards')?.numel() ?? Number.NaN) / this.environments;
    if (!Number.isInteger(count) || count > this.horizon) throw refuse('rewards');
    this.clear();
    for (const [name, [column, width]] of Object.entries(this.#columns())) {
      const data = saved.get(name)?.data() as typeof column | undefined;
      if (data?.length !== count * this.environments * width || data.constructor !== column.constructor)
        throw refuse(name);
      column.set(data);
    }
    this.length = count;
    const nextRows: number[] = [];
    for (let row = 0; row < this.rows; row++)
      if (this.truncated[row] || (row >= this.rows - this.environments && !this.terminated[row])) nextRows.push(row);
    const nexts = saved.get('nexts')?.data() as ObservationRows | undefined;
    const memories = saved.get('next_memories')?.data() as Float32Array | undefined;
    if (nexts?.length !== nextRows.length * this.input.width) throw refuse('nexts');
    if (memories?.length !== nextRows.length * this.stateSize) throw refuse('next_memories');
    const part = <A extends Float32Array | Uint8Array>(of: A, width: number, i: number) =>
      of.slice(i * width, (i + 1) * width) as A;
    nextRows.forEach((row, i) => {
      const observation = nexts instanceof Int32Array ? nexts[i]! : part(nexts, this.input.width, i);
      this.#nexts.set(row, { observation, memory: part(memories, this.stateSize, i) });
    });
  }

  /** Every column, and how many of its elements a row has. */
  #columns(): Record<string, [column: ObservationRows | ActionRows, width: number]> {
    return {
      observations: [this.observations, this.input.width],
      actions: [this.actions, this.output.width],
      rewards: [this.rewards, 1],
      terminated: [this.terminated, 1],
      truncated: [this.truncated, 1],
      memories: [this.memories, this.stateSize],
    };
  }
}
