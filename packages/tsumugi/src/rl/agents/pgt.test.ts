// PGT: losses by hand, resume, settings that change something, and learning.
import { describe, expect, it } from 'vitest';
import { checkSettings } from '../../base/index.ts';
import { convert, gradcheck, namedParameters } from '../../nn/index.ts';
import { backward, noGrad, scope, type Tensor, tensor } from '../../torch/index.ts';
import type { PGT } from './pgt.ts';
import { pgt } from './pgt-config.ts';
import {
  abc,
  abcSpaces,
  expectSameAfterResume,
  happenings,
  live,
  smallSpaces,
  stepsToLearn,
} from './policy-agents.testing.ts';

function make(changes: object = {}, spaces: object = smallSpaces.continuous, numEnvironments = 1): PGT {
  const settings = { hidden: [8], replayStart: 8, batchSize: 4, learningRate: 1e-2, capacity: 500, ...changes };
  const place = {
    ...(spaces as { observationSpace: never; actionSpace: never }),
    numEnvironments,
    steps: 1000,
    seed: 3,
  };
  return pgt.make({ ...place, device: 'cpu' }, checkSettings('pgt', pgt.config, settings)) as PGT;
}
const numbers = (x: Tensor) => x.flatten().tolist() as number[];

it('the losses are the formulas', () => {
  scope(() => {
    using agent = make({ entropyCoefficient: 0.1 });
    const batch = {
      observation: tensor([
        [1, 0, -1],
        [0.5, 2, 0],
      ]),
      action: tensor([
        [0.3, -0.2],
        [1, 0.1],
      ]),
      reward: tensor([1, -1]),
      next: tensor([
        [0, 0, 0],
        [1, 1, 1],
      ]),
      bootstrap: tensor([0.9, 0]),
      weight: undefined,
    };
    noGrad(() => {
      const policy = agent.policy.forward(batch.observation);
      const q = numbers(agent.critic.forward(batch.observation, batch.action));
      const atMode = numbers(agent.critic.forward(batch.observation, policy.mode()));
      const [logs, entropies] = [numbers(policy.logProbability(batch.action)), numbers(policy.entropy())];
      const right = -[0, 1].reduce((sum, i) => sum + ((q[i]! - atMode[i]!) * logs[i]! + 0.1 * entropies[i]!) / 2, 0);
      expect(agent.lossOfActions(batch.observation, () => batch.action).item()).toBeCloseTo(right, 5);
      // The policy's loss is of what it draws now, whatever was done then.
      const state = agent['rng'].state;
      const drawn = policy.sample(agent['rng']);
      const lossOf = (action: Tensor) => {
        agent['rng'].state = state;
        return agent.policyLoss({ ...batch, action }).item();
      };
      expect(lossOf(batch.action)).toBe(agent.lossOfActions(batch.observation, () => drawn).item());
      expect(lossOf(batch.action.neg())).toBe(lossOf(batch.action));
      // Where nothing follows the target is the reward.
      const last = { ...batch, bootstrap: tensor([0, 0]) };
      const critic = ((q[0]! - 1) ** 2 + (q[1]! + 1) ** 2) / 2;
      expect(agent.criticLoss(last).loss.item()).toBeCloseTo(critic, 5);
      expect(agent.criticLoss(batch).loss.item()).not.toBeCloseTo(critic, 3);
    });
  });
});

describe('actions lie in [−1, 1]', () => {
  /** An agent whose policy thinks far beyond the edge, and whose critics note the actions that they are asked about. */
  function beyond() {
    const agent = make({ logStd: 2 });
    const asked: number[] = [];
    for (const critic of [agent.critic, agent.targetCritic.network]) {
      const forward = critic.forward.bind(critic);
      critic.forward = (observations, actions) => {
        asked.push(...numbers(actions.detach()));
        return forward(observations, actions);
      };
    }
    const [policy] = [agent.policy, agent.targetPolicy.network].map((each) => {
      const forward = each.forward.bind(each);
      each.forward = ((x: Tensor) => {
        const [mean, variance] = forward(x).parameters as [Tensor, Tensor];
        return forward(x).withParameters([mean.add(5), variance]);
      }) as typeof each.forward;
      return each;
    });
    return { agent, asked, policy };
  }
  const batch = () => ({
    observation: tensor([[1, 0, -1]]),
    action: tensor([[0.3, -0.2]]),
    reward: tensor([1]),
    next: tensor([[0, 0, 0]]),
    bootstrap: tensor([0.9]),
    weight: undefined,
  });

  it('where critics are asked about them', () => {
    scope(() => {
      const { agent, asked } = beyond();
      agent.criticLoss(batch());
      agent.policyLoss(batch());
      expect(asked.length).toBe(8);
      expect(Math.max(...asked.map(Math.abs))).toBeLessThanOrEqual(1);
      agent[Symbol.dispose]();
    });
  });

  it('and targets are made by the target networks', () => {
    scope(() => {
      const lossOf = (change: (agent: PGT) => unknown) => {
        using agent = make();
        noGrad(() => void change(agent));
        return agent.criticLoss(batch()).loss.item();
      };
      const plain = lossOf(() => {});
      const spoil = (network: { parameters(): Tensor[] }) =>
        network.parameters().forEach((each) => void each.fill_(0.3));
      expect(lossOf((agent) => spoil(agent.policy))).toBe(plain);
      expect(lossOf((agent) => spoil(agent.targetPolicy.network))).not.toBe(plain);
      expect(lossOf((agent) => spoil(agent.targetCritic.network))).not.toBe(plain);
    });
  });

  it('where it acts, drawn or not', () => {
    scope(() => {
      const { agent } = beyond();
      for (const deterministic of [true, false]) {
        using actor = agent.actor({ deterministic });
        const [action] = actor.act([Float32Array.of(1, 0, -1)]);
        expect(Math.max(...Array.from(action as Float32Array, Math.abs))).toBeLessThanOrEqual(1);
      }
      agent[Symbol.dispose]();
    });
  });
});

