// C51's projection and update, and IQN's loss, against formulas of plain numbers.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { Module, parameter } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { backward, noGrad, scope, type Tensor, tensor } from '../../torch/index.ts';
import { DistributionalValues } from '../action-values/index.ts';
import type { Action } from '../environment.ts';
import { ReplayBuffer } from '../replay/index.ts';
import { Discrete } from '../spaces/index.ts';
import { CategoricalDoubleDQN, CategoricalDQN, project } from './categorical-dqn.ts';
import { quantileLoss } from './iqn.ts';
import type { QAgentOptions } from './q-agent.ts';

const atoms = [-1, 0, 1, 2];

/** Bellemare et al. 2017, algorithm 1. */
function projected(places: readonly number[], p: readonly number[]): number[] {
  const m = atoms.map(() => 0);
  places.forEach((place, i) => {
    const b = Math.max(-1, Math.min(2, place)) + 1;
    const [low, high] = [Math.floor(b), Math.ceil(b)];
    if (low === high) m[low]! += p[i]!;
    else {
      m[low]! += p[i]! * (high - b);
      m[high]! += p[i]! * (b - low);
    }
  });
  return m;
}

describe('C51', () => {
  it('shares what lies between two atoms, keeps what lies on one, and clips what lies outside', () => {
    scope(() => {
      const places = [[-1, 0, 1, 2], [-0.25, 0.65, 1.55, 2.45], [5, 5, 5, 5], [-9, -1.5, 0.1, 0.9]]; // biome-ignore format: a table
      const p = [[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25], [0.4, 0.3, 0.2, 0.1], [0, 0.5, 0.25, 0.25]]; // biome-ignore format: a table
      const m = project(tensor(places), tensor(p), tensor(atoms)).tolist() as number[][];
      m.forEach((row, i) => {
        row.forEach((value, k) => {
          expect(value).toBeCloseTo(projected(places[i]!, p[i]!)[k]!, 6);
        });
        expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
      });
    });
  });

  // Logits by state, action and atom.
  const online = [[[0.1, 0.5, -0.2, 0], [0.3, 0, 0, 1]], [[0, 1, 0, 0], [2, 0, 0, 0.5]]]; // biome-ignore format: a table
  const target = [[[0, 0, 0, 0], [0, 0, 0, 0]], [[-1, 0, 0.5, 0], [0, 0.2, 0.4, 1]]]; // biome-ignore format: a table

  class Logits extends Module {
    table: Tensor;
    atoms: Tensor;

    constructor() {
      super();
      this.table = parameter(tensor(online).flatten(1));
      this.atoms = tensor(atoms).keep();
    }

    forward(x: Tensor): DistributionalValues {
      return new DistributionalValues(x.matmul(this.table).unflatten(-1, [2, 4]).softmax(-1), this.atoms);
    }

    override dispose(): void {
      super.dispose();
      this.atoms.dispose();
    }
  }

  const softmax = (logits: readonly number[]) => {
    const weights = logits.map(Math.exp);
    const sum = weights.reduce((a, b) => a + b);
    return weights.map((weight) => weight / sum);
  };
  const mean = (logits: readonly number[]) => softmax(logits).reduce((sum, p, i) => sum + p * atoms[i]!, 0);

  it.each([
    ['CategoricalDQN', CategoricalDQN, target[1]!],
    ['CategoricalDoubleDQN', CategoricalDoubleDQN, online[1]!],
  ] as const)('%s: cross-entropy with the projected target', (_, Agent, chooser) => {
    scope(() => {
      const spaces = { observationSpace: new Discrete(2), actionSpace: new Discrete(2) };
      const explorer = { select: (): Action => 1, state: () => null, loadState: () => {} };
      const options: QAgentOptions<DistributionalValues> = {
        ...spaces,
        seed: 0,
        network: () => new Logits(),
        optimizer: (network) => new SGD([{ parameters: network.namedParameters() }], { lr: 1 }),
        replay: new ReplayBuffer({ capacity: 20, ...spaces, rng: new RandomStream(0) }),
        explorer,
        gamma: 0.9,
        accumulator: 'mean',
        softUpdate: null,
        maxGradNorm: null,
        replayStart: 1,
        batchSize: 1,
        updateInterval: 1,
        updatesPerInterval: 1,
        targetUpdateInterval: 1000,
      };
      using agent = new Agent(options);
      noGrad(() => (agent.target.network as Logits).table.copy_(tensor(target).flatten(1)));
      agent.act([0]);
      agent.observe([{ reward: 0.35, next: 1, terminated: false, truncated: false }]);
      const best = mean(chooser[0]!) > mean(chooser[1]!) ? 0 : 1;
      // The two forms differ here.
      expect(best).toBe(Agent === CategoricalDQN ? 1 : 0);
      const m = projected(
        atoms.map((z) => 0.35 + 0.9 * z),
        softmax(target[1]![best]!),
      );
      const p = softmax(online[0]![1]!);
      const loss = -m.reduce((sum, share, i) => sum + share * Math.log(p[i]!), 0);
      expect(agent.statistics()['loss']! * 100).toBeCloseTo(loss, 5);
      const after = (agent.network as Logits).table.tolist() as number[][];
      // The gradient of a cross-entropy is p − m at the logits of the action, and 0 elsewhere.
      online[0]!.flat().forEach((logit, i) => {
        const gradient = i < 4 ? 0 : p[i - 4]! - m[i - 4]!;
        expect(logit - after[0]![i]!).toBeCloseTo(gradient, 5);
      });
    });
  });
});

