// One update of ACER from replay, as a whole: with tables as the networks and a step of gradient descent of rate 1, what changes in
// them is the gradient, which plain numbers give.
import { describe, expect, it } from 'vitest';
import { deriveSeed } from '../../base/index.ts';
import { Module, parameter } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { noGrad, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { Categorical, Gaussian } from '../distributions/index.ts';
import type { ActorQModule, ActorQValues } from '../networks/index.ts';
import { Box, Discrete } from '../spaces/index.ts';
import { ACER, type ACEROptions } from './acer.ts';

const S = 3;
const table = (rows: readonly (readonly number[])[]) => parameter(tensor(rows.map((row) => [...row])));
const shown = (of: Tensor) => of.tolist() as number[][];

/** What the policy was when it acted, and what it is when it learns. */
const acting = [[0.5, -0.5, 0], [1, 0, 0.3], [0, 0, 0]] as const; // biome-ignore format: a table
const learning = [[1.5, 0.2, -1], [-0.4, 0.8, 0.1], [0.3, 0, -0.3]] as const; // biome-ignore format: a table
const Q = [[1, -0.5, 0.25], [0.4, 2, -1], [3, 1, 0.5]] as const; // biome-ignore format: a table

class Counted extends Module implements ActorQModule {
  logits = table(acting);
  q = table(Q);

  policyOf(x: Tensor): Categorical {
    return new Categorical(x.matmul(this.logits));
  }

  evaluate(x: Tensor): ActorQValues {
    const distribution = this.policyOf(x);
    const all = x.matmul(this.q);
    const q = (actions: Tensor) => all.gather(-1, actions.unsqueeze(-1)).squeeze(-1);
    return { distribution, values: distribution.probabilities.mul(all).sum(-1), q, all };
  }
}

/** N(m(s), 1), V(s), and Q(s, a) = V(s) + k(s) a. */
class Continuous extends Module implements ActorQModule {
  mean = table([[0.2], [-0.3], [0]]);
  value = table([[0.5], [1], [2]]);
  slope = table([[0.7], [-0.4], [0]]);

  policyOf(x: Tensor): Gaussian {
    const mean = x.matmul(this.mean);
    return new Gaussian(mean, mean.detach().mul(0).add(1));
  }

  evaluate(x: Tensor): ActorQValues {
    const values = x.matmul(this.value).squeeze(-1);
    const q = (actions: Tensor) => values.add(x.matmul(this.slope).mul(actions).squeeze(-1));
    return { distribution: this.policyOf(x), values, q, all: undefined };
  }
}

const settings = {
  observationSpace: new Discrete(S),
  seed: 5,
  maxSteps: 5,
  gamma: 0.9,
  truncation: 0.6,
  trustRegion: null,
  averageDecay: 0.99,
  useOpc: false,
  policyCoefficient: 0.7,
  qCoefficient: 0.3,
  entropyCoefficient: 0.2,
  normalizeBySteps: true,
  replayUpdates: 1,
  capacity: 100,
  replayStart: 1,
  onlineUpdate: false,
  maxGradNorm: null,
};

/** Two steps from state 0 over 1 to 2; before the second is over the policy becomes another. The actions that were drawn. */
function live(agent: ACER, ended: boolean, change: () => void): (number | Float32Array)[] {
  const actions = agent.act([0]);
  agent.observe([{ reward: 1, next: 1, terminated: false, truncated: false }]);
  actions.push(...agent.act([1]));
  noGrad(change);
  agent.observe([{ reward: -0.5, next: 2, terminated: ended, truncated: !ended }]);
  expect(agent.updates).toBe(1);
  return actions;
}

const softmax = (xs: readonly number[]) => {
  const weights = xs.map(Math.exp);
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
};
const close = (found: readonly number[], wanted: readonly number[]) =>
  wanted.forEach((value, i) => void expect(found[i]).toBeCloseTo(value, 5));

describe.each<[string, boolean, Partial<ACEROptions>]>([
  ['the task ended', true, {}],
  ['a time limit cut it off', false, {}],
  ['advantages are of Q_opc', false, { useOpc: true }],
  ['losses are sums', true, { normalizeBySteps: false }],
])('where %s', (_, ended, given) => {
  const share = given.normalizeBySteps === false ? 1 : 1 / 2;

  it('discrete actions: ratios are truncated, and what that leaves out is corrected', () => {
    scope(() => {
      const model = new Counted();
      const optimizer = new SGD([{ parameters: model.namedParameters() }], { lr: 1 });
      const made = { ...settings, ...given, actionSpace: new Discrete(3), model, average: new Counted(), optimizer };
      using agent = new ACER(made as unknown as ACEROptions);
      const actions = live(agent, ended, () => model.logits.copy_(tensor(learning.map((row) => [...row])))) as number[];
      const v = learning.map((row, s) => softmax(row).reduce((sum, p, b) => sum + p * Q[s]![b]!, 0));
      let qRet = ended ? 0 : v[2]!;
      let qOpc = qRet;
      for (const s of [1, 0]) {
        const [a, pi, mu] = [actions[s]!, softmax(learning[s]!), softmax(acting[s]!)];
        const rho = pi[a]! / mu[a]!;
        qRet = [1, -0.5][s]! + 0.9 * qRet;
        qOpc = [1, -0.5][s]! + 0.9 * qOpc;
        const advantage = (given.useOpc ? qOpc : qRet) - v[s]!;
        const weights = pi.map((p, b) => Math.max(0, 1 - (0.6 * mu[b]!) / p) * p * (Q[s]![b]! - v[s]!));
        weights[a]! += Math.min(0.6, rho) * advantage;
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const entropy = -pi.reduce((sum, p) => sum + p * Math.log(p), 0);
        const ofLogits = pi.map((p, c) => share * 0.7 * (total * p - weights[c]! + 0.2 * p * (Math.log(p) + entropy)));
        close(
          learning[s]!.map((logit, c) => logit - shown(model.logits)[s]![c]!),
          ofLogits,
        );
        const ofQ = Q[s]!.map((q, b) => (b === a ? share * 0.3 * (q - qRet) : 0));
        close(
          Q[s]!.map((q, b) => q - shown(model.q)[s]![b]!),
          ofQ,
        );
        qOpc = qOpc - Q[s]![a]! + v[s]!;
        qRet = Math.min(1, rho) * (qRet - Q[s]![a]!) + v[s]!;
      }
    });
  });

  it('continuous actions: one drawn action corrects, and V follows its own target', () => {
    scope(() => {
      const model = new Continuous();
      const optimizer = new SGD([{ parameters: model.namedParameters() }], { lr: 1 });
      const made = {
        ...settings,
        ...given,
        actionSpace: new Box(-9, 9, [1]),
        model,
        average: new Continuous(),
        optimizer,
      };
      using agent = new ACER(made as unknown as ACEROptions);
      const [means, values, slopes] = [
        [0.9, 0.4, 0.1],
        [0.5, 1, 2],
        [0.7, -0.4, 0],
      ];
      const actions = (
        live(agent, ended, () => model.mean.copy_(tensor(means!.map((mean) => [mean])))) as Float32Array[]
      ).map(([a]) => a!);
      const drawn = shown(randn([2, 1], new Rng(deriveSeed(5, 'learning')))).map(([noise], s) => means![s]! + noise!);
      const density = (a: number, mean: number) => Math.exp(-((a - mean) ** 2) / 2);
      let qRet = ended ? 0 : values![2]!;
      let qOpc = qRet;
      for (const s of [1, 0]) {
        const [a, b, before] = [actions[s]!, drawn[s]!, [0.2, -0.3][s]!];
        const rho = density(a, means![s]!) / density(a, before);
        const rhoDrawn = density(b, means![s]!) / density(b, before);
        const [q, v] = [values![s]! + slopes![s]! * a, values![s]!];
        qRet = [1, -0.5][s]! + 0.9 * qRet;
        qOpc = [1, -0.5][s]! + 0.9 * qOpc;
        const advantage = (given.useOpc ? qOpc : qRet) - v;
        const ofMean =
          -Math.min(0.6, rho) * advantage * (a - means![s]!) -
          Math.max(0, 1 - 0.6 / rhoDrawn) * slopes![s]! * b * (b - means![s]!);
        const [off, target] = [q - qRet, Math.min(1, rho) * (qRet - q)];
        close(
          [
            means![s]! - shown(model.mean)[s]![0]!,
            v - shown(model.value)[s]![0]!,
            slopes![s]! - shown(model.slope)[s]![0]!,
          ],
          [share * 0.7 * ofMean, share * 0.3 * (off - target), share * 0.3 * off * a],
        );
        qOpc = qOpc - q + v;
        qRet = Math.min(1, rho) * (qRet - q) + v;
      }
    });
  });
});
