// ACER with a memory: its networks step by step, its updates against those without a memory where the core forgets all, and learning
// where only the past tells what to do.
import { describe, expect, it } from 'vitest';
import { checkSettings } from '../../base/index.ts';
import { Linear, lecunNormal, namedTensors, Sequential, tanh, zerosInit } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { noGrad, Rng, randn, scope, type Tensor } from '../../torch/index.ts';
import {
  DiscreteActorQ,
  DuelingActorQ,
  makeCore,
  RecurrentDiscreteActorQ,
  RecurrentDuelingActorQ,
  SoftmaxHead,
  StateIndependentGaussianHead,
  ValueHead,
} from '../networks/index.ts';
import { ACER, type ACEROptions, type ActorQModel } from './acer.ts';
import { acer } from './acer-config.ts';
import { abc, abcSpaces, happenings, live, smallSpaces, stepsToLearn } from './policy-agents.testing.ts';

const layer = (rng: Rng) => ({ rng, weightInit: lecunNormal(), biasInit: zerosInit() });
const rounded = (of: Tensor) => (of.flatten().tolist() as number[]).map((x) => x.toFixed(5));

function recurrent(kind: 'discrete' | 'continuous', cell: 'lstm' | 'rnn-tanh', seed: number) {
  const rng = new Rng(seed);
  const trunks = {
    body: new Linear(3, 4, layer(rng)),
    core: makeCore(cell, 4, 5, rng),
    valueBody: new Linear(3, 4, layer(rng)),
    valueCore: makeCore(cell, 4, 5, rng),
  };
  if (kind === 'discrete')
    return new RecurrentDiscreteActorQ({
      ...trunks,
      policy: new SoftmaxHead(5, 2, { rng }),
      features: 5,
      numActions: 2,
      rng,
    });
  return new RecurrentDuelingActorQ({
    ...trunks,
    policy: new StateIndependentGaussianHead(5, 2, { rng, parameter: 'log-std' }),
    value: new ValueHead(5, { rng }),
    advantage: new Linear(7, 1, layer(rng)),
    samples: 1,
  });
}

/** The same without a memory: what the core makes of one observation alone is a layer with tanh. */
function forgetful(kind: 'discrete' | 'continuous', seed: number) {
  const rng = new Rng(seed);
  const body = () => new Sequential(new Linear(3, 4, layer(rng)), new Linear(4, 5, layer(rng)), tanh);
  if (kind === 'discrete')
    return new DiscreteActorQ({
      body: body(),
      policy: new SoftmaxHead(5, 2, { rng }),
      qBody: body(),
      features: 5,
      numActions: 2,
      rng,
    });
  return new DuelingActorQ({
    body: body(),
    policy: new StateIndependentGaussianHead(5, 2, { rng, parameter: 'log-std' }),
    valueBody: body(),
    value: new ValueHead(5, { rng }),
    advantage: new Linear(5, 1, layer(rng)),
    samples: 1,
  });
}

describe.each(['discrete', 'continuous'] as const)('%s', (kind) => {
  it('a stretch of steps is the steps one after the other', () => {
    scope(() => {
      using model = recurrent(kind, 'lstm', 1);
      expect(model.stateSize).toBe(20);
      const x = randn([4, 3], new Rng(2));
      const actions = noGrad(() =>
        model.evaluateSteps(x, model.initialState(1), new Rng(3)).distribution.sample(new Rng(4)),
      );
      const whole = model.evaluateSteps(x, model.initialState(1), new Rng(5));
      let state = model.initialState(1);
      const drawn = new Rng(5);
      const steps = Array.from({ length: 4 }, (_, t) => {
        const one = model.evaluateSteps(x.narrow(0, t, 1), state, drawn);
        state = model.unroll(x.narrow(0, t, 1).unsqueeze(1), state).state;
        return one;
      });
      const found = (of: (typeof steps)[number], from: number, length: number) => [
        rounded(of.values),
        rounded(of.distribution.logProbability(actions.narrow(0, from, length))),
        ...(kind === 'discrete' ? [rounded(of.q(actions.narrow(0, from, length)))] : []),
      ];
      const columns = steps.map((one, t) => found(one, t, 1));
      expect(found(whole, 0, 4)).toEqual(columns[0]!.map((_, c) => columns.flatMap((rows) => rows[c]!)));
      // The first observation matters for the last step.
      const other = randn([4, 3], new Rng(9)).narrow(0, 0, 1);
      expect(rounded(model.unroll(other.unsqueeze(1), model.initialState(1)).state)).not.toEqual(
        rounded(model.unroll(x.narrow(0, 0, 1).unsqueeze(1), model.initialState(1)).state),
      );
    });
  });
});

