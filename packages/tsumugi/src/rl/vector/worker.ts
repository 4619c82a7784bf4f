// A vector of environments over threads. Actions, rewards, ends and observations lie in memory that all of them share: a step
// sends no message, unless an environment has something to tell in its info.
import { performance } from 'node:perf_hooks';
import { receiveMessageOnPort } from 'node:worker_threads';
import type { TsumugiError } from '../../base/index.ts';
import type { Outcome } from '../agent.ts';
import type { ActionLike, Info, Observation, ResetOptions } from '../environment.ts';
import { checkAction } from '../order.ts';
import type { Space } from '../spaces/index.ts';
import { atIndex, type PlainError, plainError } from './at-index.ts';
import { disposed, notReset, requireActions, type VectorEnvironment, type VectorStep } from './vector-environment.ts';
import { snapshotFromJson, snapshotToJson } from './vector-snapshot.ts';
import { DEAD, ENDED, ORDER, type OrderName, ROW, TOLD, WORD, type WorkerMemory } from './worker-memory.ts';
import type { FromKeeper, Infos } from './worker-messages.ts';
import { died, type Group, type Started, silent, startWorkers, type WorkerPlan } from './worker-start.ts';

export interface WorkerOptions {
  /** How long an answer is waited for. */
  timeoutSeconds: number;
  /**
   * Hands out views of the shared memory in place of copies. Such an observation holds until the step after the next, for
   * agents that take what they keep at once.
   */
  borrowed: boolean;
}

/** Numbers of orders are 31 bits, and never 0, which none has been done yet. */
const following = (order: number) => (order % 0x7fffffff) + 1;

const ENDING_SECONDS = 5;
const nothing: Info = Object.freeze({});

export class WorkerVectorEnvironment implements VectorEnvironment {
  readonly id: string;
  readonly size: number;
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  readonly snapshot?: () => unknown;
  readonly restore?: (snapshot: unknown) => Observation[];
  readonly #started: Started;
  readonly #memory: WorkerMemory;
  readonly #options: WorkerOptions;
  #order = 0;
  #generation = 0;
  /** What is to be acted on; undefined before `reset` and after an error. */
  #observations: Observation[] | undefined;
  /** Why no thread is asked any more. */
  #lost: TsumugiError | undefined;

  /** Starts the threads and makes the environments in them. */
  static async start(plan: WorkerPlan, options: WorkerOptions): Promise<WorkerVectorEnvironment> {
    return new WorkerVectorEnvironment(plan, await startWorkers(plan), options);
  }

