// A step as a record of bytes, and back.
//
//   flags u32, environment u32, reward f32, action, extras in the order of their names, the observation after the step, and, where
//   it began an episode, the one before; of stacks the newest frame
import { invariant } from '../../base/index.ts';
import type { Json } from '../../store/index.ts';
import type { Outcome } from '../agent.ts';
import type { Action, Observation } from '../environment.ts';
import { ObservationInput, type ObservationRows } from '../observation-input.ts';
import type { Extras, RowOptions } from './row-ring.ts';

const BEGINS = 1;
const TERMINATED = 2;
const TRUNCATED = 4;
/** No step: the episode was cut where it is. */
const CUT = 8;

/** Of a record that is read. */
interface Record {
  flags: number;
  reward: number;
  action: Action;
  extras: Extras;
  /** Frames, as they are stored. */
  next: ObservationRows;
  first: ObservationRows | undefined;
}

export interface LoggedStep {
  /** An episode begins with it, whatever became of the one before: its writer may have died. */
  begins: boolean;
  observation: Observation;
  action: Action;
  outcome: Outcome;
  extras: Extras;
}

export class StepCodec {
  /** What a log must have been written with to be read. */
  readonly layout: Json;
  readonly stack: number;
  readonly input: ObservationInput;
  /** Elements of a frame. */
  readonly width: number;
  readonly #isCounted: boolean;
  readonly #actionWidth: number;
  readonly #extras: readonly (readonly [name: string, width: number])[];
  readonly #frameBytes: number;
  /** Of everything before the observations. */
  readonly #headBytes: number;

  constructor({ observationSpace, actionSpace, stack = 1, extras = {} }: RowOptions) {
    this.input = new ObservationInput(observationSpace);
    this.stack = stack;
    this.width = this.input.width / stack;
    this.#isCounted = actionSpace.kind === 'Discrete';
    this.#actionWidth = this.#isCounted ? 1 : actionSpace.shape.reduce((product, length) => product * length, 1);
    this.#extras = Object.entries(extras).sort(([a], [b]) => (a < b ? -1 : 1));
    this.#frameBytes = this.width * this.input.rows(1).BYTES_PER_ELEMENT;
    const numbers = this.#actionWidth + this.#extras.reduce((sum, [, width]) => sum + width, 0);
    this.#headBytes = 12 + 4 * numbers;
    this.layout = {
      format: 'tsumugi-replay',
      version: 1,
      observationSpace: String(observationSpace),
      actionSpace: String(actionSpace),
      stack,
      extras: Object.fromEntries(this.#extras),
    };
  }

  encodeCut(i: number): Buffer {
    const record = Buffer.alloc(8);
    record.writeUInt32LE(CUT, 0);
    record.writeUInt32LE(i, 4);
    return record;
  }

  encode(i: number, first: Observation | undefined, action: Action, outcome: Outcome, extras?: Extras): Buffer {
    const frames = first === undefined ? 1 : 2;
    const record = Buffer.alloc(this.#headBytes + frames * this.#frameBytes);
    const { terminated, truncated, reward, next } = outcome;
    const flags = (first === undefined ? 0 : BEGINS) | (terminated ? TERMINATED : 0) | (truncated ? TRUNCATED : 0);
    record.writeUInt32LE(flags, 0);
    record.writeUInt32LE(i, 4);
    record.writeFloatLE(reward, 8);
    let at = 12;
    if (typeof action === 'number') at = record.writeInt32LE(action, at);
    else for (const each of action) at = record.writeFloatLE(each, at);
    for (const [name, width] of this.#extras)
      for (let k = 0; k < width; k++) at = record.writeFloatLE(extras![name]![k]!, at);
    this.#putFrame(next, record, at);
    if (first !== undefined) this.#putFrame(first, record, at + this.#frameBytes);
    return record;
  }

  #putFrame(observation: Observation, record: Buffer, at: number): void {
    const rows = this.input.rows(1);
    this.input.write(observation, rows, 0);
    const newest = rows.subarray(rows.length - this.width);
    record.set(new Uint8Array(newest.buffer, newest.byteOffset, newest.byteLength), at);
  }

  /** @returns undefined for a cut */
  decode(record: Buffer): Record | undefined {
    const flags = record.readUInt32LE(0);
    if (flags & CUT) return undefined;
    const frames = flags & BEGINS ? 2 : 1;
    invariant(record.length === this.#headBytes + frames * this.#frameBytes, 'a record of its layout');
    let at = 12;
    const floats = (count: number) => {
      const values = Float32Array.from({ length: count }, (_, k) => record.readFloatLE(at + 4 * k));
      at += 4 * count;
      return values;
    };
    const action = this.#isCounted ? record.readInt32LE(at) : floats(this.#actionWidth);
    if (this.#isCounted) at += 4;
    const extras = Object.fromEntries(this.#extras.map(([name, width]) => [name, floats(width)]));
    const frame = (from: number) => {
      const rows = this.input.rows(1).subarray(0, this.width) as ObservationRows;
      new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength).set(record.subarray(from, from + this.#frameBytes));
      return rows;
    };
    const next = frame(at);
    const first = flags & BEGINS ? frame(at + this.#frameBytes) : undefined;
    return { flags, reward: record.readFloatLE(8), action, extras, next, first };
  }
}

/** Reads the records of one environment in their order. A log that begins within an episode gives its rest, but for stacks. */
export class StreamReader {
  readonly #codec: StepCodec;
  /** The newest frames, as many as a stack has; none before the first. */
  #frames: ObservationRows[] = [];

  constructor(codec: StepCodec) {
    this.#codec = codec;
  }

  /** @returns undefined where what came before is missing */
  read(bytes: Buffer): LoggedStep | 'cut' | undefined {
    const record = this.#codec.decode(bytes);
    if (!record) {
      this.#frames = [];
      return 'cut';
    }
    const { flags, reward, action, extras, next, first } = record;
    if (first) this.#frames = Array.from({ length: this.#codec.stack }, () => first);
    const isKnown = this.#frames.length > 0;
    const observation = isKnown ? this.#observation() : undefined;
    if (isKnown) this.#frames = [...this.#frames.slice(1), next];
    else if (this.#codec.stack === 1) this.#frames = [next];
    const [terminated, truncated] = [(flags & TERMINATED) !== 0, (flags & TRUNCATED) !== 0];
    const after = isKnown ? this.#observation() : undefined;
    if (terminated || truncated) this.#frames = [];
    if (observation === undefined || after === undefined) return undefined;
    return {
      begins: first !== undefined,
      observation,
      action,
      outcome: { reward, next: after, terminated, truncated },
      extras,
    };
  }

  #observation(): Observation {
    const { stack, width, input } = this.#codec;
    const rows = input.rows(1);
    this.#frames.forEach((frame, k) => {
      rows.set(frame, k * width);
    });
    if (rows instanceof Int32Array) return rows[0]!;
    return stack === 1 ? rows.slice() : rows;
  }
}
