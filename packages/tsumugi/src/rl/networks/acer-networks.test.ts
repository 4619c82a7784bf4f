// The networks of ACER against their formulas: V of Q and the policy, and stochastic dueling.
import { expect, it } from 'vitest';
import { Linear } from '../../nn/index.ts';
import { noGrad, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { DiscreteActorQ, DuelingActorQ } from './acer-networks.ts';
import { FixedGaussianHead, SoftmaxHead, ValueHead } from './index.ts';

const list = (x: Tensor) => x.tolist() as number[];
const rows = (x: Tensor) => x.tolist() as number[][];
const close = (found: readonly number[], wanted: readonly number[]) =>
  wanted.forEach((value, i) => void expect(found[i]).toBeCloseTo(value, 5));
const observations = () => randn([4, 3], new Rng(9));

it.each([true, false])('counted actions: V = Σ π Q, with a body of its own for Q: %s', (own) => {
  noGrad(() =>
    scope(() => {
      const rng = new Rng(1);
      const body = new Linear(3, 5, { rng });
      const qBody = new Linear(3, 5, { rng });
      using spare = qBody;
      using model = new DiscreteActorQ({
        body,
        policy: new SoftmaxHead(5, 3, { rng }),
        ...(own && { qBody }),
        features: 5,
        numActions: 3,
        rng,
      });
      const x = observations();
      const { distribution, values, q, all } = model.evaluate(x);
      const wanted = rows(model.out.forward((own ? qBody : body).forward(x)));
      const policy = rows(model.policyOf(x).parameters[0]!.softmax(-1));
      expect(rows(distribution.parameters[0]!)).toEqual(rows(model.policyOf(x).parameters[0]!));
      close(rows(all!).flat(), wanted.flat());
      close(list(values), wanted.map((row, i) => row.reduce((sum, value, a) => sum + policy[i]![a]! * value, 0))); // biome-ignore format: short
      close(list(q(tensor([2, 0, 1, 1], { dtype: 'int64' }))), [wanted[0]![2]!, wanted[1]![0]!, wanted[2]![1]!, wanted[3]![1]!]); // biome-ignore format: a table
      void spare;
    }),
  );
});

it.each([1, 4])('continuous actions: Q(a) = V + A(a) − the mean of A over %d drawn actions', (samples) => {
  noGrad(() =>
    scope(() => {
      const rng = new Rng(2);
      using model = new DuelingActorQ({
        body: new Linear(3, 5, { rng }),
        policy: new FixedGaussianHead(5, 2, { rng, variance: 0.5 }),
        valueBody: new Linear(3, 5, { rng }),
        value: new ValueHead(5, { rng }),
        advantage: new Linear(5, 1, { rng }),
        samples,
      });
      const x = observations();
      const actions = randn([4, 2], new Rng(3));
      const { distribution, values, q } = model.evaluate(x, new Rng(7));
      close(list(values), list(model.value.forward(model.valueBody!.forward(x))));
      const [weight, bias] = [
        rows((model.advantage as Linear).weight)[0]!,
        list((model.advantage as Linear).bias!)[0]!,
      ];
      const advantage = (of: Tensor) =>
        rows(of).map((action, i) =>
          [...rows(x)[i]!, ...action].reduce((sum, value, k) => sum + value * weight[k]!, bias),
        );
      const found = list(q(actions));
      const stream = new Rng(7);
      const drawn = Array.from({ length: samples }, () => advantage(distribution.sample(stream)));
      const own = advantage(actions);
      close(
        found,
        own.map((a, i) => list(values)[i]! + a - drawn.reduce((sum, each) => sum + each[i]! / samples, 0)),
      );
    }),
  );
});
