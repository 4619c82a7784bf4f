// DDPG, TD3 and SAC: losses and gradients against numbers worked out in plain JavaScript for networks of one layer; their order;
// that a saved agent goes on bit for bit; that each learns.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { constant, type Module, namedTensors, parameters } from '../../nn/index.ts';
import { Adam, SGD } from '../../optim/index.ts';
import { backward, noGrad, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import type { Agent } from '../agent.ts';
import { AdditiveGaussian, Greedy } from '../explorers/index.ts';
import { Critic, DeterministicHead, MLP, Policy, SquashedGaussianHead, TwinCritics } from '../networks/index.ts';
import { makeEnvironment } from '../registry.ts';
import { ReplayBuffer, type TensorBatch } from '../replay/index.ts';
import { Box, Discrete } from '../spaces/index.ts';
import { ActionScale } from './action-scale.ts';
import { DDPG } from './ddpg.ts';
import { SAC } from './sac.ts';
import { TD3 } from './td3.ts';

const observationSpace = new Box(-10, 10, [1]);
const actionSpace = new Box(-2, 2, [1]);
const unit = new Box(-1, 1, [1]);

const common = (spaces = { observationSpace, actionSpace }) => ({
  ...spaces,
  seed: 1,
  gamma: 0.9,
  softUpdate: 0.25,
  replay: new ReplayBuffer({ capacity: 50, ...spaces, rng: new RandomStream(1) }),
  replayStart: 2,
  batchSize: 2,
  updateInterval: 1,
  updatesPerInterval: 1,
  targetUpdateInterval: 1,
  explorer: new Greedy(),
});

/** μ(s) = tanh(0.5 s + 0.1) */
const policy = (rng: Rng) => {
  const head = new DeterministicHead(1, 1, { rng, weightInit: constant(0.5), biasInit: constant(0.1), bound: unit });
  return new Policy(new MLP(1, [], { rng }), head);
};
/** Q(s, a) = 0.3 s + 0.3 a */
const critic = (rng: Rng) => new Critic(2, [], { rng, weightInit: constant(0.3) });
const twins = (rng: Rng) => new TwinCritics(2, [], { rng, weightInit: constant(0.3) });
/** N(0.5 s + 0.1, e^(2 · 0.2)) before tanh */
const drawing = (rng: Rng) => {
  const head = new SquashedGaussianHead(1, 1, { rng, weightInit: constant(0.5), biasInit: constant(0.1) });
  noGrad(() => {
    head.logStd.weight.zero_();
    head.logStd.bias!.fill_(0.2);
  });
  return new Policy(new MLP(1, [], { rng }), head);
};
const optimizer = (network: Module) => new SGD(network, { lr: 0.1 });

const rows = { s: [1, -2], a: [0.5, -1], r: [1, 2], next: [0.4, 3], bootstrap: [0.9, 0] };
const batch = (): TensorBatch => ({
  observation: tensor(rows.s.map((value) => [value])),
  action: tensor(rows.a.map((value) => [value])),
  reward: tensor(rows.r),
  next: tensor(rows.next.map((value) => [value])),
  bootstrap: tensor(rows.bootstrap),
  weight: undefined,
});

const mu = (s: number) => Math.tanh(0.5 * s + 0.1);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const gradients = (module: Module) =>
  Object.fromEntries(
    namedTensors(module).map(([path, each]) => [path, (each.grad?.reshape([-1]).tolist() ?? []) as number[]]),
  );

function close(found: readonly number[], expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(found[i]).toBeCloseTo(value, 5);
  });
}

