// What agents with a policy have in common where they act: memories of environments, normalized observations, evaluation, steps of
// an optimizer.
import { describe, expect, it } from 'vitest';
import { checkSettings, UserError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { Module, parameter } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { noGrad, scope, type Tensor, tensor, zeros } from '../../torch/index.ts';
import { Deterministic } from '../distributions/index.ts';
import type { RecurrentActorCriticModule, RecurrentPolicyValues } from '../networks/index.ts';
import type { PolicyAgent } from './policy-agent.ts';
import { happenings, live, smallModel, smallSpaces } from './policy-agents.testing.ts';
import { PolicyStepper } from './policy-stepper.ts';
import { agentKind } from './registry.ts';
import { REINFORCE, reinforceLoss, rewardsToGo } from './reinforce.ts';
import { takeStep } from './take-step.ts';

const made = async (name: string, settings: object, numEnvironments = 1) => {
  const kind = await agentKind(name);
  const place = { ...smallSpaces.continuous, numEnvironments, steps: 1000, seed: 3, device: 'cpu' } as const;
  return kind.make(place, checkSettings(name, kind.config, { hidden: [4], ...settings })) as PolicyAgent;
};

/** Counts steps: the state of each environment is how many there were since it was 0. */
class Counting extends Module implements RecurrentActorCriticModule {
  readonly stateSize = 2;
  weight = parameter(tensor([1]));

  initialState(batch: number): Tensor {
    return zeros([batch, 2]);
  }

  unroll(x: Tensor, state: Tensor): RecurrentPolicyValues {
    const after = state.add(1);
    return { distribution: new Deterministic(x), values: x.sum(-1), state: after };
  }
}

it('an environment forgets what it remembered, and no other one does', () => {
  scope(() => {
    using model = new Counting();
    const stepper = new PolicyStepper(model, 3);
    const step = () => void stepper.policy(zeros([3, 2]));
    step();
    step();
    stepper.reset(1);
    expect([...stepper.memory]).toEqual([2, 2, 0, 0, 2, 2]);
    step();
    expect([...stepper.memory]).toEqual([3, 3, 1, 1, 3, 3]);
  });
});

describe('an actor', () => {
  const seen = [Float32Array.of(1, -1, 0.5)];
  const numbers = (actions: readonly unknown[]) => [...(actions[0] as Float32Array)];

  it('remembers within an episode, and forgets it at its end', async () => {
    using agent = await made('a2c', { memory: 'rnn-tanh', memorySize: 4 });
    scope(() => {
      using actor = agent.actor();
      const [first, second] = [numbers(actor.act(seen)), numbers(actor.act(seen))];
      expect(second).not.toEqual(first);
      actor.reset(0);
      expect([numbers(actor.act(seen)), numbers(actor.act(seen))]).toEqual([first, second]);
    });
  });

  it('sees observations as the agent does: normalized', async () => {
    using agent = await made('a2c', { normalizeObservations: true });
    scope(() => {
      using actor = agent.actor();
      const before = numbers(actor.act(seen));
      agent.normalizer!.experience(tensor([[5, 6, 7], [8, 8, 8]])); // biome-ignore format: a table
      expect(numbers(actor.act(seen))).not.toEqual(before);
    });
  });

  it('draws by its seed, or takes the likeliest action', async () => {
    using agent = await made('a2c', {});
    scope(() => {
      const acts = (options: object) => {
        using actor = agent.actor(options);
        return [numbers(actor.act(seen)), numbers(actor.act(seen))];
      };
      const [one, two] = acts({ deterministic: true });
      expect(two).toEqual(one);
      const drawn = acts({ deterministic: false, seed: 1 });
      expect(drawn[0]).not.toEqual(drawn[1]);
      expect(acts({ deterministic: false, seed: 1 })).toEqual(drawn);
      expect(acts({ deterministic: false, seed: 2 })).not.toEqual(drawn);
    });
  });
});

it.each([
  ['ppo', { updateInterval: 8, minibatchSize: 4, epochs: 2 }],
  ['reinforce', { batchSize: 2, timeouts: 'terminal' }],
  ['trpo', { updateInterval: 8, valueBatchSize: 4 }],
  ['a3c', { maxSteps: 3 }],
  ['acer', { maxSteps: 3, replayStart: 6, replayUpdates: 3 }],
  ['a2c', { updateSteps: 4 }],
] as const)('%s: its normalizer takes each observation in once', async (name, settings) => {
  using agent = await made(name, { ...settings, normalizeObservations: true }, 2);
  scope(() => {
    const outcomes = happenings(2, 11);
    live(agent, outcomes, outcomes.next().value!, 24);
    const count = agent.normalizer!.count.item();
    expect(count).toBeGreaterThan(24);
    expect(count).toBeLessThanOrEqual(48);
  });
});

it('pcl: its normalizer takes in what it learns from', async () => {
  using agent = await made('pcl', { maxSteps: 3, batchSize: 2, replayStart: 6, normalizeObservations: true }, 2);
  scope(() => {
    const outcomes = happenings(2, 11);
    live(agent, outcomes, outcomes.next().value!, 24);
    expect(agent.normalizer!.count.item()).toBeGreaterThan(24);
  });
});

it('a loss that is no number changes nothing', () => {
  scope(() => {
    const weight = parameter(tensor([1, 2]));
    using optimizer = new SGD([weight], { lr: 1 });
    const loss = weight.sum().mul(Number.NaN);
    expect(thrown(UserError, () => takeStep(optimizer, loss, null)).code).toBe('not-finite');
    expect(weight.tolist()).toEqual([1, 2]);
    takeStep(optimizer, weight.sum(), null);
    takeStep(optimizer, weight.sum(), null);
    expect(weight.tolist(), 'gradients are of the loss alone').toEqual([-1, 0]);
    takeStep(optimizer, weight.sum().mul(30), Math.SQRT2);
    expect((weight.tolist() as number[]).map((x) => x.toFixed(4))).toEqual(['-2.0000', '-1.0000']);
    weight.dispose();
  });
});

describe('REINFORCE, from update to update', () => {
  const spaces = smallSpaces.discrete;
  const observations = [0, 1, 2].map((t) => [t, 0, 1]);

  /** An episode; what was taken. */
  function episode(agent: REINFORCE): number[] {
    return observations.map((observation, t) => {
      const action = (agent.act([Float32Array.from(observation)])[0] as number) - 5;
      agent.observe([{ reward: t + 1, next: Float32Array.of(0, 0, 0), terminated: t === 2, truncated: false }]);
      return action;
    });
  }

  it('each takes the gradients of its own episodes, scaled down to a norm', () => {
    scope(() => {
      const model = smallModel(spaces);
      using before = smallModel(spaces);
      using agent = new REINFORCE({
        ...spaces,
        seed: 3,
        model,
        optimizer: new SGD(model.parameters(), { lr: 1 }),
        batchSize: 1,
        entropyCoefficient: 0,
        timeouts: 'drop',
        maxGradNorm: 0.01,
      });
      episode(agent);
      noGrad(() => before.parameters().forEach((each, i) => void each.copy_(model.parameters()[i]!)));
      const taken = episode(agent);
      reinforceLoss(
        before.policyOf(tensor(observations)),
        tensor(taken, { dtype: 'int64' }),
        tensor([...rewardsToGo([1, 2, 3])]),
        0,
      ).backward();
      const flat = (of: (each: Tensor, i: number) => Tensor) =>
        before.parts.policy.flatMap((each, i) => of(each, i).flatten().tolist() as number[]);
      const gradient = flat((each) => each.grad!);
      const norm = Math.hypot(...gradient);
      expect(norm).toBeGreaterThan(0.01);
      const moved = flat((each, i) => each.detach().sub(model.parts.policy[i]!.detach()));
      moved.forEach((value, i) => void expect(value).toBeCloseTo((gradient[i]! * 0.01) / norm, 5));
    });
  });
});
