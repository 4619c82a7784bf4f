// Attention: the kernel and its twins against a dense f64 reference; causality, windows, documents, caches, memory.
import { describe, expect, it } from 'vitest';
import { requires } from '../../../../../tests/requires.testing.ts';
import { ShapeError } from '../../base/index.ts';
import { gradcheck } from '../../nn/index.ts';
import { expectClose } from '../../nn/nn.testing.ts';
import {
  arange,
  cat,
  type DType,
  grad,
  hasOperator,
  kernelTakes,
  memory,
  noGrad,
  numThreads,
  Rng,
  randn,
  resetPeakMemory,
  scope,
  setThreads,
  type Tensor,
  tensor,
} from '../../torch/index.ts';
import { windowedAttention } from './attention.ts';
import { attentionFused, attentionInBlocks } from './attention-plain.ts';

interface Case {
  B: number;
  T: number;
  S?: number;
  H: number;
  K: number;
  d: number;
  window: number | null;
  /** Lengths of documents, the same in every sequence but in reverse order in odd ones. */
  documents?: number[];
}

const cases: Case[] = [
  { B: 2, T: 7, H: 2, K: 1, d: 4, window: null },
  { B: 1, T: 130, H: 6, K: 2, d: 16, window: null },
  { B: 2, T: 200, H: 3, K: 3, d: 24, window: 37 },
  { B: 1, T: 150, H: 4, K: 2, d: 64, window: 0 },
  { B: 1, T: 70, H: 2, K: 2, d: 70, window: 1000 },
  { B: 1, T: 300, H: 16, K: 1, d: 32, window: 64 },
  { B: 1, T: 9, S: 300, H: 4, K: 2, d: 16, window: 130 },
  { B: 2, T: 90, S: 200, H: 2, K: 1, d: 16, window: null },
  { B: 2, T: 3, S: 600, H: 4, K: 2, d: 20, window: 520 },
  { B: 2, T: 1, S: 700, H: 6, K: 2, d: 64, window: null },
  { B: 2, T: 190, H: 4, K: 2, d: 16, window: null, documents: [1, 64, 100, 25] },
  { B: 2, T: 190, H: 6, K: 2, d: 16, window: 30, documents: [5, 3, 128, 54] },
  // Several of the blocks that go through at once, the last not full; a window larger than a block; keys before the queries.
  { B: 2, T: 600, H: 2, K: 1, d: 8, window: 100, documents: [250, 3, 7, 340] },
  { B: 2, T: 700, H: 2, K: 2, d: 8, window: 300 },
  { B: 2, T: 520, S: 600, H: 2, K: 1, d: 8, window: 200 },
];

const named = cases.map((each) => [JSON.stringify(each), each] as const);

interface Inputs {
  q: Tensor;
  k: Tensor;
  v: Tensor;
  /** Weights of the outputs in the sum whose gradients are compared. */
  direction: Tensor;
  documents: Tensor | undefined;
}

function inputsOf({ B, T, S = T, H, K, d, documents }: Case, dtype: DType): Inputs {
  const rng = new Rng(7);
  const make = (shape: number[]) => randn(shape, rng, { dtype: 'float64' }).to(dtype);
  const labels = (lengths: number[]) => lengths.flatMap((length, i) => Array<number>(length).fill(3 * i));
  return {
    q: make([B, T, H, d]).requiresGrad_(),
    k: make([B, S, K, d]).requiresGrad_(),
    v: make([B, S, K, d]).requiresGrad_(),
    direction: make([B, T, H, d]),
    documents:
      documents &&
      tensor(
        Array.from({ length: B }, (_, b) => labels(b % 2 ? documents.toReversed() : documents)),
        { dtype: 'int32' },
      ),
  };
}

/** softmax(q·kᵀ·scale + mask)·v with the whole [T, S] mask. */
function dense({ q, k, v, documents }: Inputs, window: number | null, scale: number): Tensor {
  const [T, S] = [q.size(1), k.size(1)];
  const group = q.size(2) / k.size(2);
  const [keys, values] = [k, v].map((x) => x.repeatInterleave(group, 2).transpose(1, 2)) as [Tensor, Tensor];
  const distance = arange(S - T, S)
    .unsqueeze(1)
    .sub(arange(0, S)); // [T, S]
  let hidden = distance.lt(0).logicalOr(distance.gt(window ?? S));
  if (documents) hidden = hidden.logicalOr(documents.unsqueeze(2).ne(documents.unsqueeze(1)).unsqueeze(1));
  const scores = q.transpose(1, 2).matmul(keys.transpose(2, 3)).mul(scale);
  return scores.maskedFill(hidden, Number.NEGATIVE_INFINITY).softmax(-1).matmul(values).transpose(1, 2);
}

/** Output and gradients of q, k, v. */
function evaluate(inputs: Inputs, attend: (inputs: Inputs) => Tensor): Tensor[] {
  const out = attend(inputs);
  const gradients = grad([out], [inputs.q, inputs.k, inputs.v], { gradients: [inputs.direction] });
  return [out, ...(gradients as Tensor[])];
}

