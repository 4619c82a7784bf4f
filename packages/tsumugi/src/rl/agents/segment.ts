// Consecutive steps of one environment, of one episode: what is learned from as a piece.
import { CheckpointError } from '../../base/index.ts';
import { fromBytes, type Tensor, tensor } from '../../torch/index.ts';
import type { Outcome } from '../agent.ts';
import type { Observation } from '../environment.ts';
import type { ObservationInput, ObservationRows } from '../observation-input.ts';
import type { ActionOutput, ActionRows } from './action-output.ts';
import type { Acted } from './policy-agent.ts';

/** How a segment's numbers are laid out. */
export interface SegmentLayout {
  input: ObservationInput;
  output: ActionOutput;
  /** Numbers of a recurrent state (S). */
  stateSize: number;
  /** Numbers of each of the distributions' parameters that are kept. */
  parameterWidths: readonly number[];
}

interface Step {
  observation: ObservationRows;
  action: ActionRows;
  reward: number;
  memory: Float32Array;
  parameters: Float32Array[];
}

const part = <A extends Float32Array | Int32Array | Uint8Array>(of: A, width: number, i: number): A =>
  of.slice(i * width, (i + 1) * width) as A;

export class Segment {
  readonly layout: SegmentLayout;
  readonly #steps: Step[];
  /** What the last step led to. */
  next: Observation | undefined;
  terminated = false;
  truncated = false;
  /** The recurrent state after the last step [S]. */
  memoryAfter: Float32Array;

  constructor(layout: SegmentLayout, steps: Step[] = []) {
    this.layout = layout;
    this.#steps = steps;
    this.memoryAfter = new Float32Array(layout.stateSize);
  }

  get length(): number {
    return this.#steps.length;
  }

  get hasEnded(): boolean {
    return this.terminated || this.truncated;
  }

  get rewards(): number[] {
    return this.#steps.map(({ reward }) => reward);
  }

