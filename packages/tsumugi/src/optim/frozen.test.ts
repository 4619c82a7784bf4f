// Frozen parameters: still in the model and its file, but without gradient, update, decay, norm or checkpoint.
import { expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import {
  constant,
  convert,
  freeze,
  Linear,
  namedParameters,
  namedTrainable,
  numParameters,
  numTrainable,
  replaceParameter,
  Sequential,
  trainable,
} from '../nn/index.ts';
import { backward, ones, Rng, scope, tensor } from '../torch/index.ts';
import { AdamW, decayGroups, gradNorm, SGD } from './index.ts';

/** y = w₂ (w₁ x + b₁) + b₂, all weights 2 and all biases 1. */
class Net extends Sequential {
  constructor() {
    const layer = () => new Linear(1, 1, { weightInit: constant(2), biasInit: constant(1), rng: new Rng(0) });
    super(layer(), layer());
  }
  override dispose(): void {
    this.zeroGrad();
    super.dispose();
  }
}
const values = (net: Net) => namedParameters(net).map(([, each]) => scope(() => each.detach().sum().item()));
const pass = (net: Net) => scope(() => backward(net.forward(ones([1, 1])).sum()));

it('freezes the paths that are chosen, and forgets their gradients', () => {
  using net = new Net();
  pass(net);
  expect(freeze(net, (path) => path.endsWith('weight'))).toEqual(['0.weight', '1.weight']);
  expect(namedTrainable(net).map(([path]) => path)).toEqual(['0.bias', '1.bias']);
  expect([numTrainable(net), numParameters(net)]).toEqual([2, 4]);
  const isForgotten = scope(() => namedParameters(net).map(([, { grad }]) => grad === undefined));
  expect(isForgotten).toEqual([true, false, true, false]);
});

it('gives no gradient to what is frozen, and the right ones to what is not', () => {
  using net = new Net();
  freeze(net, (path) => path !== '0.bias');
  pass(net);
  expect(trainable(net)).toHaveLength(1);
  expect(scope(() => namedParameters(net).map(([, { grad }]) => grad?.item()))).toEqual([
    undefined,
    2,
    undefined,
    undefined,
  ]);
  // Of all four it would be √(2² + 2² + 3² + 1²).
  expect(gradNorm(net.parameters())).toBe(2);
});

it('leaves frozen parameters out of optimizers, their decay and their state', () => {
  using net = new Net();
  freeze(net, (path) => path.startsWith('0.'));
  expect(decayGroups(net).flatMap(({ parameters }) => parameters.map(([path]) => path))).toEqual([
    '1.weight',
    '1.bias',
  ]);
  using optimizer = new AdamW(net, { weightDecay: 0.5 });
  pass(net);
  optimizer.step(0.1);
  const [w1, b1, w2, b2] = values(net);
  expect([w1, b1]).toEqual([2, 1]);
  expect(w2).toBeCloseTo(2 * (1 - 0.05) - 0.1, 5);
  expect(b2).toBeCloseTo(1 - 0.1, 5);
  expect(Object.keys(optimizer.state().tensors).sort()).toEqual(
    ['exp_avg', 'exp_avg_sq'].flatMap((kind) => ['bias', 'weight'].map((name) => `${kind}.1.${name}`)),
  );
});

it('says so when nothing is left to train', () => {
  using net = new Net();
  freeze(net);
  const error = thrown(ConfigError, () => new SGD(net));
  expect(error).toMatchObject({ code: 'no-parameters' });
  expect(String(error)).toContain('every parameter of the Net is frozen');
});

it('stays through conversion and replacement', () => {
  using net = new Net();
  freeze(net, (path) => path === '0.weight');
  convert(net, 'float64');
  replaceParameter(net, '0.weight', tensor([[5]], { dtype: 'float64' }));
  expect(namedTrainable(net).map(([path]) => path)).toEqual(['0.bias', '1.weight', '1.bias']);
});
