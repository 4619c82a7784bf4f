// Steps of decoding over states in slots: the kernels against their twins and against the forms for whole texts, chains of tokens of one
// text, and the same bits whatever other rows there are.
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../base/index.ts';
import { expectTwins, relativeError } from '../../nn/functional/twins.testing.ts';
import { type DType, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { causalConv } from './causal-conv.ts';
import { convStep, convStepPlain } from './conv-step.ts';
import { wavesOf } from './slots.ts';
import { deltaOf } from './ssd-scan.ts';
import { ssdScanSequential } from './ssd-scan-plain.ts';
import { type SsmStepInputs, ssmStep, ssmStepPlain } from './ssm-step.ts';

// Text a takes three tokens from slot 1, b one in its place, c one from a's first slot into another, d two from b's.
const slots = { from: [1, 4, 0, 2, 4, 3, 6], to: [4, 0, 0, 2, 5, 6, 3] };
const R = slots.from.length;

const same = (a: Tensor, b: Tensor) => expect(Buffer.from(a.bytes()).equals(Buffer.from(b.bytes()))).toBe(true);
const rowsAt = (of: Tensor, rows: readonly number[]) => of.indexSelect(0, tensor(BigInt64Array.from(rows, BigInt)));

function ssmOf(m: number, P: number, N: number, dtype: DType, rows = R) {
  const rng = new Rng(m + P + N);
  const make = (shape: number[]) => randn(shape, rng, { dtype: 'float64' }).to(dtype);
  const inputs: SsmStepInputs = {
    x: make([rows, m, P]),
    dt: make([rows, m]),
    bias: make([m]).mul(3),
    A: make([m]).abs().neg(),
    B: make([rows, N]),
    C: make([rows, N]),
    D: make([m]),
  };
  return { inputs, states: make([7, m, P, N]) };
}

it('groups rows so that none needs what another of its group leaves', () => {
  expect(wavesOf(slots, R)).toEqual([[0, 3, 5], [1, 4, 6], [2]]);
  expect(wavesOf({ from: [], to: [] }, 3)).toEqual([[0, 1, 2]]);
  expect(wavesOf({ from: [0, 1], to: [1, 1] }, 2)).toEqual([[0], [1]]);
  expect(wavesOf({ from: [0, 1], to: [2, 0] }, 2)).toEqual([[0], [1]]);
});

describe('ssmStep', () => {
  it.each([
    [3, 20, 33, 'float32'],
    [2, 16, 64, 'float32'],
    [1, 1, 1, 'float32'],
    [3, 5, 7, 'float64'],
  ] as const)('is its twin, states too: %i heads of %i, %i numbers of state, %s', (m, P, N, dtype) => {
    scope(() => {
      const { inputs, states } = ssmOf(m, P, N, dtype);
      const both = (step: typeof ssmStep) => (given: Tensor) => {
        const own = given.clone();
        return [step(own, inputs, slots), own];
      };
      expectTwins(both(ssmStep) as never, both(ssmStepPlain) as never, [states], dtype === 'float64' ? 1e-14 : 2e-6);
    });
  });

  it.each([
    [ssmStep, 'kernel'],
    [ssmStepPlain, 'plain twin'],
  ])('takes the tokens of one text in order (%s)', (step) => {
    scope(() => {
      const { inputs, states } = ssmOf(3, 20, 33, 'float32', 5);
      const { x, dt, bias, A, B, C, D } = inputs;
      const initialState = states.narrow(0, 2, 1).clone();
      const [tokens, delta, into, read] = [x, deltaOf(dt, bias), B, C].map((each) => each.unsqueeze(0)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const whole = ssdScanSequential(tokens, delta, A, into, read, D, { initialState, returnState: true });
      const y = step(states, inputs, { from: [2, 0, 1, 3, 3], to: [0, 1, 3, 3, 6] });
      expect(relativeError(y, whole.y.squeeze(0))).toBeLessThan(2e-6);
      expect(relativeError(states.select(0, 6), whole.state!.squeeze(0))).toBeLessThan(2e-6);
      same(states.select(0, 2), initialState);
    });
  });

  it('gives a row the same bits beside others as alone', () => {
    scope(() => {
      const { inputs, states } = ssmOf(3, 20, 33, 'float32');
      const [before, own] = [states.clone(), states.clone()];
      const together = ssmStep(states, inputs, slots);
      for (const row of [0, 3, 5]) {
        const { x, dt, B, C, ...rest } = inputs;
        const [token, step, into, read] = [x, dt, B, C].map((each) => rowsAt(each, [row])) as [
          Tensor,
          Tensor,
          Tensor,
          Tensor,
        ];
        const y = ssmStep(
          own.copy_(before),
          { ...rest, x: token, dt: step, B: into, C: read },
          { from: [slots.from[row]!], to: [6] },
        );
        same(y, together.narrow(0, row, 1));
      }
    });
  });

  it('names what does not fit', () => {
    scope(() => {
      const { inputs, states } = ssmOf(2, 3, 4, 'float32', 1);
      expect(() => ssmStep(states, { ...inputs, C: inputs.A })).toThrow(/C must be \[1, 4\]/);
      expect(() => ssmStep(states, { ...inputs, dt: inputs.x })).toThrow(ShapeError);
      expect(() => ssmStep(states, inputs, { from: [7], to: [0] })).toThrow(/no slot 7 of 7/);
      expect(() => ssmStep(states, inputs, { from: [0, 1], to: [0, 1] })).toThrow(/1 rows need as many slots, got 2/);
    });
  });
});

describe('convStep', () => {
  const convOf = (C: number, k: number, dtype: DType) => {
    const rng = new Rng(C + k);
    const make = (shape: number[]) => randn(shape, rng, { dtype: 'float64' }).to(dtype);
    return { u: make([R, C]), weight: make([C, 1, k]), states: make([7, k - 1, C]) };
  };

  it.each([
    [37, 4, 'float32'],
    [2100, 4, 'float32'],
    [5, 2, 'float32'],
    [9, 6, 'float64'],
  ] as const)('is its twin, states too: %i channels, %i taps, %s', (C, k, dtype) => {
    scope(() => {
      const { u, weight, states } = convOf(C, k, dtype);
      const both = (step: typeof convStep) => (given: Tensor) => {
        const own = given.clone();
        return [step(own, u, weight, slots), own];
      };
      expectTwins(both(convStep) as never, both(convStepPlain) as never, [states], dtype === 'float64' ? 1e-14 : 2e-6);
    });
  });

  it.each([
    [convStep, 'kernel'],
    [convStepPlain, 'plain twin'],
  ])('takes the tokens of one text in order (%s)', (step) => {
    scope(() => {
      const { u, weight, states } = convOf(37, 4, 'float32');
      const state = states.narrow(0, 2, 1).transpose(1, 2).clone();
      const whole = causalConv(u.unsqueeze(0), weight, { state }).squeeze(0);
      const y = step(states, u, weight, { from: [2, 0, 0, 0, 1, 1, 1], to: [0, 0, 0, 1, 1, 1, 4] });
      expect(relativeError(y, whole)).toBeLessThan(1e-6);
      same(states.select(0, 4), u.narrow(0, R - 3, 3));
    });
  });

  it('gives a row the same bits beside others as alone, and names what does not fit', () => {
    scope(() => {
      const { u, weight, states } = convOf(37, 4, 'float32');
      const before = states.clone();
      const together = convStep(states, u, weight, slots);
      for (const row of [0, 3, 5])
        same(
          convStep(before.clone(), u.narrow(0, row, 1), weight, { from: [slots.from[row]!], to: [6] }),
          together.narrow(0, row, 1),
        );
      expect(() => convStep(states.transpose(1, 2), u, weight)).toThrow(/states \[slots, k−1, C\]/);
    });
  });
});