  /** Adds environment `i`'s step. */
  add({ observations, actions, memories, parameters }: Acted, outcome: Outcome, i: number): void {
    const { input, output, stateSize, parameterWidths } = this.layout;
    this.#steps.push({
      observation: part(observations, input.width, i),
      action: part(actions, output.width, i),
      // As a checkpoint has it.
      reward: Math.fround(outcome.reward),
      memory: memories ? part(memories.before, stateSize, i) : new Float32Array(),
      parameters: parameterWidths.map((width, p) => part(parameters[p]!, width, i)),
    });
    this.next = outcome.next;
    this.terminated = outcome.terminated;
    this.truncated = outcome.truncated && !outcome.terminated;
    if (memories) this.memoryAfter = part(memories.after, stateSize, i);
  }

  /** Some of its steps as a segment, whose end is none unless it is this one's. */
  window(start: number, length: number): Segment {
    const window = new Segment(this.layout, this.#steps.slice(start, start + length));
    const after = this.#steps[start + length];
    if (after) {
      window.next = after.observation instanceof Int32Array ? after.observation[0]! : after.observation;
      window.memoryAfter = after.memory;
      return window;
    }
    window.next = this.next;
    window.terminated = this.terminated;
    window.truncated = this.truncated;
    window.memoryAfter = this.memoryAfter;
    return window;
  }

  #column(width: number, rows: ObservationRows | ActionRows, of: (step: Step) => ObservationRows | ActionRows) {
    this.#steps.forEach((step, t) => {
      rows.set(of(step), t * width);
    });
    return rows;
  }

  /** [L, …shape] */
  observationTensor(): Tensor {
    const { input } = this.layout;
    const rows = this.#column(input.width, input.rows(this.length), ({ observation }) => observation);
    return input.fromRows(rows as ObservationRows, [this.length]);
  }

  /** int64 [L] or float32 [L, A] */
  actionTensor(): Tensor {
    const { output } = this.layout;
    const rows = this.#column(output.width, output.rows(this.length), ({ action }) => action);
    return output.tensor(rows as ActionRows, [this.length]);
  }

  /** The parameters of the distributions that were drawn from, [L, A] each. */
  parameterTensors(): Tensor[] {
    return this.layout.parameterWidths.map((width, p) => {
      const rows = this.#column(width, new Float32Array(this.length * width), ({ parameters }) => parameters[p]!);
      return fromBytes(rows, 'float32', [this.length, width]);
    });
  }

  /** The recurrent state before the first step [1, S]. */
  memoryTensor(): Tensor {
    return fromBytes(this.#steps[0]!.memory, 'float32', [1, this.layout.stateSize]);
  }

  /** The one after the last step [1, S]. */
  memoryAfterTensor(): Tensor {
    return fromBytes(this.memoryAfter, 'float32', [1, this.layout.stateSize]);
  }

  /** Segments as tensors of the present scope, for a checkpoint. */
  static pack(layout: SegmentLayout, segments: readonly Segment[]): [string, Tensor][] {
    const { input, output, stateSize, parameterWidths } = layout;
    const all = segments.flatMap((segment) => segment.#steps);
    const filled = <A extends ObservationRows | ActionRows>(rows: A, width: number, of: (step: Step) => A): A => {
      all.forEach((step, t) => {
        rows.set(of(step), t * width);
      });
      return rows;
    };
    const floats = (width: number, of: (step: Step) => Float32Array) =>
      filled(new Float32Array(all.length * width), width, of);
    const nexts = input.rows(segments.length);
    const after = new Float32Array(segments.length * stateSize);
    segments.forEach(({ next, memoryAfter }, i) => {
      if (next !== undefined) input.write(next, nexts, i);
      after.set(memoryAfter, i * stateSize);
    });
    const marks = segments.map(
      ({ next, terminated, truncated }) => (next === undefined ? 0 : 1) + (terminated ? 2 : 0) + (truncated ? 4 : 0),
    );
    const columns: [string, ObservationRows | ActionRows][] = [
      ['lengths', Int32Array.from(segments, ({ length }) => length)],
      ['marks', Uint8Array.from(marks)],
      ['nexts', nexts],
      ['memories_after', after],
      ['observations', filled(input.rows(all.length), input.width, ({ observation }) => observation)],
      ['actions', filled(output.rows(all.length), output.width, ({ action }) => action)],
      ['rewards', Float32Array.from(all, ({ reward }) => reward)],
      ['memories', floats(stateSize, ({ memory }) => memory)],
      ...parameterWidths.map((width, p): [string, Float32Array] => [
        `parameters_${p}`,
        floats(width, ({ parameters }) => parameters[p]!),
      ]),
    ];
    return columns.map(([name, column]) => [name, tensor(column)]);
  }

  /** @throws CheckpointError when the tensors are no segments of this layout */
  static unpack(layout: SegmentLayout, saved: ReadonlyMap<string, Tensor>): Segment[] {
    const { input, output, stateSize, parameterWidths } = layout;
    const column = <A>(name: string, length?: number): A => {
      const data = saved.get(name)?.data();
      if (data && (length === undefined || data.length === length)) return data as A;
      throw new CheckpointError('wrong-shape', `the checkpoint's episodes have no "${name}" that fits`, {
        remedy: 'Go on with the environments and the settings that the checkpoint was written with.',
        fields: { path: name },
      });
    };
    const lengths = column<Int32Array>('lengths');
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const marks = column<Uint8Array>('marks', lengths.length);
    const nexts = column<ObservationRows>('nexts', lengths.length * input.width);
    const after = column<Float32Array>('memories_after', lengths.length * stateSize);
    const observations = column<ObservationRows>('observations', total * input.width);
    const actions = column<ActionRows>('actions', total * output.width);
    const rewards = column<Float32Array>('rewards', total);
    const memories = column<Float32Array>('memories', total * stateSize);
    const parameters = parameterWidths.map((width, p) => column<Float32Array>(`parameters_${p}`, total * width));
    let t = 0;
    return Array.from(lengths, (length, i) => {
      const steps = Array.from({ length }, (): Step => {
        const at = t++;
        return {
          observation: part(observations, input.width, at),
          action: part(actions, output.width, at),
          reward: rewards[at]!,
          memory: part(memories, stateSize, at),
          parameters: parameterWidths.map((width, p) => part(parameters[p]!, width, at)),
        };
      });
      const segment = new Segment(layout, steps);
      if (marks[i]! & 1) segment.next = nexts instanceof Int32Array ? nexts[i]! : part(nexts, input.width, i);
      segment.terminated = (marks[i]! & 2) > 0;
      segment.truncated = (marks[i]! & 4) > 0;
      segment.memoryAfter = part(after, stateSize, i);
      return segment;
    });
  }
}