describe('gradients are those of central differences', () => {
  /** In float64, so that differences are exact enough; actions in the box, at its edge and where nothing follows. */
  function inDouble(changes: object = {}) {
    const agent = make(changes);
    for (const network of [agent.policy, agent.critic, agent.targetPolicy.network, agent.targetCritic.network])
      convert(network, 'float64');
    const double = (values: number[] | number[][]) => tensor(values, { dtype: 'float64' });
    const batch = {
      observation: double([[1, 0, -1], [0.5, 2, 0], [-0.3, 0.8, 0.1]]),
      action: double([[0.3, -0.2], [1, 0.1], [-0.7, 0.4]]),
      reward: double([1, -1, 0.5]),
      next: double([[0, 0, 0], [1, 1, 1], [0.2, -0.4, 0.9]]),
      bootstrap: double([0.9, 0, 0.8]),
      weight: undefined,
    }; // biome-ignore format: tables
    return { agent, batch };
  }

  it("of the critic's loss, whose targets are constants", () => {
    scope(() => {
      const { agent, batch } = inDouble();
      using _ = agent;
      const parameters = namedParameters(agent.critic);
      const state = agent['rng'].state;
      const loss = () => {
        // The next actions are drawn: the same ones each time.
        agent['rng'].state = state;
        return agent.criticLoss(batch).loss;
      };
      const options = { names: parameters.map(([path]) => path) };
      gradcheck(
        loss,
        parameters.map(([, each]) => each),
        options,
      );
    });
  });

  it("of the policy's loss, whose advantages are constants", () => {
    scope(() => {
      const { agent, batch } = inDouble({ entropyCoefficient: 0.1 });
      using _ = agent;
      const parameters = namedParameters(agent.policy);
      const advantages = noGrad(() => {
        const likeliest = agent.policy.forward(batch.observation).mode();
        return agent.critic
          .forward(batch.observation, batch.action)
          .sub(agent.critic.forward(batch.observation, likeliest));
      });
      expect(Math.min(...numbers(advantages).map(Math.abs))).toBeGreaterThan(0.01);
      // −mean(A log π + β H) of a normal distribution with A as numbers, by the mean and the variance alone.
      const held = () => {
        const { mean, variance } = agent.policy.forward(batch.observation) as unknown as Record<string, Tensor>;
        const [m, v, a, q] = [mean!, variance!, batch.action, advantages].map(numbers) as number[][];
        let sum = 0;
        for (let i = 0; i < 3; i++)
          for (let k = 2 * i; k < 2 * i + 2; k++) {
            const log = -0.5 * ((a![k]! - m![k]!) ** 2 / v![k]! + Math.log(2 * Math.PI * v![k]!));
            sum += q![i]! * log + 0.1 * 0.5 * (1 + Math.log(2 * Math.PI * v![k]!));
          }
        return -sum / 3;
      };
      const loss = agent.lossOfActions(batch.observation, () => batch.action);
      expect(loss.item()).toBeCloseTo(noGrad(held), 10);
      backward(loss);
      for (const [path, parameter] of parameters) {
        const analytic = numbers(parameter.grad!);
        const values = numbers(parameter);
        const at = (k: number, value: number) =>
          noGrad(() =>
            scope(() => {
              const moved = values.with(k, value);
              parameter.copy_(tensor(moved, { dtype: 'float64', shape: parameter.shape }));
              return held();
            }),
          );
        const eps = 1e-5;
        values.forEach((value, k) => {
          const numeric = (at(k, value + eps) - at(k, value - eps)) / (2 * eps);
          expect(analytic[k], `${path} at ${k}`).toBeCloseTo(numeric, 7);
        });
        at(0, values[0]!);
      }
    });
  });
});

it('evaluation draws, or takes the likeliest action', () => {
  using agent = make();
  for (const deterministic of [true, false]) {
    using actor = agent.actor({ deterministic, seed: 2 });
    const [one, two] = [0, 1].map(() => [...(actor.act([Float32Array.of(1, 0, -1)])[0] as Float32Array)]);
    if (deterministic) expect(two).toEqual(one);
    else expect(two).not.toEqual(one);
  }
});

describe('update', () => {
  const trained = (changes: object = {}) =>
    scope(() => {
      using agent = make(changes);
      const outcomes = happenings(1, 11);
      live(agent, outcomes, outcomes.next().value!, 20);
      return [agent.policy, agent.critic].flatMap((network) => network.parameters().flatMap(numbers));
    });

  it.each<[string, object]>([
    ['gamma', { gamma: 0.5 }],
    ['entropyCoefficient', { entropyCoefficient: 0.5 }],
    ['softUpdate', { softUpdate: 0.5 }],
    ['logStd', { logStd: 0 }],
    ['steps', { steps: 2 }],
    ['updatesPerInterval', { updatesPerInterval: 2 }],
  ])('depends on %s', (_, changes) => {
    expect(trained(changes)).not.toEqual(trained());
  });
});

it('goes on bit for bit after a resume', () => {
  expectSameAfterResume(() => make({}, smallSpaces.continuous, 2), 2, 11, 12);
});

it('learns ABC', () => {
  scope(() => {
    using agent = make(
      { replayStart: 200, batchSize: 32, hidden: [16], capacity: 20_000 },
      abcSpaces({ discrete: false }),
    );
    expect(stepsToLearn(agent, () => abc({ discrete: false }))).toBeLessThan(Infinity);
  });
});
