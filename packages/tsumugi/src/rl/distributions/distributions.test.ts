// Log-probability, entropy and divergence against the definitions, in plain numbers; gradients against differences; and
// frequencies of what is drawn.
import { describe, expect, it } from 'vitest';
import { gradcheck } from '../../nn/index.ts';
import { Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { Categorical, Deterministic, detached, Gaussian, Mellowmax, mellowmax, SquashedGaussian } from './index.ts';

const f64 = { dtype: 'float64' } as const;
const list = (x: Tensor) => x.tolist() as number[];
const sum = (xs: readonly number[]) => xs.reduce((a, b) => a + b, 0);
const softmax = (xs: readonly number[]) => xs.map((x) => Math.exp(x) / sum(xs.map(Math.exp)));
const close = (found: readonly number[], right: readonly number[], digits = 10) =>
  right.forEach((value, i) => {
    expect(found[i]).toBeCloseTo(value, digits);
  });

/** ∫ f over [low, high] by the midpoint rule. */
function integrate(low: number, high: number, f: (x: number) => number, cells = 20_000): number {
  const width = (high - low) / cells;
  let total = 0;
  for (let i = 0; i < cells; i++) total += f(low + (i + 0.5) * width) * width;
  return total;
}
const normal = (x: number, mean: number, variance: number) =>
  Math.exp(-((x - mean) ** 2) / (2 * variance)) / Math.sqrt(2 * Math.PI * variance);

describe('categorical', () => {
  const [p, q] = [
    [0.3, -1, 2],
    [1, 0, -0.5],
  ];
  it.each([
    { beta: 1, minProbability: 0 },
    { beta: 2.5, minProbability: 0.1 },
  ])('is the definition %o', ({ beta, minProbability }) => {
    scope(() => {
      const plain = (xs: readonly number[]) =>
        softmax(xs.map((x) => beta * x)).map((x) => x * (1 - 3 * minProbability) + minProbability);
      const [a, b] = [plain(p!), plain(q!)];
      const [first, second] = [p!, q!].map((xs) => new Categorical(tensor([xs], f64), beta, minProbability));
      close(list(first!.probabilities.squeeze(0)), a);
      close(list(first!.logProbability(tensor([1], { dtype: 'int64' }))), [Math.log(a[1]!)]);
      close(list(first!.entropy()), [-sum(a.map((x) => x * Math.log(x)))]);
      close(list(first!.kl(second!)), [sum(a.map((x, i) => x * Math.log(x / b[i]!)))]);
      expect(list(first!.mode())).toEqual([2]);
    });
  });

  it('draws each action as often as it should, and none of probability 0', () => {
    scope(() => {
      const logits = tensor([1, 0, -Infinity, 2]).expand(20_000, 4);
      const actions = list(new Categorical(logits).sample(new Rng(3)));
      const wanted = softmax([1, 0, -Infinity, 2]);
      for (const [action, probability] of wanted.entries()) {
        const share = actions.filter((each) => each === action).length / actions.length;
        expect(Math.abs(share - probability)).toBeLessThan(
          4 * Math.sqrt((probability * (1 - probability)) / 20_000) + 1e-12,
        );
      }
    });
  });

  it('draws for every entry of a batch, whatever its dimensions', () => {
    scope(() => {
      const sure = tensor([0, 50, 0]).expand(2, 4, 3);
      expect(new Categorical(sure).sample(new Rng(0)).tolist()).toEqual([
        [1, 1, 1, 1],
        [1, 1, 1, 1],
      ]);
      expect(new Categorical(tensor([0, 0, 50])).sample(new Rng(0)).tolist()).toEqual(2);
      const even = new Categorical(tensor([0, 0, 0]).expand(40, 3));
      expect(list(even.sample(new Rng(7))), 'by its stream alone').toEqual(list(even.sample(new Rng(7))));
      const rows = list(new Categorical(tensor([0, 0]).expand(2000, 2)).sample(new Rng(0)));
      const changes = rows.filter((each, i) => each !== rows[i - 1]).length;
      expect(Math.abs(changes - 1000)).toBeLessThan(100);
    });
  });

  it('has the right gradients', () => {
    scope(() => {
      const rng = new Rng(1);
      const [a, b] = [0, 1].map(() => randn([2, 3], rng, f64).requiresGrad_());
      const actions = tensor([2, 0], { dtype: 'int64' });
      gradcheck(
        (x, y) => {
          const first = new Categorical(x!, 1.5, 0.05);
          return [first.logProbability(actions), first.entropy(), first.kl(new Categorical(y!, 1.5, 0.05))];
        },
        [a!, b!],
      );
    });
  });
});

describe('mellowmax', () => {
  it('is the policy of largest entropy whose expected value is the mellowmax', () => {
    scope(() => {
      const values = [0.3, -1, 2];
      for (const omega of [0.5, 1, 4]) {
        const probabilities = list(new Mellowmax(tensor([values], f64), omega).probabilities.squeeze(0));
        const expected = sum(probabilities.map((x, i) => x * values[i]!));
        expect(expected).toBeCloseTo(mellowmax(values, omega), 9);
        expect(mellowmax(values, omega)).toBeCloseTo(
          Math.log(sum(values.map((x) => Math.exp(omega * x))) / 3) / omega,
          12,
        );
      }
    });
  });

  it('is uniform for equal values, and stops at β = 10 where the values hardly differ in what they ask', () => {
    scope(() => {
      close(list(new Mellowmax(tensor([[2, 2]], f64)).probabilities.squeeze(0)), [0.5, 0.5]);
      const sharp = new Mellowmax(tensor([[0, 1e-3]], f64), 1e5);
      close(list(sharp.probabilities.squeeze(0)), softmax([0, 1e-2]));
    });
  });
});

describe('gaussian', () => {
  const [mean, variance, otherMean, otherVariance] = [0.4, 0.7, -0.3, 1.9];
  const make = (m: number, v: number) => new Gaussian(tensor([[m, 1]], f64), tensor([[v, 2]], f64));

  it('is the definition', () => {
    scope(() => {
      const [first, second] = [make(mean, variance), make(otherMean, otherVariance)];
      const actions = tensor([[1, -2]], f64);
      close(list(first.logProbability(actions)), [Math.log(normal(1, mean, variance) * normal(-2, 1, 2))]);
      const entropyOf = (m: number, v: number) =>
        integrate(-20, 20, (x) => -normal(x, m, v) * Math.log(normal(x, m, v) + 1e-300));
      close(list(first.entropy()), [entropyOf(mean, variance) + entropyOf(1, 2)], 6);
      const divergence = integrate(-12, 12, (x) => {
        const density = normal(x, mean, variance);
        return density * Math.log((density + 1e-300) / normal(x, otherMean, otherVariance));
      });
      close(list(first.kl(second)), [divergence], 6);
      expect(list(first.mode().squeeze(0))).toEqual([mean, 1]);
    });
  });

  it('draws with its mean and variance, differentiably', () => {
    scope(() => {
      const parameters = [tensor([3]).requiresGrad_(), tensor([4]).requiresGrad_()];
      const [m, v] = parameters.map((each) => each.expand(20_000, 1));
      const draws = new Gaussian(m!, v!).sample(new Rng(0));
      expect(Math.abs(draws.mean().item() - 3)).toBeLessThan(4 * Math.sqrt(4 / 20_000));
      expect(Math.abs(draws.var().item() - 4)).toBeLessThan(4 * 4 * Math.sqrt(2 / 20_000));
      draws.mean().backward();
      expect(parameters[0]!.grad!.item()).toBeCloseTo(1, 4);
    });
  });

  it('has the right gradients', () => {
    scope(() => {
      const rng = new Rng(1);
      const leaves = [0, 1, 2, 3].map(() => randn([2, 3], rng, f64).requiresGrad_());
      const actions = randn([2, 3], rng, f64);
      gradcheck((m, s, n, t) => {
        const first = new Gaussian(m!, s!.exp());
        return [first.logProbability(actions), first.entropy(), first.kl(new Gaussian(n!, t!.exp()))];
      }, leaves);
    });
  });
});

describe('squashed gaussian', () => {
  const make = (mean: number, variance: number) =>
    new SquashedGaussian(tensor([[mean]], f64), tensor([[variance]], f64));

  it('is a density on (−1, 1): that of tanh of a normal variable', () => {
    scope(() => {
      const actions = Array.from({ length: 4000 }, (_, i) => -1 + (i + 0.5) / 2000);
      const rows = tensor(
        actions.map((a) => [a]),
        f64,
      );
      const logs = list(new SquashedGaussian(tensor([[0.4]], f64), tensor([[0.7]], f64)).logProbability(rows));
      expect(sum(logs.map(Math.exp)) / 2000).toBeCloseTo(1, 4);
      const at = actions.findIndex((a) => a > 0.6);
      const x = Math.atanh(actions[at]!);
      expect(logs[at]).toBeCloseTo(Math.log(normal(x, 0.4, 0.7) / (1 - actions[at]! ** 2)), 9);
    });
  });

  it('knows the log-probability of what it draws, also where tanh is 1 in floating point', () => {
    scope(() => {
      const policy = make(0.4, 0.7);
      const { actions, logProbability } = policy.sampleWithLogProbability(new Rng(5));
      close(list(logProbability), list(policy.logProbability(actions)), 8);
      close(list(policy.sample(new Rng(5))), list(actions), 12);
      const far = new SquashedGaussian(tensor([[30]]), tensor([[1e-4]])).sampleWithLogProbability(new Rng(0));
      // log(1 − tanh²x) → 2 log 2 − 2x
      for (const edge of [-1, 1])
        expect(
          Number.isFinite(new SquashedGaussian(tensor([[0]]), tensor([[1]])).logProbability(tensor([[edge]])).item()),
        ).toBe(true);
      expect(list(policy.mode().squeeze(0))).toEqual([Math.tanh(0.4)]);
      expect(far.logProbability.item()).toBeGreaterThan(50);
      expect(Number.isFinite(far.logProbability.item())).toBe(true);
    });
  });

  it('is as far from another as the normal distributions are; its entropy is refused', () => {
    scope(() => {
      const [a, b] = [make(0.4, 0.7), make(-0.3, 1.9)];
      const density = (of: SquashedGaussian, rows: Tensor) => list(of.logProbability(rows));
      const rows = tensor(
        Array.from({ length: 20_000 }, (_, i) => [-1 + (i + 0.5) / 10_000]),
        f64,
      );
      const [p, q] = [density(a, rows), density(b, rows)];
      close(list(a.kl(b)), [sum(p.map((x, i) => Math.exp(x) * (x - q[i]!))) / 10_000], 4);
      expect(() => a.entropy()).toThrow(/no closed form/);
    });
  });

  it('has the right gradients', () => {
    scope(() => {
      const rng = new Rng(1);
      const leaves = [0, 1].map(() => randn([2, 3], rng, f64).requiresGrad_());
      const actions = randn([2, 3], rng, f64).tanh();
      gradcheck((m, s) => new SquashedGaussian(m!, s!.exp()).logProbability(actions), leaves);
    });
  });
});

it('a deterministic policy has its action, and no density', () => {
  scope(() => {
    const policy = new Deterministic(tensor([[1, 2]]));
    expect(list(policy.sample().squeeze(0))).toEqual([1, 2]);
    expect(
      list(
        policy
          .withParameters([tensor([[3, 4]])])
          .mode()
          .squeeze(0),
      ),
    ).toEqual([3, 4]);
    expect(() => policy.logProbability()).toThrow(/no log-probability/);
    expect(() => policy.entropy()).toThrow(/no entropy/);
  });
});

it('a detached distribution is the same without gradients', () => {
  scope(() => {
    const logits = tensor([[1, 2]]).requiresGrad_();
    const all = [new Categorical(logits, 2, 0.1), new Mellowmax(logits, 3), new Gaussian(logits, logits.exp())];
    for (const each of all) {
      const apart = detached(each);
      expect(apart.parameters.some(({ requiresGrad }) => requiresGrad)).toBe(false);
      expect(list(apart.entropy())).toEqual(list(each.entropy()));
      expect(apart.kl(each as never).item()).toBeCloseTo(0, 6);
    }
  });
});
