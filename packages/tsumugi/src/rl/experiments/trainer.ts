// An agent in its environments, step by step, and the state from which that goes on.
import { deriveSeed } from '../../base/index.ts';
import type { CheckpointContent, LoadedCheckpoint, State } from '../../store/index.ts';
import { parseDevice, scope, type Tensor } from '../../torch/index.ts';
import type { Agent, AgentState, Outcome } from '../agent.ts';
import type { AgentKind } from '../agents/kind-config.ts';
import type { Observation } from '../environment.ts';
import type { VectorEnvironment } from '../vector/index.ts';
import { requireFiniteState } from './divergence.ts';
import { Episodes } from './episodes-state.ts';
import type { RlConfig } from './train-config.ts';
import { trainerSchema } from './trainer-state.ts';

/** Steps that are taken at a time: one of each environment, or, by threads, those between two looks at them. */
const strideOf = ({ numEnvironments, threads, logEvery }: RlConfig): number =>
  threads === undefined ? numEnvironments : logEvery;

/** Steps of a run: as many as were asked for, and those that complete the last stride. */
export const totalSteps = (config: RlConfig): number => Math.ceil(config.steps / strideOf(config)) * strideOf(config);

/** What takes the steps of a training. */
export interface TrainerLike {
  readonly agent: Agent;
  readonly episodes: Episodes;
  /** Steps of `takeStep`. */
  readonly stride: number;
  /** Steps done, of all environments together. */
  readonly step: number;
  /** Seconds at work, of earlier processes too. */
  seconds: number;
  /** What takes its time before `takeStep`, where something does. */
  advance?(): Promise<void>;
  takeStep(): void;
  statistics(): Readonly<Record<string, number>>;
  checkpoint(saved: number): CheckpointContent;
  /** Whether the episodes in progress go on, too. */
  restore(checkpoint: LoadedCheckpoint): boolean;
}

export class Trainer implements TrainerLike, Disposable {
  readonly agent: Agent;
  readonly episodes: Episodes;
  readonly environments: VectorEnvironment;
  /** Steps done, of all environments together. */
  step = 0;
  /** Seconds at work, of earlier processes too. */
  seconds = 0;
  readonly #config: RlConfig;
  #observations: Observation[];

  /** @param config with all of the agent's settings */
  constructor(config: RlConfig, kind: AgentKind, environments: VectorEnvironment) {
    const { observationSpace, actionSpace, size } = environments;
    this.#config = config;
    this.environments = environments;
    this.episodes = new Episodes(size);
    this.agent = kind.make(
      {
        observationSpace,
        actionSpace,
        numEnvironments: size,
        steps: totalSteps(config),
        seed: deriveSeed(config.seed, 'agent'),
        device: parseDevice(config.device, 'device'),
      },
      config.agentSettings,
    );
    this.#observations = environments.reset({ seed: deriveSeed(config.seed, 'environments') });
  }

  get stride(): number {
    return this.environments.size;
  }

  statistics(): Readonly<Record<string, number>> {
    return this.agent.statistics();
  }

  /** One step of all environments: act, step, learn. */
  takeStep(): void {
    const { agent, environments, episodes } = this;
    const { outcomes, observations } = environments.step(agent.act(this.#observations));
    episodes.add(outcomes);
    agent.observe(this.#config.timeLimitTerminates ? outcomes.map(ended) : outcomes);
    this.#observations = observations;
    this.step += environments.size;
  }

  /** @throws UserError `diverged` when what was learned is not finite */
  checkpoint(saved: number): CheckpointContent {
    const { agent, environments, episodes, seconds } = this;
    const { tensors, state } = agent.state();
    requireFiniteState({ tensors, state }, this.step, saved);
    const snapshot = environments.snapshot?.();
    return {
      tensors,
      state: {
        agent: state,
        environments: (snapshot as State | undefined) ?? null,
        episodes: { ...episodes.state },
        seconds,
      },
    };
  }

  /**
   * Goes on from a checkpoint. Returns whether the environments do so too; otherwise their episodes are lost, and new ones begin.
   *
   * @throws CheckpointError when it is of another agent
   */
  restore(checkpoint: LoadedCheckpoint): boolean {
    const { agent, environments, seconds, episodes } = checkpoint.stateAs(trainerSchema);
    agentGroups(checkpoint, (tensors) => this.agent.loadState({ tensors, state: agent }));
    this.step = checkpoint.step;
    this.seconds = seconds;
    this.episodes.state = episodes;
    if (environments !== null && this.environments.restore) {
      this.#observations = this.environments.restore(environments);
      return true;
    }
    for (let i = 0; i < this.environments.size; i++) {
      if (this.episodes.hasBegun(i)) this.agent.abandon(i);
      this.episodes.forget(i);
    }
    this.#observations = this.environments.reset({ seed: deriveSeed(this.#config.seed, 'environments', this.step) });
    return false;
  }

  [Symbol.dispose](): void {
    this.agent[Symbol.dispose]();
  }
}

const ended = (outcome: Outcome): Outcome =>
  outcome.truncated ? { ...outcome, terminated: true, truncated: false } : outcome;

/** Hands over the tensors of an agent in a checkpoint, which hold as long as `use` runs. */
export function agentGroups(checkpoint: LoadedCheckpoint, use: (tensors: AgentState['tensors']) => void): void {
  scope(() => {
    const group = (name: string) => {
      const saved = checkpoint.tensors(name);
      return saved.names.map((path): [string, Tensor] => [path, saved.tensor(path)]);
    };
    use(Object.fromEntries(checkpoint.groups.map((name) => [name, group(name)])));
  });
}
