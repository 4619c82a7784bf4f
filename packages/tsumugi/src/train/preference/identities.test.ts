// What H-DPO's α does, on distributions that can be written down: the identities that follow from its definition.
import { describe, expect, it } from 'vitest';
import { backward, noGrad, scope, type Tensor, tensor, zeros } from '../../torch/index.ts';
import { dpoLoss, hdpoLoss, impliedReward } from './index.ts';

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

  it('has an entropy that rises with α as fast as the variance of log π_ref + r/β over α³', () => {
    for (const alpha of alphas) {
      const step = 1e-5;
      const slope = (entropy(logOptimum(alpha + step)) - entropy(logOptimum(alpha - step))) / (2 * step);
      const shares = logOptimum(alpha).map(Math.exp);
      const values = logReference.map((logprob, i) => logprob + rewards[i]! / beta);
      const mean = values.reduce((sum, value, i) => sum + shares[i]! * value, 0);
      const variance = values.reduce((sum, value, i) => sum + shares[i]! * (value - mean) ** 2, 0);
      expect(slope).toBeCloseTo(variance / alpha ** 3, 6);
    }
  });

  it('implies the rewards that it is the optimum for, but for αβ·log Z', () => {
    scope(() => {
      for (const alpha of alphas) {
        const logZ = Math.log(
          logReference.reduce((sum, logprob, i) => sum + Math.exp(logprob / alpha + rewards[i]! / (alpha * beta)), 0),
        );
        const implied = impliedReward(f64(logOptimum(alpha)), f64(logReference), { alpha, beta }).tolist() as number[];
        implied.forEach((reward, i) => void expect(reward + alpha * beta * logZ).toBeCloseTo(rewards[i]!, 12));
      }
    });
  });

  /** The loss of all pairs (i, j) of answers, i preferred to j as often as Bradley and Terry say of the rewards. */
  function lossOfAllPairs(policy: Tensor, reference: readonly number[], of: readonly number[], alpha: number): Tensor {
    const pairs = of.flatMap((_, i) => of.map((_, j) => [i, j] as const)).filter(([i, j]) => i !== j);
    const often = f64(pairs.map(([i, j]) => 1 / (1 + Math.exp(of[j]! - of[i]!))));
    const sides = ([0, 1] as const).map((side) =>
      tensor(
        pairs.map((pair) => pair[side]),
        { dtype: 'int64' },
      ),
    );
    const [w, l] = sides.map((side) => policy.indexSelect(0, side)) as [Tensor, Tensor];
    const [rw, rl] = sides.map((side) => f64(reference).indexSelect(0, side)) as [Tensor, Tensor];
    return hdpoLoss(w, l, rw, rl, { alpha, beta, reduction: 'none' }).mul(often).sum();
  }

  it.each([0.8, 1, 1.2])('is where gradient descent on the loss of all pairs ends, α = %f', (alpha) => {
    scope(() => {
      const theta = zeros([rewards.length], { dtype: 'float64' }).requiresGrad_();
      for (let step = 0; step < 3000; step++)
        scope(() => {
          theta.grad = undefined;
          backward(lossOfAllPairs(theta.logSoftmax(0), logReference, rewards, alpha));
          noGrad(() => theta.sub_(theta.grad!.mul(2)));
        });
      const found = scope(() => theta.logSoftmax(0).tolist()) as number[];
      logOptimum(alpha).forEach((logprob, i) => void expect(found[i]!).toBeCloseTo(logprob, 9));
    });
  });

  it('is not DPO decoded at the temperature α, which works token by token', () => {
    // Answers of two tokens, none better than another: the first is a or b alike; after a, the second is 0.9 or 0.1, after b either alike.
    const reference = [0.45, 0.05, 0.25, 0.25].map(Math.log);
    const same = [0, 0, 0, 0];
    const alpha = 0.5;
    const gradientAt = (logprobs: readonly number[]) =>
      scope(() => {
        const theta = f64(logprobs).requiresGrad_();
        backward(lossOfAllPairs(theta.logSoftmax(0), reference, same, alpha));
        return Math.max(...(theta.grad!.abs().tolist() as number[]));
      });
    // DPO's optimum is the reference. Squared: 0.2025, 0.0025, 0.0625, 0.0625 of 0.33; token by token, a and b stay alike.
    expect(gradientAt([0.2025, 0.0025, 0.0625, 0.0625].map((share) => Math.log(share / 0.33)))).toBeLessThan(1e-14);
    expect(gradientAt([0.5 * (0.81 / 0.82), 0.5 * (0.01 / 0.82), 0.25, 0.25].map(Math.log))).toBeGreaterThan(1e-3);
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

  it('is that of DPO with αβ, and (α − 1)β·Δ_ref more', () => {
    scope(() => {
      const losses = hdpoLoss(w, l, rw, rl, { alpha: 0.8, beta, reduction: 'none' }).tolist() as number[];
      // Δ_π = 2 and −1, Δ_ref = 0.5 and −1.5
      const h = [0.24 * (2 - 0.5) - 0.06 * 0.5, 0.24 * (-1 + 1.5) - 0.06 * -1.5];
      losses.forEach((loss, i) => void expect(loss).toBeCloseTo(Math.log1p(Math.exp(-h[i]!)), 12));
    });
  });

  it('has the gradient −αβ·σ(−h) for the chosen answer, and its opposite for the rejected one', () => {
    scope(() => {
      const [alpha, chosen, rejected] = [0.8, f64([-3]).requiresGrad_(), f64([-5]).requiresGrad_()];
      hdpoLoss(chosen, rejected, [-4], [-4.5], { alpha, beta }).backward();
      const h = beta * (alpha * 2 - 0.5);
      expect(chosen.grad!.item()).toBeCloseTo((-alpha * beta) / (1 + Math.exp(h)), 12);
      expect(rejected.grad!.item()).toBeCloseTo((alpha * beta) / (1 + Math.exp(h)), 12);
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