describe.each(['discrete', 'continuous'] as const)('updates, %s', (kind) => {
  const make = (model: ActorQModel, average: ActorQModel) => {
    const fixed = namedTensors(model).filter(([path]) => path.includes('weight_hh') || path.includes('bias_hh'));
    const still = new Set(fixed.map(([, each]) => each));
    const options: Partial<ACEROptions> = {
      maxSteps: 4,
      gamma: 0.9,
      truncation: 2,
      trustRegion: 0.1,
      averageDecay: 0.9,
    };
    return new ACER({
      ...smallSpaces[kind],
      ...options,
      seed: 3,
      model,
      average,
      optimizer: new SGD(
        model.parameters().filter((each) => !still.has(each)),
        { lr: 0.05 },
      ),
      useOpc: false,
      policyCoefficient: 1,
      qCoefficient: 0.5,
      entropyCoefficient: 0.01,
      normalizeBySteps: true,
      replayUpdates: 2,
      capacity: 100,
      replayStart: 8,
      onlineUpdate: true,
      maxGradNorm: null,
    } as ACEROptions);
  };

  it('are those of ACER without a memory where the core forgets', () => {
    scope(() => {
      const path = (name: string) =>
        name
          .replace(/^body\.0\.|^(qBody|valueBody)\.0\./, (found) => (found[0] === 'b' ? 'body.' : 'valueBody.'))
          .replace(/^body\.1\.(\w+)/, 'core.$1_ih_l0')
          .replace(/^(qBody|valueBody)\.1\.(\w+)/, 'valueCore.$2_ih_l0');
      const plain = [forgetful(kind, 1), forgetful(kind, 1)] as const;
      const made = [recurrent(kind, 'rnn-tanh', 2), recurrent(kind, 'rnn-tanh', 2)] as const;
      const advantages: Tensor[] = [];
      noGrad(() => {
        for (const [m, model] of made.entries()) {
          const own = new Map(namedTensors(model));
          for (const [name, each] of own) if (name.includes('_hh_')) each.zero_();
          for (const [name, each] of namedTensors(plain[m]!)) {
            const to = own.get(path(name))!;
            if (to.numel() === each.numel()) to.copy_(each);
          }
          // What A sees is not the same thing: it is to say nothing.
          for (const of of [model, plain[m]!])
            if ('advantage' in of) advantages.push(...(of.advantage as Linear).parameters());
        }
        for (const each of advantages) each.zero_();
      });
      using one = make(plain[0], plain[1]);
      using other = make(made[0], made[1]);
      for (const each of advantages) each.requiresGrad_(false);
      const run = (agent: ACER) => {
        const outcomes = happenings(1, 11);
        return live(agent, outcomes, outcomes.next().value!, 14).actions;
      };
      run(one);
      run(other);
      expect(other.updates).toBe(one.updates);
      expect(one.updates).toBeGreaterThan(6);
      const [right, found] = [new Map(namedTensors(plain[0])), new Map(namedTensors(made[0]))];
      for (const [name, each] of right)
        if (!name.startsWith('advantage')) expect(rounded(found.get(path(name))!), name).toEqual(rounded(each));
      expect(other.statistics()['average_kl']).toBeCloseTo(one.statistics()['average_kl']!, 6);
    });
  });
});

it.each([{ discrete: true }, { discrete: false }])(
  'a memory tells by how much observations of ABC are shifted: %o',
  (kind) => {
    const options = { ...kind, partiallyObservable: true };
    const settings = {
      hidden: [16],
      memory: 'rnn-tanh',
      memorySize: 16,
      maxSteps: 5,
      replayStart: 50,
      replayUpdates: 2,
      optimizer: 'adam',
      learningRate: 1e-2,
    };
    scope(() => {
      const place = { ...abcSpaces(options), numEnvironments: 1, steps: 1000, seed: 3, device: 'cpu' as const };
      using agent = acer.make(place, checkSettings('acer', acer.config, settings));
      const steps = stepsToLearn(agent, () => abc(options), { episodes: 6, every: 100, steps: 2000 });
      expect(steps).toBeLessThan(Infinity);
    });
  },
);