function compare(given: Case, dtype: DType, attend: (inputs: Inputs) => Tensor, tolerance: number): void {
  scope(() => {
    const scale = 1 / Math.sqrt(given.d);
    const expected = evaluate(inputsOf(given, 'float64'), (inputs) => dense(inputs, given.window, scale));
    const actual = evaluate(inputsOf(given, dtype), attend);
    for (const [i, each] of actual.entries()) expectClose(each, expected[i]!, tolerance);
  });
}

describe('windowedAttention', () => {
  it.each(named)('kernel = dense reference in f64 and f32: %s', (_, given) => {
    const attend = ({ q, k, v, documents }: Inputs) => windowedAttention(q, k, v, { window: given.window, documents });
    scope(() => expect(kernelTakes('tsumugi::windowed_attention', inputsOf(given, 'float32').q)).toBe(true));
    compare(given, 'float64', attend, 1e-12);
    compare(given, 'float32', attend, 1e-5);
  });

  it.each(named)('blocks of libtorch operators = dense reference: %s', (_, given) => {
    const settings = { window: given.window, scale: 1 / Math.sqrt(given.d) };
    compare(
      given,
      'float64',
      ({ q, k, v, documents }) => attentionInBlocks(q, k, v, { ...settings, documents }),
      1e-12,
    );
  });

  const fused = requires(hasOperator('aten::scaled_dot_product_attention'), 'fused attention came with libtorch 2.0');
  it.each(named)('fused attention of libtorch = dense reference: %s', fused, (_, given) => {
    const settings = { window: given.window, scale: 1 / Math.sqrt(given.d) };
    compare(given, 'float64', ({ q, k, v, documents }) => attentionFused(q, k, v, { ...settings, documents }), 1e-12);
  });

  it('passes gradcheck, with a scale of its own', () => {
    scope(() => {
      for (const given of [
        { B: 2, T: 6, H: 4, K: 2, d: 4, window: 3, documents: [2, 4] },
        { B: 1, T: 3, S: 9, H: 2, K: 1, d: 6, window: null },
      ]) {
        const { q, k, v, documents } = inputsOf(given, 'float64');
        const { window } = given;
        gradcheck((...[q, k, v]) => windowedAttention(q!, k!, v!, { window, documents, scale: 0.3 }), [q, k, v]);
      }
    });
  });

  it.each([null, 0, 2, 40])('takes a number that comes again for a new document: window %s', (window) => {
    scope(() => {
      const runs = [3, 70, 1, 90, 2];
      const T = runs.reduce((a, b) => a + b);
      const { q, k, v } = inputsOf({ B: 1, T, H: 4, K: 2, d: 8, window }, 'float64');
      const documents = tensor([runs.flatMap((length, i) => Array<number>(length).fill(i % 2))], { dtype: 'int32' });
      const settings = { window, scale: 8 ** -0.5 };
      const starts = runs.map((_, i) => runs.slice(0, i).reduce((a, b) => a + b, 0));
      const alone = runs.map((length, i) => {
        const [a, b, c] = [q, k, v].map((x) => x.narrow(1, starts[i]!, length)) as [Tensor, Tensor, Tensor];
        return attentionInBlocks(a, b, c, settings);
      });
      const expected = cat(alone, 1);
      const twins = hasOperator('aten::scaled_dot_product_attention')
        ? [attentionInBlocks, attentionFused]
        : [attentionInBlocks];
      for (const attend of [windowedAttention, ...twins])
        expectClose(attend(q, k, v, { ...settings, documents }), expected, 1e-12);
    });
  });

  it('keeps what is far from 1: large scores, and rows of the cache that lie apart', () => {
    scope(() => {
      const given = { B: 2, T: 40, H: 4, K: 2, d: 16, window: 20 };
      const { q, k, v } = inputsOf(given, 'float64');
      const roomy = [k, v].map((x) => randn([2, 100, 3, 20], new Rng(1), { dtype: 'float64' }).mul(1e3).add(x.sum()));
      const views = roomy.map((room, i) => {
        const view = room.narrow(1, 50, 40).narrow(2, 1, 2).narrow(3, 2, 16);
        return noGrad(() => view.copy_([k, v][i]!));
      });
      const sharp = q.mul(300);
      for (const tokens of [40, 2]) {
        const last = sharp.narrow(1, 40 - tokens, tokens);
        const actual = windowedAttention(last, views[0]!, views[1]!, { window: 20 });
        const expected = dense({ q: last, k, v, direction: q, documents: undefined }, 20, 0.25);
        expectClose(actual, expected, 1e-11);
      }
    });
  });

  it('decodes token by token what it computes at once', () => {
    scope(() => {
      for (const window of [null, 100]) {
        const { q, k, v } = inputsOf({ B: 2, T: 300, H: 4, K: 2, d: 32, window }, 'float32');
        const all = windowedAttention(q, k, v, { window });
        for (const [at, tokens] of [
          [299, 1],
          [63, 1],
          [200, 4],
          [150, 70],
        ] as const) {
          // biome-ignore format: pairs
          const reach = window === null ? at : Math.min(at, window);
          const [near, nearValues] = [k, v].map((x) => x.narrow(1, at - reach, reach + tokens)) as [Tensor, Tensor];
          const step = windowedAttention(q.narrow(1, at, tokens), near, nearValues, { window });
          expectClose(step, all.narrow(1, at, tokens), 1e-5);
        }
      }
    });
  });

  it('lets nothing through from other documents, later tokens or beyond the window', () => {
    scope(() => {
      const given = { B: 1, T: 200, H: 2, K: 1, d: 16, window: 50, documents: [70, 130] };
      const { q, k, v, documents } = inputsOf(given, 'float32');
      const before = windowedAttention(q, k, v, { window: 50, documents });
      const planted = [k, v].map((x) => noGrad(() => x.clone()));
      noGrad(() => {
        for (const x of planted) {
          x.narrow(1, 60, 10).fill_(1e4); // the end of the first document
          x.narrow(1, 110, 1).fill_(-1e4); // reaches the queries 110 … 160 only
        }
      });
      const after = windowedAttention(q, planted[0]!, planted[1]!, { window: 50, documents });
      for (const [from, length] of [[0, 60], [70, 40], [161, 39]] as const) // biome-ignore format: pairs
        expect(after.narrow(1, from, length).data()).toEqual(before.narrow(1, from, length).data());
      for (const at of [60, 110, 160])
        expect(after.narrow(1, at, 1).data()).not.toEqual(before.narrow(1, at, 1).data());
    });
  });

  it('gives the same bits with one thread and with two', () => {
    const threads = numThreads();
    const run = (count: number, given: Case) =>
      scope(() => {
        setThreads(count);
        const inputs = inputsOf(given, 'float32');
        const { window } = given;
        return evaluate(inputs, ({ q, k, v, documents }) => windowedAttention(q, k, v, { window, documents })).map(
          (each) => each.data(),
        );
      });
    try {
      for (const given of cases) expect(run(2, given)).toEqual(run(1, given));
    } finally {
      setThreads(threads);
    }
  });

  it('never holds a [T, T] matrix, forward and backward', () => {
    scope(() => {
      const T = 4096;
      const { q, k, v, direction, documents } = inputsOf({ B: 1, T, H: 2, K: 1, d: 16, window: null }, 'float32');
      const live = memory().liveBytes;
      resetPeakMemory();
      evaluate({ q, k, v, direction, documents }, () => windowedAttention(q, k, v, { window: null }));
      // One matrix would be 67 MB per head; queries, keys, copies and partial sums together are a few MB.
      expect(memory().peakBytes - live).toBeLessThan(24e6);
    });
  });

  it('says what is wrong', () => {
    scope(() => {
      const { q, k, v } = inputsOf({ B: 1, T: 4, H: 3, K: 1, d: 8, window: null }, 'float32');
      const two = k.repeatInterleave(2, 2);
      expect(() => windowedAttention(q, two, two, { window: null })).toThrow(/H a multiple of K/);
      const few = k.narrow(1, 0, 3);
      expect(() => windowedAttention(q, few, few, { window: null })).toThrow(/fewer keys than queries/);
      expect(() => windowedAttention(q, k, v, { window: -1 })).toThrow(/null or an integer/);
      const labels = tensor([[0, 0, 1]], { dtype: 'int32' });
      expect(() => windowedAttention(q, k, v, { window: null, documents: labels })).toThrow(ShapeError);
      const out = windowedAttention(q, k, v, { window: null }).sum();
      expect(() => grad([out], [q], { createGraph: true })).toThrow(/gradient of its gradient/);
    });
  });
});

it('passes NaN on to every query that sees it, wherever it lies, and to no other', () => {
  for (const [T, S, window] of [
    [3, 3, null],
    [1, 200, null],
    [150, 150, null],
    [150, 150, 40],
    [4, 300, 130],
  ] as const)
    for (const at of [0, 1, 2, 63, 64, 100, 149, 199, 299].filter((each) => each < S))
      scope(() => {
        const rng = new Rng(S + at);
        const [q, k, v] = [randn([1, T, 2, 16], rng), randn([1, S, 1, 16], rng), randn([1, S, 1, 16], rng)];
        noGrad(() => k.narrow(1, at, 1).fill_(Number.NaN));
        const out = noGrad(() => windowedAttention(q, k, v, { window, scale: 0.25 }));
        const spoiled = out.isnan().flatten(2).any(-1).flatten().tolist() as number[];
        const sees = Array.from(
          { length: T },
          (_, t) => t + S - T >= at && (window === null || t + S - T - at <= window),
        );
        expect(spoiled.map(Boolean), `${T} of ${S}, window ${window}, NaN at ${at}`).toEqual(sees);
      });
});
