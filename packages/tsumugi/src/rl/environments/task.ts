// What tsumugi's own environments have in common: the order of calls, the stream of random numbers, snapshots.
import { randomInt } from 'node:crypto';
import { checkOptions, isObject, UserError } from '../../base/index.ts';
import type {
  ActionLike,
  Environment,
  Info,
  Observation,
  ResetOptions,
  ResetResult,
  StepResult,
} from '../environment.ts';
import { checkAction, needsReset } from '../order.ts';
import { NumpyRandom, type Pcg64State } from '../random/numpy-random.ts';
import type { Space } from '../spaces/index.ts';

export const NO_INFO: Info = Object.freeze({});

/** A task is written by four methods: how an episode begins, how it goes on, what is seen, and what its state is. */
export abstract class Task<O extends Observation> implements Environment<O> {
  abstract readonly id: string;
  abstract readonly observationSpace: Space;
  abstract readonly actionSpace: Space;
  #rng: NumpyRandom | undefined;
  #phase: 'new' | 'running' | 'ended' = 'new';

  /** Begins an episode in a state drawn from the stream. */
  protected abstract begin(rng: NumpyRandom, options: Readonly<Record<string, unknown>>): Info;
  /** One step. The action has been checked. */
  protected abstract advance(action: ActionLike, rng: NumpyRandom): StepResult<O>;
  /** The observation of the present state. */
  protected abstract observation(): O;
  /** Everything that `advance` depends on, as JSON. */
  protected abstract saveState(): unknown;
  /** Puts back what `saveState` gave. */
  protected abstract loadState(state: unknown): void;

  protected get rng(): NumpyRandom {
    this.#rng ??= new NumpyRandom(randomInt(2 ** 32));
    return this.#rng;
  }

  reset(given: ResetOptions = {}): ResetResult<O> {
    checkOptions<ResetOptions>(`${this.id}: reset`, given, { seed: true, options: true });
    const { seed, options = {} } = given;
    if (seed !== undefined) this.#rng = new NumpyRandom(seed);
    if (!isObject(options)) {
      throw new UserError('bad-option', `${this.id}: options of reset are an object, got ${String(options)}`);
    }
    const info = this.begin(this.rng, options);
    this.#phase = 'running';
    return { observation: this.observation(), info };
  }

  step(action: ActionLike): StepResult<O> {
    if (this.#phase !== 'running') throw needsReset(this.id, this.#phase === 'ended' ? 'has ended' : undefined);
    checkAction(this.id, this.actionSpace, action);
    const result = this.advance(action, this.rng);
    if (result.terminated || result.truncated) this.#phase = 'ended';
    return result;
  }

  /** For a task's own `setState`: the episode goes on from here. */
  protected placed(): O {
    this.#phase = 'running';
    return this.observation();
  }

  snapshot(): unknown {
    return { task: this.id, phase: this.#phase, rng: this.#rng?.state ?? null, state: this.saveState() };
  }

  restore(snapshot: unknown): void {
    if (!isObject(snapshot) || snapshot['task'] !== this.id) {
      throw new UserError('bad-snapshot', `${this.id}: what is restored is a snapshot of ${this.id}`, {
        remedy: 'Give restore() what snapshot() of an environment of the same kind gave.',
      });
    }
    this.#phase = snapshot['phase'] as 'new' | 'running' | 'ended';
    const rng = snapshot['rng'] as Pcg64State | null;
    this.#rng = rng === null ? undefined : new NumpyRandom(rng);
    this.loadState(snapshot['state']);
  }

  [Symbol.dispose](): void {}
}

/** @throws UserError unless it is an array of so many finite numbers */
export function checkState(id: string, state: unknown, names: readonly string[]): Float64Array {
  const numbers = Array.isArray(state) || ArrayBuffer.isView(state) ? Array.from(state as ArrayLike<unknown>) : [];
  if (numbers.length === names.length && numbers.every((x) => Number.isFinite(x))) {
    return Float64Array.from(numbers as number[]);
  }
  throw new UserError('bad-state', `${id}: a state is [${names.join(', ')}], got ${JSON.stringify(state)}`, {
    remedy: `Give setState() an array of ${names.length} finite numbers.`,
  });
}
