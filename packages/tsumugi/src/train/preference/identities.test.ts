// What H-DPO's α does, on distributions that can be written down: the identities that follow from its definition.
import { describe, expect, it } from 'vitest';
import { backward, noGrad, scope, type Tensor, tensor, zeros } from '../../torch/index.ts';
import { dpoLoss, hdpoLoss } from './index.ts';

const logReference = normalized([0.1, -1.2, 0.7, -0.3, -2]);
const rewards = [0.5, 1.4, -0.2, 0.9, 2];
const beta = 0.3;

/** x − log Σ exp x */
function normalized(values: readonly number[]): number[] {
  const total = Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));
  return values.map((value) => value - total);
}

/** log of the optimum π* ∝ π_ref^{1/α} exp(r/(αβ)). */
const logOptimum = (alpha: number) =>
  normalized(logReference.map((logprob, i) => logprob / alpha + rewards[i]! / (alpha * beta)));

const entropy = (logprobs: readonly number[]) =>
  -logprobs.reduce((sum, logprob) => sum + Math.exp(logprob) * logprob, 0);

const f64 = (values: readonly number[]) => tensor(values as number[], { dtype: 'float64' });

describe('the optimum', () => {
  const alphas = [0.5, 0.7, 0.8, 0.9, 0.95, 1, 1.1, 1.2, 1.5];

  it('has more entropy the larger α is', () => {
    const entropies = alphas.map((alpha) => entropy(logOptimum(alpha)));
    for (let i = 1; i < entropies.length; i++) expect(entropies[i]!).toBeGreaterThan(entropies[i - 1]!);
  });

  it('is that of α = 1 at the temperature α, of whole answers', () => {
    for (const alpha of alphas) {
      const tempered = normalized(logOptimum(1).map((logprob) => logprob / alpha));
      logOptimum(alpha).forEach((logprob, i) => void expect(logprob).toBeCloseTo(tempered[i]!, 12));
    }
  });

  // All pairs (i, j), i preferred to j as often as Bradley and Terry say of the rewards.
  it.each([0.8, 1, 1.2])('is where gradient descent on the loss of all pairs ends, α = %f', (alpha) => {
    scope(() => {
      const pairs = rewards.flatMap((_, i) => rewards.map((_, j) => [i, j] as const)).filter(([i, j]) => i !== j);
      const [first, second] = [0, 1].map((side) =>
        tensor(
          pairs.map((pair) => pair[side]!),
          { dtype: 'int64' },
        ),
      ) as [Tensor, Tensor];
      const often = f64(pairs.map(([i, j]) => 1 / (1 + Math.exp(rewards[j]! - rewards[i]!))));
      const reference = f64(logReference);
      const theta = zeros([rewards.length], { dtype: 'float64' }).requiresGrad_();
      for (let step = 0; step < 3000; step++)
        scope(() => {
          theta.grad = undefined;
          const policy = theta.logSoftmax(0);
          const at = (values: Tensor) => [values.indexSelect(0, first), values.indexSelect(0, second)] as const;
          const loss = hdpoLoss(...at(policy), ...at(reference), { alpha, beta, reduction: 'none' });
          backward(loss.mul(often).sum());
          noGrad(() => theta.sub_(theta.grad!.mul(2)));
        });
      const found = scope(() => theta.logSoftmax(0).tolist()) as number[];
      logOptimum(alpha).forEach((logprob, i) => void expect(found[i]!).toBeCloseTo(logprob, 9));
    });
  });
});

describe('the loss', () => {
  const [w, l, rw, rl] = [
    [-3, -8],
    [-5, -7],
    [-4, -7.5],
    [-4.5, -6],
  ] as const;

  it('is that of DPO with αβ and a reference sharpened by 1/α, of whole answers', () => {
    for (const alpha of [0.7, 0.95, 1.3])
      scope(() => {
        const sharpened = [rw, rl].map((values) => values.map((logprob) => logprob / alpha)) as [number[], number[]];
        const asDpo = dpoLoss(w, l, ...sharpened, { beta: alpha * beta });
        expect(hdpoLoss(w, l, rw, rl, { alpha, beta }).item()).toBeCloseTo(asDpo.item(), 12);
      });
  });

  it('is not log 2 before the first step, unless α is 1', () => {
    scope(() => {
      expect(hdpoLoss(rw, rl, rw, rl, { alpha: 1, beta }).item()).toBeCloseTo(Math.LN2, 12);
      const expected = [0.5, -1.5].map((difference) => Math.log1p(Math.exp(-(0.8 - 1) * beta * difference)));
      expect(hdpoLoss(rw, rl, rw, rl, { alpha: 0.8, beta }).item()).toBeCloseTo((expected[0]! + expected[1]!) / 2, 12);
    });
  });

  it('has the gradient −αβ·σ(−h) for the chosen answer', () => {
    scope(() => {
      const [alpha, policy] = [0.8, f64([-3]).requiresGrad_()];
      hdpoLoss(policy, [-5], [-4], [-4.5], { alpha, beta }).backward();
      const h = beta * (alpha * 2 - 0.5);
      expect(policy.grad!.item()).toBeCloseTo((-alpha * beta) / (1 + Math.exp(h)), 12);
    });
  });
});

// One Gaussian q fitted to ½N(−s, 1) + ½N(s, 1) by the least D_α = −αH(q) + H(q, p): between the modes, or on one of them.
describe('one Gaussian and two modes', () => {
  const width = 1 / Math.sqrt(2 * Math.PI);
  const quadrature = Array.from({ length: 241 }, (_, i) => (i - 120) / 20).map(
    (z) => [z, (width * Math.exp((-z * z) / 2)) / 20] as const,
  );

  function divergence(mu: number, sigma: number, s: number, alpha: number): number {
    let cross = 0;
    for (const [z, weight] of quadrature) {
      const x = mu + sigma * z;
      const [a, b] = [-((x - s) ** 2) / 2, -((x + s) ** 2) / 2];
      const top = Math.max(a, b);
      cross -= weight * (top + Math.log(Math.exp(a - top) + Math.exp(b - top)) + Math.log(0.5 * width));
    }
    return cross - alpha * (0.5 * Math.log(2 * Math.PI * Math.E) + Math.log(sigma));
  }

  function fitted(s: number, alpha: number): { mu: number; sigma: number } {
    let best = { mu: 0, sigma: 1, value: Number.POSITIVE_INFINITY };
    for (let mu = 0; mu <= s + 0.2; mu += 0.1)
      for (let sigma = 0.4; sigma <= 2.7; sigma += 0.05) {
        const value = divergence(mu, sigma, s, alpha);
        if (value < best.value) best = { mu, sigma, value };
      }
    return best;
  }

  // By α = 1.0, 0.9, …, 0.3: σ, negative where the fit lies between the modes.
  it.each([
    [2.0, [-2.05, -2, -1.95, -1.9, -1.85, -1.8, 0.65, 0.55]],
    [2.2, [-2.2, -2.15, -2.1, -2.05, -2, 0.75, 0.65, 0.55]],
    [2.5, [-2.4, -2.35, -2.3, 0.85, 0.8, 0.7, 0.65, 0.55]],
  ])('modes at ±%f', (s, sigmas) => {
    sigmas.forEach((expected, i) => {
      const { mu, sigma } = fitted(s, 1 - i / 10);
      if (expected < 0) expect(mu).toBe(0);
      else expect(Math.abs(mu - s)).toBeLessThan(0.25);
      expect(Math.abs(sigma - Math.abs(expected))).toBeLessThan(0.026);
    });
  });
});