describe("C51's loss", () => {
  /** The same logits for every state and action. */
  class Sure extends Module {
    logits: Tensor;
    atoms: Tensor;

    constructor() {
      super();
      this.logits = parameter(tensor([500, 0, 0, 0]));
      this.atoms = tensor(atoms).keep();
    }

    forward(x: Tensor): DistributionalValues {
      const p = this.logits.softmax(-1).expand([x.size(0), 2, 4]);
      return new DistributionalValues(p, this.atoms);
    }

    override dispose(): void {
      super.dispose();
      this.atoms.dispose();
    }
  }

  const lossOf = (accumulator: 'mean' | 'sum', weight?: number, told: number[] = []) =>
    scope(() => {
      class Weighted extends ReplayBuffer {
        override sample(size: number, gamma: number) {
          const batch = super.sample(size, gamma);
          return weight === undefined ? batch : { ...batch, weights: new Float32Array(size).fill(weight) };
        }

        override learned(errors: () => Tensor): void {
          told.push(...(scope(() => errors().tolist()) as number[]));
        }
      }
      const spaces = { observationSpace: new Discrete(2), actionSpace: new Discrete(2) };
      using agent = new CategoricalDQN({
        ...spaces,
        seed: 0,
        network: () => new Sure(),
        optimizer: (network) => new SGD([{ parameters: network.namedParameters() }], { lr: 1e-3 }),
        replay: new Weighted({ capacity: 20, ...spaces, rng: new RandomStream(0) }),
        explorer: { select: (): Action => 1, state: () => null, loadState: () => {} },
        gamma: 0.9,
        accumulator,
        softUpdate: null,
        maxGradNorm: null,
        replayStart: 2,
        batchSize: 2,
        updateInterval: 1,
        updatesPerInterval: 1,
        targetUpdateInterval: 1000,
      });
      for (let step = 0; step < 2; step++) {
        agent.act([0]);
        agent.observe([{ reward: 2, next: 1, terminated: true, truncated: false }]);
      }
      expect(agent.updates).toBe(1);
      return agent.statistics()['loss']! * 100;
    });

  it('stays finite where a probability is 0, and is a mean or a sum over the batch', () => {
    // Both returns are 2, which has a probability of 0: it counts as 1e-10.
    expect(lossOf('mean')).toBeCloseTo(-Math.log(1e-10), 3);
    expect(lossOf('sum')).toBeCloseTo(-2 * Math.log(1e-10), 3);
  });

  it('counts by the weights of its samples, and is what priorities are made of without them', () => {
    const told: number[] = [];
    expect(lossOf('mean', 0.25, told)).toBeCloseTo(-0.25 * Math.log(1e-10), 3);
    expect(told.map((error) => error.toFixed(3))).toEqual(Array(2).fill((-Math.log(1e-10)).toFixed(3)));
  });
});

describe("IQN's loss", () => {
  const y = [0.2, 1.5, -2];
  const t = [0.5, -3];
  const taus = [0.1, 0.5, 0.8];
  const huber = (d: number) => (Math.abs(d) < 1 ? (d * d) / 2 : Math.abs(d) - 0.5);

  it('is Σ over τ of the mean over τʹ of |τ − [t > y]| Huber(y − t), and so is its gradient', () => {
    scope(() => {
      const prediction = tensor([y]).requiresGrad_();
      const loss = quantileLoss(prediction, tensor([t]), tensor([taus]));
      const each = (i: number, j: number) => Math.abs(taus[i]! - (t[j]! > y[i]! ? 1 : 0));
      const expected = y.reduce(
        (sum, yi, i) => sum + t.reduce((s, tj, j) => s + (each(i, j) * huber(yi - tj)) / 2, 0),
        0,
      );
      expect(loss.tolist()).toEqual([expect.closeTo(expected, 5)]);
      backward(loss.sum());
      const gradient = y.map((yi, i) =>
        t.reduce((s, tj, j) => s + (each(i, j) * Math.max(-1, Math.min(1, yi - tj))) / 2, 0),
      );
      const actual = prediction.grad!.tolist() as number[][];
      actual[0]!.forEach((value, i) => {
        expect(value).toBeCloseTo(gradient[i]!, 5);
      });
    });
  });

  it('has the sign of ChainerRL: what is below its target at a low τ weighs more', () => {
    scope(() => {
      const at = (tau: number) => quantileLoss(tensor([[0]]), tensor([[1]]), tensor([[tau]])).item();
      expect(at(0.1)).toBeCloseTo(0.9 * 0.5, 6);
      expect(at(0.9)).toBeCloseTo(0.1 * 0.5, 6);
    });
  });
});
