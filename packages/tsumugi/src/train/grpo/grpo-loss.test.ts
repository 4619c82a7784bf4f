// GRPO's loss and advantages: values by hand, a plain twin in float64, gradients, and what is refused.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { gradcheck } from '../../nn/index.ts';
import { grad, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { groupAdvantages } from './advantages.ts';
import { averages, grpoLoss, tokenWeights } from './grpo-loss.ts';

const f64 = (values: readonly number[]) => tensor(values as number[], { dtype: 'float64' });

describe('advantages', () => {
  it('are how far a reward lies from the mean of its group, in standard deviations', () => {
    const { mean, std, advantages, silent } = groupAdvantages([1, 0, 0, 1, 3], true);
    expect([mean, silent]).toEqual([1, false]);
    expect(std).toBeCloseTo(Math.sqrt(6 / 4), 14);
    const scale = Math.sqrt(1.5) + 1e-4;
    advantages.forEach((each, i) => void expect(each).toBeCloseTo([0, -1, -1, 0, 2][i]! / scale, 14));
  });

  it('or in rewards, as in Dr. GRPO', () => {
    expect(groupAdvantages([1, 0, 0, 1, 3], false).advantages).toEqual([0, -1, -1, 0, 2]);
  });

  it.each([true, false])('are exactly 0 where all rewards are the same', (scaled) => {
    const found = groupAdvantages([0.1, 0.1, 0.1], scaled);
    expect(found).toEqual({ mean: 0.1, std: 0, advantages: [0, 0, 0], silent: true });
  });
});

describe('the weights of tokens', () => {
  const lengths = [2, 1, 5];
  it.each([
    ['answer', [1 / 6, 1 / 3, 1 / 15]],
    ['token', [1 / 8, 1 / 8, 1 / 8]],
    ['constant', [1 / 30, 1 / 30, 1 / 30]],
  ] as const)('%s', (average, expected) => {
    const found = tokenWeights({ lengths, average, maxTokens: 10 });
    found.forEach((each, i) => void expect(each).toBeCloseTo(expected[i]!, 15));
  });
});

/** The formula, token by token. */
function twin(
  policy: number[],
  old: number[],
  reference: number[] | undefined,
  lengths: number[],
  advantages: number[],
  { clip, beta, average, maxTokens }: { clip: number; beta: number; average: string; maxTokens: number },
): number {
  let [loss, at] = [0, 0];
  const total = lengths.reduce((a, b) => a + b);
  for (const [i, length] of lengths.entries()) {
    let sum = 0;
    for (let t = 0; t < length; t++, at++) {
      const ratio = Math.exp(policy[at]!) / Math.exp(old[at]!);
      const held = Math.max(1 - clip, Math.min(1 + clip, ratio));
      sum -= Math.min(ratio * advantages[i]!, held * advantages[i]!);
      if (!reference) continue;
      const r = Math.exp(reference[at]!) / Math.exp(policy[at]!);
      sum += beta * (r - Math.log(r) - 1);
    }
    if (average === 'answer') loss += sum / length / lengths.length;
    if (average === 'token') loss += sum / total;
    if (average === 'constant') loss += sum / maxTokens / lengths.length;
  }
  return loss;
}

describe('grpoLoss', () => {
  it('is what it is by hand', () => {
    scope(() => {
      // ρ = 1 and 1, and e^½ with a negative advantage, which no clipping helps.
      const loss = grpoLoss([-1, -2, -1], [-1, -2, -1.5], [2, 1], [0.5, -1], { clip: 0.2 });
      expect(loss.item()).toBeCloseTo((-0.5 + Math.exp(0.5)) / 2, 12);
      // The same probability above the clip with a positive advantage counts as 1.2.
      expect(grpoLoss([-1], [-1.5], [1], [2], { clip: 0.2 }).item()).toBeCloseTo(-2.4, 12);
      // k3 of π_ref/π = e^{-½}: e^{-½} + ½ − 1.
      const kl = grpoLoss([-1], [-1], [1], [0], { clip: 0.2, beta: 2, reference: [-1.5] });
      expect(kl.item()).toBeCloseTo(2 * (Math.exp(-0.5) + 0.5 - 1), 12);
    });
  });

  const random = new RandomStream(3);
  const lengths = [3, 1, 4, 2];
  const of = (spread: number, around?: number[]) =>
    Array.from({ length: 10 }, (_, i) => (around?.[i] ?? -2) + spread * (random.next() - 0.5));
  const policy = of(2);
  const [old, reference] = [of(1, policy), of(1, policy)];
  const advantages = [0.9, -1.3, 0, -0.4];

  it.each(averages)('agrees with its twin, average %s', (average) => {
    for (const beta of [0, 0.3])
      scope(() => {
        const options = { clip: 0.15, beta, average, maxTokens: 6 };
        const found = grpoLoss(policy, old, lengths, advantages, { ...options, ...(beta > 0 && { reference }) });
        const expected = twin(policy, old, beta > 0 ? reference : undefined, lengths, advantages, options);
        expect(found.item()).toBeCloseTo(expected, 13);
      });
  });

  it('has the gradient of its value', () => {
    scope(() =>
      gradcheck(
        (pi: Tensor) =>
          grpoLoss(pi, f64(old), lengths, advantages, { clip: 0.15, beta: 0.3, reference: f64(reference) }),
        [f64(policy).requiresGrad_()],
      ),
    );
  });

  it('has the gradient of the policy gradient where the policy is the one that sampled', () => {
    scope(() => {
      const pi = randn([3], new Rng(1), { dtype: 'float64' }).requiresGrad_();
      const loss = grpoLoss(pi, pi.detach(), [2, 1], [1.5, -0.5], { clip: 0.2 });
      expect(loss.item()).toBeCloseTo(-0.5, 12);
      const found = grad([loss], [pi])[0]!.tolist() as number[];
      [-1.5 / 4, -1.5 / 4, 0.5 / 2].forEach((each, i) => void expect(found[i]).toBeCloseTo(each, 14));
    });
  });

  it.each([
    [[[1], [1], { clip: 0 }], /clip/],
    [[[1], [1], { clip: 0.2, beta: -1 }], /beta/],
    [[[2], [1], { clip: 0.2 }], /1 answers of 2 tokens and 1 advantages came with 1/],
    [[[1], [1], { clip: 0.2, average: 'constant' }], /needs maxTokens/],
    [[[1], [1], { clip: 0.2, average: 'mean' }], /average/],
    [[[1], [1], { clip: 0.2, reference: [1, 2] }], /reference/],
  ] as const)('refuses %j', ([counts, rewards, options], problem) => {
    scope(() => expect(() => grpoLoss([-1], [-1], counts, rewards, options as never)).toThrow(problem));
  });
});
