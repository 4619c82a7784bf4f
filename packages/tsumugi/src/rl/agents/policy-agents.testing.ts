// What every agent with a policy is tested with: small models, a task that is the same whatever is done, ABC.
import { expect } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { Linear, lecunNormal, Sequential, tanh, zerosInit } from '../../nn/index.ts';
import { Rng, scope, type Tensor } from '../../torch/index.ts';
import type { Agent, AgentState, Outcome } from '../agent.ts';
import type { Action, Environment } from '../environment.ts';
import { Abc, type AbcOptions } from '../environments/abc/abc.ts';
import {
  ActorCritic,
  type PolicyHead,
  SoftmaxHead,
  StateIndependentGaussianHead,
  ValueHead,
} from '../networks/index.ts';
import { Box, Discrete, type Space } from '../spaces/index.ts';

export const smallSpaces = {
  discrete: { observationSpace: new Box(-3, 3, [3]), actionSpace: new Discrete(2, 5) },
  continuous: { observationSpace: new Box(-3, 3, [3]), actionSpace: new Box(-1, 1, [2]) },
};

export function smallModel(
  { observationSpace, actionSpace }: { observationSpace: Space; actionSpace: Space },
  { hidden = 8, separate = false, seed = 1 } = {},
): ActorCritic {
  const rng = new Rng(seed, 'cpu');
  const layer = { rng, weightInit: lecunNormal(), biasInit: zerosInit() };
  const body = () => new Sequential(new Linear(observationSpace.shape[0]!, hidden, layer), tanh);
  const policy: PolicyHead =
    actionSpace instanceof Discrete
      ? new SoftmaxHead(hidden, actionSpace.n, { rng })
      : new StateIndependentGaussianHead(hidden, actionSpace.shape[0]!, { rng, parameter: 'log-std' });
  return new ActorCritic({
    body: body(),
    policy,
    value: new ValueHead(hidden, { rng }),
    ...(separate && { valueBody: body() }),
  });
}

/** What happens to N environments, whatever is done in them: observations, rewards and ends of a stream. */
export function* happenings(environments: number, seed: number): Generator<Outcome[]> {
  const stream = new RandomStream(seed);
  for (;;)
    yield Array.from({ length: environments }, () => {
      const end = stream.next();
      return {
        reward: stream.next(),
        next: Float32Array.from({ length: 3 }, () => 2 * stream.next() - 1),
        terminated: end < 0.15,
        truncated: end > 0.9,
      };
    });
}

/** Takes so many rounds of steps; the actions. */
export function live(agent: Agent, outcomes: Iterator<Outcome[]>, first: Outcome[], rounds: number) {
  let before = first;
  const actions: Action[][] = [];
  for (let round = 0; round < rounds; round++) {
    actions.push(agent.act(before.map(({ next }) => next)));
    before = outcomes.next().value;
    agent.observe(before);
  }
  return { actions: actions.flat().map((action) => (typeof action === 'number' ? action : [...action])), last: before };
}

const copyOf = ({ tensors, state }: AgentState): AgentState => ({
  tensors: Object.fromEntries(
    Object.entries(tensors).map(([group, named]) => [
      group,
      named.map(([name, each]): [string, Tensor] => [name, each.clone()]),
    ]),
  ),
  state: structuredClone(state),
});

const bytesOf = (agent: Agent) =>
  scope(() =>
    Object.fromEntries(
      Object.entries(agent.state().tensors).map(([group, named]) => [
        group,
        named.map(([name, each]) => [name, Buffer.from(each.bytes()).toString('base64')]),
      ]),
    ),
  );

/** An agent saved half-way, loaded into a fresh one: both go on with the same bits. */
export function expectSameAfterResume(make: () => Agent, environments: number, before: number, after: number): void {
  scope(() => {
    using whole = make();
    const outcomes = happenings(environments, 11);
    const { last } = live(whole, outcomes, outcomes.next().value!, before);
    const saved = copyOf(whole.state());
    const rest = Array.from({ length: after }, () => outcomes.next().value!);
    const right = live(whole, rest[Symbol.iterator]() as never, last, after);
    using fresh = make();
    fresh.loadState(saved);
    expect(live(fresh, rest[Symbol.iterator]() as never, last, after).actions).toEqual(right.actions);
    expect(bytesOf(fresh)).toEqual(bytesOf(whole));
    expect(fresh.statistics()).toEqual(whole.statistics());
  });
}

/** The mean return of some episodes. */
export function evaluate(agent: Agent, environment: Environment, episodes: number, maxSteps = 100): number {
  using actor = agent.actor({ seed: 1 });
  let total = 0;
  for (let episode = 0; episode < episodes; episode++) {
    let { observation } = environment.reset();
    actor.reset(0);
    for (let step = 0; step < maxSteps; step++) {
      const result = environment.step(actor.act([observation])[0]!);
      total += result.reward;
      observation = result.observation;
      if (result.terminated || result.truncated) break;
    }
  }
  return total / episodes;
}

/** Trains in some environments until five episodes give the return `goal`, twice in a row; the steps that it took, or ∞. */
export function stepsToLearn(
  agent: Agent,
  make: () => Environment,
  { environments = 1, steps = 20_000, every = 200, goal = 1, episodes = 5, maxEpisode = 100 } = {},
): number {
  const all = Array.from({ length: environments }, make);
  using test = make();
  test.reset({ seed: 1000 });
  let observations = all.map((environment, i) => environment.reset({ seed: i }).observation);
  const ages = all.map(() => 0);
  let reached = 0;
  expect(evaluate(agent, test, episodes), 'what can be done without learning shows nothing').toBeLessThan(goal);
  try {
    for (let step = 0; step < steps; step += environments) {
      const actions = agent.act(observations);
      const outcomes = all.map((environment, i) => {
        const { observation, reward, terminated, truncated } = environment.step(actions[i]!);
        const cut = truncated || ++ages[i]! >= maxEpisode;
        return { reward, next: observation, terminated, truncated: cut && !terminated };
      });
      agent.observe(outcomes);
      observations = outcomes.map(({ next, terminated, truncated }, i) => {
        if (!terminated && !truncated) return next;
        ages[i] = 0;
        return all[i]!.reset().observation;
      });
      const after = step + environments;
      if (Math.floor(after / every) === Math.floor(step / every)) continue;
      reached = evaluate(agent, test, episodes) >= goal ? reached + 1 : 0;
      if (reached === 2) return after;
    }
    return Infinity;
  } finally {
    for (const each of all) each[Symbol.dispose]();
  }
}

export const abc = (options: AbcOptions = {}) => new Abc({ deterministic: true, ...options });

/** The spaces of ABC. */
export function abcSpaces(options: AbcOptions = {}): { observationSpace: Space; actionSpace: Space } {
  using environment = abc(options);
  const { observationSpace, actionSpace } = environment;
  return { observationSpace, actionSpace };
}