  private constructor({ id, size }: WorkerPlan, started: Started, options: WorkerOptions) {
    this.id = id;
    this.size = size;
    this.observationSpace = started.spaces.observation;
    this.actionSpace = started.spaces.action;
    this.#started = started;
    this.#memory = started.memory;
    this.#options = options;
    if (!started.snapshots) return;
    this.snapshot = () =>
      snapshotToJson({ environments: this.#ask('snapshot').flat(), observations: this.#observations });
    this.restore = (snapshot) => this.#restore(snapshot);
  }

  reset(options: ResetOptions = {}): Observation[] {
    this.#observations = undefined;
    this.#generation ^= 1;
    this.#ask('reset', () => options);
    return this.#actOn(this.#all((i) => this.#observation(i, false)));
  }

  step(actions: readonly ActionLike[]): VectorStep {
    requireActions(this.id, this.size, actions);
    if (!this.#observations) throw this.#lost ?? notReset(this.id);
    for (const [i, action] of actions.entries()) this.#writeAction(i, action);
    this.#observations = undefined;
    this.#generation ^= 1;
    const infos: Info[] = new Array(this.size).fill(nothing);
    for (const told of this.#ask('step') as Infos[]) for (const [i, info] of told) infos[i] = info;
    const outcomes = this.#all((i): Outcome => {
      const ended = this.#memory.ended[i]!;
      return {
        reward: this.#memory.rewards[i]!,
        next: this.#observation(i, false),
        terminated: (ended & ENDED.terminated) !== 0,
        truncated: (ended & ENDED.truncated) !== 0,
      };
    });
    const observations = outcomes.map(({ next }, i) => (this.#memory.ended[i] ? this.#observation(i, true) : next));
    return { outcomes, observations: this.#actOn(observations), infos };
  }

  #restore(snapshot: unknown): Observation[] {
    const { environments, observations } = snapshotFromJson(this.id, this.size, snapshot);
    this.#observations = undefined;
    this.#ask('restore', ({ first, count }) => environments.slice(first, first + count));
    return observations ? this.#actOn(observations) : [];
  }

  #actOn(observations: Observation[]): Observation[] {
    this.#observations = observations;
    return [...observations];
  }

  #all<T>(body: (i: number) => T): T[] {
    return Array.from({ length: this.size }, (_, i) => body(i));
  }

  #observation(i: number, first: boolean): Observation {
    const view = this.#memory.observation(this.#generation, i, first);
    return typeof view === 'number' || this.#options.borrowed ? view : view.slice();
  }

  /** What does not fit into the memory is refused here; what is no point of the space, by the environment. */
  #writeAction(i: number, action: ActionLike): void {
    if (this.#memory.writeAction(i, action)) return;
    try {
      checkAction(this.id, this.actionSpace, action);
    } catch (error) {
      throw atIndex(this.id, plainError(i, error));
    }
  }

  /** Has every thread do something and waits for all; what they posted in answer. */
  #ask(what: OrderName, argument?: (group: Group) => unknown): unknown[] {
    if (this.#lost) throw this.#lost;
    const { groups } = this.#started;
    const { control } = this.#memory;
    this.#order = following(this.#order);
    for (const [thread, group] of groups.entries()) {
      const row = ROW * thread;
      if (argument) group.port.postMessage(argument(group));
      control[row + WORD.what] = ORDER[what];
      control[row + WORD.generation] = this.#generation;
      Atomics.store(control, row + WORD.order, this.#order);
      Atomics.notify(control, row + WORD.order);
    }
    const deadline = performance.now() + 1000 * (what === 'end' ? ENDING_SECONDS : this.#options.timeoutSeconds);
    for (const thread of groups.keys()) this.#wait(thread, deadline);
    return this.#collect();
  }

  /** @throws TsumugiError when the thread dies or is silent for too long: there is no going on then */
  #wait(thread: number, deadline: number): void {
    const { control } = this.#memory;
    const answer = ROW * thread + WORD.answer;
    for (;;) {
      const done = Atomics.load(control, answer);
      if (done === this.#order) return;
      if (done === DEAD) throw this.#lose(this.#death());
      if (Atomics.wait(control, answer, done, Math.max(0, deadline - performance.now())) === 'timed-out')
        throw this.#lose(silent(this.id, this.#started.groups[thread]!, this.#options.timeoutSeconds));
    }
  }

  /** @throws TsumugiError the first of the errors that were told */
  #collect(): unknown[] {
    const answers: unknown[] = [];
    let failed: PlainError | undefined;
    for (const [thread, { port }] of this.#started.groups.entries()) {
      const told = this.#memory.control[ROW * thread + WORD.told];
      if (told === TOLD.nothing) continue;
      const { message } = receiveMessageOnPort(port)!;
      if (told === TOLD.answer) answers.push(message);
      else failed ??= message as PlainError;
    }
    if (failed) throw atIndex(this.id, failed);
    return answers;
  }

  #death(): TsumugiError {
    const { thread, died: cause } = receiveMessageOnPort(this.#started.news)!.message as FromKeeper & { died: string };
    return died(this.id, this.#started.groups[thread]!, cause);
  }

  /** Ends all threads, whatever they are at. */
  #lose(error: TsumugiError): TsumugiError {
    this.#lost = error;
    this.#observations = undefined;
    this.#close();
    return error;
  }

  #close(): void {
    for (const { port } of this.#started.groups) port.close();
    this.#started.news.close();
    void this.#started.keeper.terminate();
  }

  /** Has the environments end what they have open, and ends the threads. */
  [Symbol.dispose](): void {
    if (this.#lost) return;
    try {
      this.#ask('end');
    } catch (error) {
      if (this.#lost) return;
      this.#lose(disposed(this.id));
      throw error;
    }
    this.#lose(disposed(this.id));
  }
}
