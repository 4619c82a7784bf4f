// Optimizers as a person types them who knows PyTorch: they work as there, or the error says what to write.
import { expect, it } from 'vitest';
import { Linear, Module, parameter } from '../nn/index.ts';
import { ones, Rng, scope, tensor } from '../torch/index.ts';
import * as optim from './index.ts';

// biome-ignore lint/suspicious/noExplicitAny: calls that the compiler would refuse
const o: any = optim;
const { AdamW, SGD } = optim;

class Weight extends Module {
  w = parameter(tensor([1]));
}

it('takes parameters and a learning rate, which can be changed', () => {
  using model = new Weight();
  using optimizer = new SGD(model.parameters(), { lr: 0.5 });
  scope(() => model.w.mul(2).sum().backward());
  optimizer.step();
  expect(model.w.item()).toBe(0);
  expect(optimizer.lr).toBe(0.5);
  optimizer.lr = 0.25;
  optimizer.step();
  expect(model.w.item()).toBe(-0.5);
  optimizer.step(1); // this one alone
  expect(model.w.item()).toBe(-2.5);
  expect(optimizer.lr).toBe(0.25);
  optimizer.step(undefined, { gradScale: 0 });
  expect(model.w.item()).toBe(-2.5);
});

it('decays all of a list of parameters, and no vectors of a module', () => {
  const decayed = (source: (model: Linear) => optim.OptimizerSource) => {
    using model = new Linear(1, 1, { rng: new Rng(0) });
    using optimizer = new AdamW(source(model), { lr: 0.1, weightDecay: 1 });
    const before = model.parameters().map((each) => each.item());
    scope(() => {
      for (const each of model.parameters()) each.grad = each.detach().mul(0);
    });
    optimizer.step();
    return model.parameters().map((each, i) => each.item() / before[i]!);
  };
  for (const ratio of decayed((model) => model.parameters())) expect(ratio).toBeCloseTo(0.9, 5);
  const [weight, bias] = decayed((model) => model);
  expect([weight!.toFixed(3), bias]).toEqual(['0.900', 1]);
});

const withModel = (use: (model: Weight) => unknown) => {
  using model = new Weight();
  return use(model);
};

it.each<[(model: Weight) => unknown, string]>([
  [
    (m) => new SGD(m).step(),
    'SGD: the step has no learning rate\n  → Set one, new SGD(model, { lr: 1e-3 }), or give it to the step',
  ],
  [(m) => new SGD(m, { lr: Number.NaN }), 'SGD: lr must be a finite number at least 0, got NaN'],
  [(m) => new SGD(m).step(Number.NaN), 'got NaN'],
  [
    (m) => {
      new SGD(m, { lr: 1 }).lr = Number.NaN;
    },
    'got NaN',
  ],
  [(m) => new o.SGD(m, 0.1), 'SGD: options are an object like { lr: … }, got number 0.1'],
  [(m) => new o.SGD(m, { learningRate: 0.1 }), 'SGD: there is no option "learningRate"'],
  [(m) => new o.SGD(m, { weight_decay: 0.1 }), 'Did you mean "weightDecay"?'],
  [(m) => new o.Adam(m, { beta: [0, 0] }), 'Adam: there is no option "beta"\n  → Did you mean "betas"?'],
  [(m) => new o.AdamW(m, { epsilon: 0 }), 'AdamW: there is no option "epsilon"'],
  [(m) => new o.RMSprop(m, { alhpa: 0 }), 'Did you mean "alpha"?'],
  [(m) => new o.SGD(m, { lr: 1 }).step(1, { gradscale: 2 }), 'Did you mean "gradScale"?'],
  [(m) => new o.SGD(m.w), 'what to train must be a module, its parameters, or groups, got a Tensor'],
  [(m) => new o.SGD(m.parameters), 'what to train must be a module, its parameters, or groups, got function'],
  [() => new o.SGD(), 'got undefined'],
  [() => new o.SGD([]), 'SGD: there is nothing to train, the list has no parameters'],
  [
    () => new SGD(new (class Empty extends Module {})()),
    'the Empty has no parameters\n  → Tensors marked by parameter()',
  ],
  [() => new SGD([{ parameters: [] }]), 'there is nothing to train'],
  [(m) => new o.SGD([{ params: m.parameters() }]), 'Write { parameters: model.namedParameters() }.'],
  [(m) => new o.SGD([{ parameters: m.namedParameters(), lr: 1 }]), 'Write { lrScale }, a factor of the learning rate.'],
  [(m) => new o.SGD([{ parameters: m.parameters() }]), '[{ parameters: model.namedParameters() }]'],
  [(m) => o.decayGroups(m, { weight_decay: 1 }), 'Did you mean "weightDecay"?'],
  [() => o.cosine(), 'cosine: steps must be a finite number at least 0, got undefined'],
  [() => o.cosine(10, { foor: 1 }), 'Did you mean "floor"?'],
  [() => o.oneMinusSqrt(10, 0.1), 'oneMinusSqrt: options are an object like { floor: … }, got number 0.1'],
  [() => o.linear(10, { form: 1 }), 'linear: there is no option "form"'],
  [() => o.warmUpCosine({ steps: 10, warmup: 1 }), 'Did you mean "warmUp"?'],
  [() => o.warmUpCosine({ steps: 10 }), 'warmUpCosine: warmUp must be a finite number at least 0, got undefined'],
  [() => o.warmUpStableDecay({ steps: 10, warmUp: 1, decays: 1 }), 'Did you mean "decay"?'],
])('%s', (call, message) => {
  expect(() => scope(() => void withModel(call))).toThrow(message);
});

it('changes nothing when a step is refused', () => {
  using model = new Weight();
  using optimizer = new SGD(model);
  scope(() => {
    model.w.grad = ones([1]);
  });
  expect(() => optimizer.step()).toThrow();
  expect(model.w.item()).toBe(1);
});
