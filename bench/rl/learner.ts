// An agent in an environment, step by step: what is timed.
import { type Agent, type AgentPlace, agentKind, type Environment, type Observation } from 'tsumugi/rl';

export class Learner implements Disposable {
  readonly agent: Agent;
  readonly #environment: Environment;
  #observation: Observation;

  private constructor(agent: Agent, environment: Environment) {
    this.agent = agent;
    this.#environment = environment;
    this.#observation = environment.reset({ seed: 1 }).observation;
  }

  static async make(name: string, settings: object, environment: Environment): Promise<Learner> {
    const kind = await agentKind(name);
    const { observationSpace, actionSpace } = environment;
    const place: AgentPlace = { observationSpace, actionSpace, numEnvironments: 1, steps: 1e6, seed: 1, device: 'cpu' };
    return new Learner(kind.make(place, kind.config.parse(settings)), environment);
  }

  /** Acts without learning, on the observation that it stands at. */
  act(): void {
    this.agent.act([this.#observation]);
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) {
      const [action] = this.agent.act([this.#observation]);
      const { observation, reward, terminated, truncated } = this.#environment.step(action!);
      this.agent.observe([{ reward, next: observation, terminated, truncated }]);
      this.#observation = terminated || truncated ? this.#environment.reset().observation : observation;
    }
  }

  [Symbol.dispose](): void {
    this.agent[Symbol.dispose]();
    this.#environment[Symbol.dispose]();
  }
}
