// What tests of agents share: places to act in, training on ABC until every episode has the best return, and a run that is cut
// in two by a checkpoint.

import { type Tensor, tensor } from '../../torch/index.ts';
import type { Actor, Agent, AgentState } from '../agent.ts';
import type { Environment, Observation } from '../environment.ts';
import { Abc, type AbcOptions } from '../environments/abc/abc.ts';
import type { AgentKind, AgentPlace } from './kind-config.ts';

export const placeOf = (
  { observationSpace, actionSpace }: Pick<Environment, 'observationSpace' | 'actionSpace'>,
  given: Partial<AgentPlace> = {},
): AgentPlace => ({
  observationSpace,
  actionSpace,
  numEnvironments: 1,
  steps: 10_000,
  seed: 0,
  device: 'cpu',
  ...given,
});

/** An agent of a kind in a place, with settings that are checked as those of a file are. */
export const makeAgent = ({ config, make }: AgentKind, place: AgentPlace, settings: object): Agent =>
  make(place, config.parse(settings));

/** Environments that are acted in together: an episode that ended is followed by the next. */
export class Training {
  readonly #environments: readonly Environment[];
  readonly #maxSteps: number;
  #observations: Observation[];
  readonly #steps: number[];

  /** @param maxSteps after which an episode is cut off */
  constructor(environments: readonly Environment[], seed: number, maxSteps = Infinity) {
    this.#environments = environments;
    this.#maxSteps = maxSteps;
    this.#observations = environments.map((each, i) => each.reset({ seed: seed + i }).observation);
    this.#steps = environments.map(() => 0);
  }

  /** One step of each. */
  step(agent: Agent): void {
    const actions = agent.act(this.#observations);
    const outcomes = this.#environments.map((each, i) => {
      const { observation, reward, terminated, truncated } = each.step(actions[i]!);
      this.#steps[i]!++;
      return { reward, next: observation, terminated, truncated: truncated || this.#steps[i]! >= this.#maxSteps };
    });
    agent.observe(outcomes);
    this.#observations = outcomes.map(({ next, terminated, truncated }, i) => {
      if (!terminated && !truncated) return next;
      this.#steps[i] = 0;
      return this.#environments[i]!.reset().observation;
    });
  }
}

/** Return of each of so many episodes. */
export function evaluate(actor: Actor, environment: Environment, episodes: number, maxSteps = 1000): number[] {
  return Array.from({ length: episodes }, () => {
    let { observation } = environment.reset();
    actor.reset(0);
    let total = 0;
    for (let step = 0; step < maxSteps; step++) {
      const result = environment.step(actor.act([observation])[0]!);
      total += result.reward;
      observation = result.observation;
      if (result.terminated || result.truncated) break;
    }
    return total;
  });
}

/** Trains on ABC until each of five episodes returns 1, and gives the steps it took; Infinity when `steps` did not do. */
export function stepsToLearnAbc(agent: Agent, options: AbcOptions, steps: number, environments = 1): number {
  const training = new Training(
    Array.from({ length: environments }, () => new Abc(options)),
    1,
    20,
  );
  using actor = agent.actor();
  const test = new Abc({ ...options, deterministic: true });
  test.reset({ seed: 100 });
  for (let step = environments; step <= steps; step += environments) {
    training.step(agent);
    if (step % 100 >= environments) continue;
    const best =
      evaluate(actor, test, 5, 20).every((each) => each === 1) &&
      evaluate(actor, test, 5, 20).every((each) => each === 1);
    if (best) return step;
  }
  return Infinity;
}

/** A copy of a state, as a checkpoint brings it back. Its tensors belong to the scope around. */
export const copyState = ({ tensors, state }: AgentState): AgentState => ({
  tensors: Object.fromEntries(
    Object.entries(tensors).map(([group, list]) => [group, list.map(([path, each]) => [path, each.clone()] as const)]),
  ),
  state: structuredClone(state),
});

/** Every number of a state, to be compared bit for bit. */
export const stateBytes = ({ tensors, state }: AgentState): unknown => ({
  tensors: Object.entries(tensors).map(([group, list]) => [
    group,
    list.map(([path, each]): [string, string] => [path, Buffer.from(each.bytes()).toString('base64')]),
  ]),
  state,
});

export const table = (rows: readonly (readonly number[])[]): Tensor => tensor(rows.map((row) => [...row]));
