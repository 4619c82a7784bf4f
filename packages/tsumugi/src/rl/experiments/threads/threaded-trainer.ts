// An agent that threads train together (asynchronous methods, Mnih et al. 2016, arXiv 1602.01783). Between two strides all threads
// wait: what is evaluated and saved meanwhile is the weights of exactly so many steps.
//
// Which thread takes which step depends on the machine: neither a run nor its going on can be repeated bit for bit.
import { Worker } from 'node:worker_threads';
import { deriveSeed, moduleBeside, TsumugiError } from '../../../base/index.ts';
import type { CheckpointContent, LoadedCheckpoint } from '../../../store/index.ts';
import { parseDevice } from '../../../torch/index.ts';
import type { SharedAgent } from '../../agent.ts';
import type { AgentKind } from '../../agents/kind-config.ts';
import type { Space } from '../../spaces/index.ts';
import { atIndex } from '../../vector/at-index.ts';
import { requireFiniteState } from '../divergence.ts';
import type { EnvironmentSetting } from '../environments.ts';
import { Episodes } from '../episodes-state.ts';
import type { RlConfig } from '../train-config.ts';
import { agentGroups, type TrainerLike, totalSteps } from '../trainer.ts';
import { trainerSchema } from '../trainer-state.ts';
import { StepMemory } from './memory.ts';
import type { FromThread } from './messages.ts';
// By way of the thread's file, so that the package has it.
import type { ThreadPlan } from './thread.ts';

export class ThreadedTrainer implements TrainerLike {
  readonly agent: SharedAgent;
  readonly episodes: Episodes;
  readonly stride: number;
  step = 0;
  seconds = 0;
  readonly #config: RlConfig;
  readonly #environment: EnvironmentSetting;
  readonly #memory = new StepMemory();
  readonly #workers: Worker[] = [];
  /** What the threads said when they waited last. */
  readonly #statistics: Readonly<Record<string, number>>[] = [];
  #failure: unknown;
  /** Threads that said so since they were last let go. */
  #waiting = 0;
  #wake: (() => void) | undefined;

  constructor(
    config: RlConfig,
    kind: AgentKind,
    environment: EnvironmentSetting,
    spaces: { observationSpace: Space; actionSpace: Space },
  ) {
    this.#config = config;
    this.#environment = environment;
    this.stride = config.logEvery;
    this.episodes = new Episodes(0);
    this.agent = kind.make(
      {
        ...spaces,
        numEnvironments: 1,
        steps: totalSteps(config),
        seed: deriveSeed(config.seed, 'agent'),
        device: parseDevice(config.device, 'device'),
      },
      config.agentSettings,
    ) as SharedAgent;
  }

  get #threads(): number {
    return this.#config.threads!;
  }

  /** Starts the threads, which wait for their first steps. */
  async #start(): Promise<void> {
    this.#memory.begin(this.step);
    const shared = this.agent.share();
    for (let index = 0; index < this.#threads; index++) {
      const workerData: ThreadPlan = {
        index,
        config: this.#config,
        environment: this.#environment,
        totalSteps: totalSteps(this.#config),
        shared,
        steps: this.#memory.buffer,
      };
      const worker = new Worker(moduleBeside('./thread', import.meta.url), { workerData, execArgv: [] });
      this.#workers.push(worker);
      worker.on('message', (message: FromThread) => this.#hear(index, message));
      worker.on('error', (error) => this.#fail(error));
      worker.on('exit', (code) =>
        this.#fail(new TsumugiError('thread-died', `thread ${index} of the training ended with code ${code}`)),
      );
    }
    await this.#allWait();
  }

  #hear(index: number, message: FromThread): void {
    if ('failed' in message) this.#fail(atIndex(this.#config.environment, message.failed));
    else if ('return' in message) this.episodes.addEnded(message.return, message.length);
    else {
      this.#statistics[index] = message.statistics;
      if (++this.#waiting === this.#threads) this.#wake?.();
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  /** Until all threads wait. @throws what a thread threw */
  async #allWait(): Promise<void> {
    if (this.#waiting < this.#threads && this.#failure === undefined)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The steps of a stride, by all threads. @throws what a thread threw */
  async advance(): Promise<void> {
    if (this.#workers.length === 0) await this.#start();
    this.#waiting = 0;
    this.#memory.raise(this.step + this.stride);
    await this.#allWait();
  }

  /** The stride that `advance` took. */
  takeStep(): void {
    this.step += this.stride;
    this.agent.steps = this.step;
  }

  /** Means over the threads. */
  statistics(): Record<string, number> {
    const names = Object.keys(this.#statistics[0] ?? {});
    const mean = (name: string) =>
      this.#statistics.reduce((sum, each) => sum + each[name]!, 0) / this.#statistics.length;
    return Object.fromEntries(names.map((name) => [name, mean(name)]));
  }

  checkpoint(saved: number): CheckpointContent {
    const { tensors, state } = this.agent.state();
    requireFiniteState({ tensors, state }, this.step, saved);
    const { episodes, seconds } = this;
    return { tensors, state: { agent: state, environments: null, episodes: { ...episodes.state }, seconds } };
  }

  /** Goes on with weights and optimizer; the threads' episodes and replay are lost. */
  restore(checkpoint: LoadedCheckpoint): boolean {
    const { agent, seconds, episodes } = checkpoint.stateAs(trainerSchema);
    agentGroups(checkpoint, (tensors) => this.agent.loadState({ tensors, state: agent }));
    this.step = checkpoint.step;
    this.agent.steps = checkpoint.step;
    this.seconds = seconds;
    this.episodes.state = episodes;
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#memory.end();
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    this.agent[Symbol.dispose]();
  }
}
