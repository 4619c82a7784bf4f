// The memory that a vector shares with its workers. Each worker has a row of control words, each environment a place for its
// action, its reward, how its step ended, and its observations. Observations have two generations, written in turns: while an
// agent learns from one step, the environments make the next.
import type { ActionLike, Observation } from '../environment.ts';
import type { Box, BoxDType, Space } from '../spaces/index.ts';

/** Control words of a worker, by index in its row. */
export const WORD = {
  /** Grows with every order. */
  order: 0,
  /** The order that was done last, or `DEAD`. */
  answer: 1,
  /** A value of `ORDER`. */
  what: 2,
  /** A value of `TOLD`. */
  told: 3,
  /** Which generation the observations of this order are written to. */
  generation: 4,
} as const;

/** A row fills a cache line, so that workers do not slow each other down. */
export const ROW = 16;

export const ORDER = { reset: 0, step: 1, snapshot: 2, restore: 3, end: 4 } as const;
export type OrderName = keyof typeof ORDER;

/** What waits in the port: nothing, infos or another answer, or an error. */
export const TOLD = { nothing: 0, answer: 1, failed: 2 } as const;

/** In place of an answer: the worker is gone. */
export const DEAD = -1;

/** How a step ended. */
export const ENDED = { terminated: 1, truncated: 2 } as const;

const GENERATIONS = 2;
const LINE = 64;
type Row = Exclude<Observation, number>;
type RowKind = (new (
  buffer: SharedArrayBuffer,
  byteOffset: number,
  length: number,
) => Row) & { BYTES_PER_ELEMENT: number };
const kinds = { float32: Float32Array, float64: Float64Array, uint8: Uint8Array } as unknown as Record<
  BoxDType,
  RowKind
>;

/** Elements of a point; a number is one. */
const sizeOf = ({ shape }: Space) => shape.reduce((product, length) => product * length, 1);

/** Numbers are kept as float64. */
const dtypeOf = (space: Space): BoxDType =>
  space.kind === 'Box' ? (space as Box).dtype : space.kind === 'Discrete' ? 'float64' : 'float32';

export interface Spaces {
  observation: Space;
  action: Space;
}

export interface MemoryBuffers {
  control: SharedArrayBuffer;
  steps: SharedArrayBuffer;
  observations: SharedArrayBuffer;
}

/** Views of the shared memory, the same in every thread. */
export class WorkerMemory {
  readonly buffers: MemoryBuffers;
  readonly control: Int32Array;
  readonly rewards: Float64Array;
  readonly ended: Uint8Array;
  readonly #actions: readonly Float64Array[];
  readonly #takesNumbers: boolean;
  /** [generation][2 · environment, + 1 for the first observation of a new episode] */
  readonly #observations: readonly (readonly Row[])[];
  readonly #givesNumbers: boolean;

  /** @param buffers of another thread's; without them, new ones */
  constructor(count: number, workers: number, { observation, action }: Spaces, buffers?: MemoryBuffers) {
    const width = sizeOf(action);
    const size = sizeOf(observation);
    const Kind = kinds[dtypeOf(observation)];
    const bytes = LINE * Math.ceil((size * Kind.BYTES_PER_ELEMENT) / LINE);
    this.buffers = buffers ?? {
      control: new SharedArrayBuffer(4 * ROW * workers),
      steps: new SharedArrayBuffer(count * (8 + 8 * width + 1)),
      observations: new SharedArrayBuffer(GENERATIONS * 2 * count * bytes),
    };
    const { control, steps, observations } = this.buffers;
    this.control = new Int32Array(control);
    this.rewards = new Float64Array(steps, 0, count);
    this.#actions = Array.from({ length: count }, (_, i) => new Float64Array(steps, 8 * (count + i * width), width));
    this.ended = new Uint8Array(steps, 8 * count * (1 + width), count);
    this.#takesNumbers = action.kind === 'Discrete';
    this.#observations = Array.from({ length: GENERATIONS }, (_, generation) =>
      Array.from(
        { length: 2 * count },
        (_, row) => new Kind(observations, (generation * 2 * count + row) * bytes, size),
      ),
    );
    this.#givesNumbers = observation.kind === 'Discrete';
  }

  /** Whether it could be written; where not, it is no action of the space. */
  writeAction(i: number, action: ActionLike): boolean {
    const row = this.#actions[i]!;
    if (typeof action === 'number') {
      row[0] = action;
      return this.#takesNumbers;
    }
    if (this.#takesNumbers || action.length !== row.length) return false;
    row.set(action);
    return true;
  }

  action(i: number): number | Float64Array {
    return this.#takesNumbers ? this.#actions[i]![0]! : this.#actions[i]!;
  }

  /** @param first of a new episode */
  writeObservation(generation: number, i: number, first: boolean, observation: Observation): void {
    const row = this.#observations[generation]![2 * i + Number(first)]!;
    const length = typeof observation === 'number' ? 1 : observation.length;
    if (length !== row.length) throw new Error(`an observation has ${length} elements, its space says ${row.length}`);
    if (typeof observation === 'number') row[0] = observation;
    else row.set(observation);
  }

  /** A view: what is written there is another observation two steps later. */
  observation(generation: number, i: number, first: boolean): Observation {
    const row = this.#observations[generation]![2 * i + Number(first)]!;
    return this.#givesNumbers ? row[0]! : row;
  }
}
