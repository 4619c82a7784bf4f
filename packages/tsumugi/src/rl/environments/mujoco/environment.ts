// The environment around a MuJoCo task: Gymnasium's order of calls, random starts, states to set and to go on from.
import { isObject, kindOf, UserError } from '../../../base/index.ts';
import type { ActionLike, Frame, Info, StepResult } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import { Box } from '../../spaces/index.ts';
import { noOptions } from '../no-options.ts';
import { Task } from '../task.ts';
import type { MujocoTask, View } from './definition.ts';
import { draw } from './drawing.ts';
import type { Simulation } from './simulation.ts';

export class MujocoEnvironment extends Task<Float64Array> {
  readonly id: string;
  readonly observationSpace: Box;
  readonly actionSpace: Box;
  readonly #simulation: Simulation;
  readonly #task: MujocoTask;
  readonly #view: View;

  constructor(id: string, simulation: Simulation, task: MujocoTask, view: View) {
    super();
    this.id = id;
    this.#simulation = simulation;
    this.#task = task;
    this.#view = view;
    const infinity = Number.POSITIVE_INFINITY;
    this.observationSpace = new Box(-infinity, infinity, [task.size], 'float64');
    const bounds = (side: 0 | 1) =>
      Array.from({ length: simulation.nu }, (_, i) => Math.fround(simulation.ctrlRange[2 * i + side]!));
    this.actionSpace = new Box(bounds(0), bounds(1), [simulation.nu]);
  }

  protected begin(rng: NumpyRandom, options: Readonly<Record<string, unknown>>): Info {
    noOptions(`${this.id}: reset`, options);
    const [qpos, qvel] = [this.#simulation.startQpos.slice(), this.#simulation.startQvel.slice()];
    this.#task.scatter(qpos, qvel, rng);
    this.#place(qpos, qvel);
    return this.#task.startInfo?.() ?? {};
  }

  protected advance(action: ActionLike): StepResult<Float64Array> {
    const controls = action as Float32Array;
    this.#simulation.advance(controls);
    const { reward, terminated, info } = this.#task.judge(controls);
    this.#task.remember();
    return { observation: this.#task.observe(), reward, terminated, truncated: false, info };
  }

  protected observation(): Float64Array {
    this.#simulation.refresh();
    return this.#task.observe();
  }

  /** The episode goes on from a position and a velocity: `{ qpos, qvel }`. */
  setState(state: unknown): Float64Array {
    const { nq, nv } = this.#simulation;
    const { qpos, qvel } = isObject(state) ? state : {};
    const [position, velocity] = [numbers(qpos, nq), numbers(qvel, nv)];
    if (position === undefined || velocity === undefined) {
      const got = isObject(state) ? `{ qpos: ${sizeOf(qpos)}, qvel: ${sizeOf(qvel)} }` : kindOf(state);
      const needed = `{ qpos: ${nq} finite numbers, qvel: ${nv} finite numbers }`;
      throw new UserError('bad-state', `${this.id}: a state is ${needed}, got ${got}`, {
        remedy: 'Give setState() what MuJoCo calls qpos and qvel.',
      });
    }
    this.#place(position, velocity);
    return this.placed();
  }

  render(): Frame {
    this.#simulation.refresh();
    return draw(this.#simulation, this.#view);
  }

  // In base64, since JSON has neither NaN nor -0.
  protected saveState(): unknown {
    return { simulation: encode(this.#simulation.state), memory: encode(this.#task.memory) };
  }

  protected loadState(state: unknown): void {
    const saved = isObject(state) ? state : {};
    const [simulation, memory] = [decode(saved['simulation']), decode(saved['memory'])];
    if (simulation?.length !== this.#simulation.stateSize || memory?.length !== this.#task.memory.length) {
      throw new UserError('bad-snapshot', `${this.id}: what is restored is a snapshot of ${this.id}`, {
        remedy: 'Give restore() what snapshot() of an environment of the same kind gave.',
      });
    }
    this.#simulation.state = simulation;
    this.#task.memory.set(memory);
  }

  #place(qpos: Float64Array, qvel: Float64Array): void {
    this.#simulation.place(qpos, qvel);
    this.#task.remember();
  }

  override [Symbol.dispose](): void {
    this.#simulation[Symbol.dispose]();
  }
}

/** So many finite numbers; undefined for anything else. */
function numbers(value: unknown, count: number): Float64Array | undefined {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return undefined;
  const elements = Array.from(value as ArrayLike<unknown>);
  return elements.length === count && elements.every(Number.isFinite)
    ? Float64Array.from(elements as number[])
    : undefined;
}

const sizeOf = (value: unknown) =>
  Array.isArray(value) || ArrayBuffer.isView(value)
    ? `${(value as ArrayLike<unknown>).length} elements`
    : kindOf(value);

const encode = (values: Float64Array) =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

function decode(text: unknown): Float64Array | undefined {
  if (typeof text !== 'string') return undefined;
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return bytes.length % 8 === 0 ? new Float64Array(bytes.buffer) : undefined;
}