describe('DDPG', () => {
  const y = rows.r.map((r, i) => r + rows.bootstrap[i]! * (0.3 * rows.next[i]! + 0.3 * mu(rows.next[i]!)));
  const errors = rows.s.map((s, i) => 0.3 * s + 0.3 * rows.a[i]! - y[i]!);

  it('trains its critic on the target networks, without bootstrapping where the task ended', () => {
    scope(() => {
      using agent = new DDPG({ ...common(), policy, critic, optimizer });
      noGrad(() => agent.policy.head.linear.weight.fill_(9)); // the targets' is another one from here on
      const { loss } = agent.criticLoss(batch());
      expect(loss.item()).toBeCloseTo(mean(errors.map((error) => error ** 2)), 5);
      backward(loss);
      const { 'value.weight': weight, 'value.bias': bias } = gradients(agent.critic);
      close(weight!, [mean(errors.map((e, i) => 2 * e * rows.s[i]!)), mean(errors.map((e, i) => 2 * e * rows.a[i]!))]);
      close(bias!, [mean(errors.map((e) => 2 * e))]);
      expect(parameters(agent.targetCritic.network).every((each) => each.grad === undefined)).toBe(true);
    });
  });

  it('moves its policy towards larger values', () => {
    scope(() => {
      using agent = new DDPG({ ...common(), policy, critic, optimizer });
      noGrad(() => agent.targetCritic.network.value.weight.fill_(9)); // of no account here
      const loss = agent.policyLoss(batch());
      expect(loss.item()).toBeCloseTo(-mean(rows.s.map((s) => 0.3 * s + 0.3 * mu(s))), 5);
      backward(loss);
      const slopes = rows.s.map((s) => -0.3 * (1 - mu(s) ** 2));
      close(gradients(agent.policy)['head.linear.weight']!, [mean(slopes.map((slope, i) => slope * rows.s[i]!))]);
      close(gradients(agent.policy)['head.linear.bias']!, [mean(slopes)]);
    });
  });

  it('tells its loss and its mean value, and refuses to learn from what is no number', () => {
    using agent = new DDPG({ ...common(), policy, critic, optimizer, batchSize: 1, replayStart: 1 });
    const step = (reward: number) => {
      agent.act([Float32Array.of(1)]);
      agent.observe([{ reward, next: Float32Array.of(1), terminated: true, truncated: false }]);
    };
    step(2);
    const [action] = (agent.replay.sample(1, 1).actions as Float32Array) ?? [];
    const q = 0.3 + (0.3 * action!) / 2;
    expect(agent.statistics()['loss']! * 100).toBeCloseTo((q - 2) ** 2, 4);
    expect(agent.statistics()['average_q']! * 1000).toBeCloseTo(q, 4);
    const before = agent.critic.value.bias!.item();
    expect(() => {
      for (let i = 0; i < 40; i++) step(Number.NaN);
    }).toThrow(/update \d+: the critics' loss is NaN/);
    expect(Number.isFinite(agent.critic.value.bias!.item())).toBe(Number.isFinite(before));
  });

  it('lets its targets follow by τ at each step, before it learns', () => {
    using agent = new DDPG({ ...common(), policy, critic, optimizer, replayStart: 50 });
    noGrad(() => agent.critic.value.bias!.fill_(1));
    noGrad(() => agent.policy.head.linear.bias!.fill_(0.5));
    agent.act([Float32Array.of(0)]);
    agent.observe([{ reward: 0, next: Float32Array.of(0), terminated: false, truncated: false }]);
    expect(agent.targetCritic.network.value.bias!.item()).toBeCloseTo(0.25, 6);
    expect(agent.targetPolicy.network.head.linear.bias!.item()).toBeCloseTo(0.1 + 0.25 * 0.4, 6);
  });
});

describe('TD3', () => {
  const options = { policy, critics: twins, optimizer, targetNoise: 0, targetNoiseClip: 0.5, policyInterval: 2 };

  it('takes the smaller of both target critics, for both critics', () => {
    scope(() => {
      using agent = new TD3({ ...common(), ...options });
      noGrad(() => {
        agent.policy.head.linear.weight.fill_(9); // the targets' is another one from here on
        agent.targetCritics.network.first.value.bias!.fill_(-1);
        agent.targetCritics.network.second.value.weight.fill_(-0.2);
      });
      const { loss } = agent.criticLoss(batch());
      const y = rows.r.map((r, i) => {
        const [s, a] = [rows.next[i]!, mu(rows.next[i]!)];
        return r + rows.bootstrap[i]! * Math.min(0.3 * s + 0.3 * a - 1, -0.2 * s - 0.2 * a);
      });
      const errors = rows.s.map((s, i) => 0.3 * s + 0.3 * rows.a[i]! - y[i]!);
      expect(loss.item()).toBeCloseTo(2 * mean(errors.map((error) => error ** 2)), 5);
      backward(loss);
      const expected = [mean(errors.map((e, i) => 2 * e * rows.s[i]!)), mean(errors.map((e, i) => 2 * e * rows.a[i]!))];
      close(gradients(agent.critics)['first.value.weight']!, expected);
      close(gradients(agent.critics)['second.value.weight']!, expected);
    });
  });

  it('smooths the targets’ actions by clipped noise, inside of [−1, 1]', () => {
    scope(() => {
      using agent = new TD3({ ...common(), ...options, targetNoise: 10, targetNoiseClip: 0.3 });
      const next = tensor(Array.from({ length: 200 }, () => [0]));
      const off = (agent.targetActions(next).tolist() as [number][]).map(([a]) => a - mu(0));
      expect(Math.max(...off)).toBeCloseTo(0.3, 5);
      expect(Math.min(...off)).toBeCloseTo(-0.3, 5);
      const edge = agent.targetActions(tensor([[99], [-99]])).abs();
      expect((edge.tolist() as [number][]).every(([a]) => a <= 1)).toBe(true);
      expect(new Set(off.map((value) => value.toFixed(3))).size).toBeGreaterThan(2);
    });
  });

  it('updates its policy and its targets after every second update of the critics, by Q₁ alone', () => {
    scope(() => {
      using agent = new TD3({ ...common(), ...options });
      noGrad(() => agent.critics.second.value.weight.fill_(7));
      const loss = agent.policyLoss(batch());
      expect(loss.item()).toBeCloseTo(-mean(rows.s.map((s) => 0.3 * s + 0.3 * mu(s))), 5);
      const weight = () => agent.policy.head.linear.weight.item();
      const target = () => agent.targetCritics.network.first.value.weight.tolist();
      const targetPolicy = () => agent.targetPolicy.network.head.linear.weight.item();
      const [before, targetBefore, targetPolicyBefore] = [weight(), target(), targetPolicy()];
      const step = () => {
        agent.act([Float32Array.of(1)]);
        agent.observe([{ reward: 1, next: Float32Array.of(1), terminated: false, truncated: false }]);
      };
      step();
      step(); // two samples: the first update
      expect(agent.updates).toBe(1);
      expect([weight(), target(), targetPolicy()]).toEqual([before, targetBefore, targetPolicyBefore]);
      step();
      expect(weight()).not.toBe(before);
      expect(target()).not.toEqual(targetBefore);
      expect(targetPolicy()).toBeCloseTo(0.75 * targetPolicyBefore + 0.25 * weight(), 6);
    });
  });
});

describe('SAC', () => {
  const options = { policy: drawing, critics: twins, optimizer, initialTemperature: 0.7, targetEntropy: -1 };
  const sigma = Math.exp(0.2);
  /** a and log π(a) of what a normal number makes. */
  const drawn = (s: number, normal: number) => {
    const x = 0.5 * s + 0.1 + sigma * normal;
    const logNormal = -0.5 * normal ** 2 - Math.log(sigma) - 0.5 * Math.log(2 * Math.PI);
    return { a: Math.tanh(x), logProbability: logNormal - Math.log(1 - Math.tanh(x) ** 2), x };
  };
  /** The normal numbers that the agent draws next. */
  const normals = (agent: SAC) => {
    const rng = new Rng(0);
    rng.state = (agent as unknown as { rng: Rng }).rng.state;
    return (randn([2, 1], rng).tolist() as [number][]).map(([value]) => value);
  };

  it('bootstraps with the entropy of the action that it draws', () => {
    scope(() => {
      using agent = new SAC({ ...common(), ...options });
      const noise = normals(agent);
      const { loss } = agent.criticLoss(batch());
      const errors = rows.s.map((s, i) => {
        const { a, logProbability } = drawn(rows.next[i]!, noise[i]!);
        const soft = 0.3 * rows.next[i]! + 0.3 * a - 0.7 * logProbability;
        return 0.3 * s + 0.3 * rows.a[i]! - (rows.r[i]! + rows.bootstrap[i]! * soft);
      });
      expect(loss.item()).toBeCloseTo(mean(errors.map((error) => error ** 2)), 4);
      backward(loss);
      close(gradients(agent.critics)['first.value.bias']!, [mean(errors)]);
      expect(gradients(agent.policy)['head.mean.weight']).toEqual([]);
    });
  });

  it('trains its policy through the drawn action', () => {
    scope(() => {
      using agent = new SAC({ ...common(), ...options });
      const noise = normals(agent);
      // Of both critics the smaller value counts: it is the second's.
      noGrad(() => agent.critics.first.value.bias!.fill_(5));
      const { loss, logProbability } = agent.policyLoss(batch());
      const both = rows.s.map((s, i) => ({ s, ...drawn(s, noise[i]!) }));
      expect(loss.item()).toBeCloseTo(
        mean(both.map(({ s, a, logProbability }) => 0.7 * logProbability - 0.3 * s - 0.3 * a)),
        4,
      );
      close(
        logProbability.tolist() as number[],
        both.map(({ logProbability }) => logProbability),
      );
      backward(loss);
      // d/dμ: log π has 2 tanh(x), −Q has −0.3 (1 − tanh²x)
      const slopes = both.map(({ a }) => 0.7 * 2 * a - 0.3 * (1 - a ** 2));
      close(gradients(agent.policy)['head.mean.weight']!, [mean(slopes.map((slope, i) => slope * rows.s[i]!))]);
      expect(gradients(agent.temperature)['log']).toEqual([]);
    });
  });

  it('lowers its temperature while the entropy is above its target', () => {
    scope(() => {
      using agent = new SAC({ ...common(), ...options });
      const loss = agent.temperatureLoss(tensor([-0.5, 0.5]), -1);
      expect(loss.item()).toBeCloseTo(0.7, 5);
      backward(loss);
      close(gradients(agent.temperature)['log']!, [0.7]);
    });
  });

  it('keeps its temperature without a target', () => {
    using agent = new SAC({ ...common(), ...options, targetEntropy: null });
    for (let step = 0; step < 4; step++) {
      agent.act([Float32Array.of(1)]);
      agent.observe([{ reward: 1, next: Float32Array.of(1), terminated: false, truncated: false }]);
    }
    expect(agent.statistics()['temperature']).toBeCloseTo(0.7, 6);
    expect(agent.updates).toBe(3);
  });
});

type Maker = (spaces: { observationSpace: Box; actionSpace: Box }, others?: object) => Agent;
const sizes = [16];
const lr = 3e-3;
const small: Record<string, Maker> = {
  ddpg: (spaces, others) => {
    const { low } = spaces.actionSpace;
    const inputs = spaces.observationSpace.low.length;
    return new DDPG({
      ...common(spaces),
      policy: (rng) =>
        new Policy(
          new MLP(inputs, sizes, { rng }),
          new DeterministicHead(sizes[0]!, low.length, { rng, bound: new Box(-1, 1, [low.length]) }),
        ),
      critic: (rng) => new Critic(inputs + low.length, sizes, { rng }),
      optimizer: (network) => new Adam(network, { lr }),
      explorer: new AdditiveGaussian(0.3, new Box(-1, 1, [low.length]), new RandomStream(3)),
      ...others,
    });
  },
  td3: (spaces, others) => {
    const { low } = spaces.actionSpace;
    const inputs = spaces.observationSpace.low.length;
    return new TD3({
      ...common(spaces),
      policy: (rng) =>
        new Policy(
          new MLP(inputs, sizes, { rng }),
          new DeterministicHead(sizes[0]!, low.length, { rng, bound: new Box(-1, 1, [low.length]) }),
        ),
      critics: (rng) => new TwinCritics(inputs + low.length, sizes, { rng }),
      optimizer: (network) => new Adam(network, { lr }),
      explorer: new AdditiveGaussian(0.3, new Box(-1, 1, [low.length]), new RandomStream(3)),
      targetNoise: 0.2,
      targetNoiseClip: 0.5,
      policyInterval: 2,
      ...others,
    });
  },
  sac: (spaces, others) => {
    const { low } = spaces.actionSpace;
    const inputs = spaces.observationSpace.low.length;
    return new SAC({
      ...common(spaces),
      policy: (rng) =>
        new Policy(new MLP(inputs, sizes, { rng }), new SquashedGaussianHead(sizes[0]!, low.length, { rng })),
      critics: (rng) => new TwinCritics(inputs + low.length, sizes, { rng }),
      optimizer: (network) => new Adam(network, { lr }),
      initialTemperature: 0.1,
      targetEntropy: -low.length,
      ...others,
    });
  },
};

describe.each(Object.keys(small))('%s', (name) => {
  const make = small[name]!;

  it('acts in the box, and refuses other spaces', () => {
    const box = new Box([-3, 0], [-1, 10], [2]);
    using agent = make({ observationSpace, actionSpace: box });
    for (let step = 0; step < 20; step++) {
      const [action] = agent.act([Float32Array.of(step - 10)]);
      expect(box.contains(action)).toBe(true);
      agent.observe([{ reward: 1, next: Float32Array.of(1), terminated: false, truncated: false }]);
    }
    using actor = agent.actor();
    const [one] = actor.act([Float32Array.of(2)]);
    expect(box.contains(one)).toBe(true);
    expect(actor.act([Float32Array.of(2)])[0]).toEqual(one);
    expect(() => new ActionScale('DDPG', new Discrete(2))).toThrow(/DDPG acts in boxes .* is Discrete\(2\)/);
    expect(() => make({ observationSpace, actionSpace: new Box(-Infinity, 1, [1]) })).toThrow(/finite bounds/);
  });

  it('goes on from a saved state bit for bit', () => {
    const go = (agent: Agent, from: number, to: number) => {
      const actions: unknown[] = [];
      for (let step = from; step < to; step++) {
        const [action] = agent.act([Float32Array.of(Math.sin(step))]);
        actions.push([...(action as Float32Array)]);
        const ended = step % 7 === 6;
        agent.observe([
          { reward: Math.cos(step), next: Float32Array.of(Math.sin(step + 1)), terminated: ended, truncated: false },
        ]);
      }
      return actions;
    };
    scope(() => {
      using agent = make({ observationSpace, actionSpace });
      go(agent, 0, 12);
      const { tensors, state } = agent.state();
      const copies = Object.fromEntries(
        Object.entries(tensors).map(([group, all]) => [
          group,
          all.map(([path, each]) => [path, each.clone()] as const),
        ]),
      ) as Record<string, (readonly [string, Tensor])[]>;
      const expected = go(agent, 12, 30);
      using other = make({ observationSpace, actionSpace }, { seed: 99 });
      other.loadState({ tensors: copies, state });
      expect(go(other, 12, 30)).toEqual(expected);
      expect(other.statistics()).toEqual(agent.statistics());
    });
  });

  it('learns ABC', async () => {
    using environment = await makeEnvironment('ABC-v0', { discrete: false, deterministic: true });
    const spaces = {
      observationSpace: environment.observationSpace as Box,
      actionSpace: environment.actionSpace as Box,
    };
    const replay = new ReplayBuffer({ capacity: 5000, ...spaces, rng: new RandomStream(5) });
    using agent = make(spaces, { replay, replayStart: 100, batchSize: 32, softUpdate: 0.05 });
    let { observation } = environment.reset({ seed: 7 });
    const best = () => {
      using actor = agent.actor();
      let total = 0;
      let { observation } = environment.reset();
      for (let ended = false; !ended; ) {
        const result = environment.step(actor.act([observation])[0]!);
        total += result.reward;
        observation = result.observation;
        ended = result.terminated;
      }
      return total;
    };
    let reached = false;
    for (let step = 1; step <= 3000 && !reached; step++) {
      const [action] = agent.act([observation]);
      const { observation: next, reward, terminated, truncated } = environment.step(action!);
      agent.observe([{ reward, next, terminated, truncated }]);
      observation = terminated ? environment.reset().observation : next;
      if (terminated && step > 200 && step % 20 < 2) {
        reached = best() === 1;
        observation = environment.reset().observation;
      }
    }
    expect(reached).toBe(true);
    expect([best(), best(), best(), best(), best()]).toEqual([1, 1, 1, 1, 1]);
  });
});
