// The scan in its three forms (recurrence, chunked operators, kernel) and the decoding step: values, gradients, documents,
// chunk lengths, states.
import { describe, expect, it } from 'vitest';
import { ShapeError, UserError } from '../../base/index.ts';
import { expectThreadIndependent, expectTwins, relativeError, run } from '../../nn/functional/twins.testing.ts';
import { gradcheck } from '../../nn/index.ts';
import {
  backward,
  cat,
  type DType,
  kernelTakes,
  Rng,
  rand,
  randn,
  scope,
  type Tensor,
  tensor,
} from '../../torch/index.ts';
import { type SsdScanOptions, type SsdScanResult, ssdScan } from './ssd-scan.ts';
import { ssdScanChunked, ssdScanSequential } from './ssd-scan-plain.ts';

interface Sizes {
  B: number;
  T: number;
  m: number;
  P: number;
  N: number;
}

type Inputs = [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];

/** x, dt, A, B, C, D, initial state, all requiring gradients. Steps of `pace` on average. */
function inputsOf({ B, T, m, P, N }: Sizes, dtype: DType = 'float32', pace = 0.1): Inputs {
  return scope(() => {
    const random = new Rng(T + 1);
    const options = { dtype };
    return [
      randn([B, T, m, P], random, options),
      rand([B, T, m], random, options).mul(2 * pace),
      rand([m], random, options).mul(3).add(0.3).neg(),
      randn([B, T, N], random, options),
      randn([B, T, N], random, options),
      randn([m], random, options),
      randn([B, m, P, N], random, options),
    ].map((made) => made.detach().requiresGrad_()) as Inputs;
  });
}

type Scan = (...args: [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, SsdScanOptions]) => SsdScanResult;

/** A scan as an operation on its differentiable inputs that gives y and the last state. */
const operation =
  (scan: Scan, options: SsdScanOptions = {}) =>
  (...[x, dt, A, B, C, D, initialState]: Tensor[]): Tensor[] => {
    const { y, state } = scan(x!, dt!, A!, B!, C!, D!, { ...options, initialState, returnState: true });
    return [y, state!];
  };

/** int32 [B, T] from the lengths of the documents of each row, over and over. */
function documentsOf(B: number, T: number, lengths: readonly number[]): Tensor {
  const rows = Array.from({ length: B }, (_, b) => {
    const row: number[] = [];
    for (let d = b; row.length < T; d++)
      for (let i = 0; i < lengths[d % lengths.length]! && row.length < T; i++) row.push(d % 3);
    return row;
  });
  return tensor(rows, { dtype: 'int32' });
}

const lengths = [1, 1, 5, 17, 1, 70, 2];

describe.each([
  ['ssdScan (kernel)', ssdScan],
  ['ssdScanChunked', ssdScanChunked],
])('%s', (name, scan) => {
  it.each([1, 3, 8, 64, 256])('equals the recurrence with chunks of %i', (chunk) => {
    scope(() => {
      for (const T of [1, 21, 150]) {
        const inputs = inputsOf({ B: 2, T, m: 3, P: 5, N: 4 });
        if (name.includes('kernel')) expect(kernelTakes('tsumugi::ssd_scan', ...inputs)).toBe(true);
        for (const documents of [undefined, documentsOf(2, T, lengths)])
          for (const used of [inputs, inputs.slice(0, 6)])
            expectTwins(operation(scan, { chunk, documents }), operation(ssdScanSequential, { documents }), used, 1e-5);
      }
    });
  });

  it.each([
    { B: 1, T: 200, m: 2, P: 64, N: 64 },
    { B: 2, T: 128, m: 1, P: 128, N: 64 },
    { B: 1, T: 67, m: 3, P: 20, N: 17 },
    { B: 1, T: 65, m: 1, P: 1, N: 1 },
  ])('equals the recurrence for $B×$T tokens, $m heads of $P, state $N', (sizes) => {
    scope(() => {
      const inputs = inputsOf(sizes);
      const documents = documentsOf(sizes.B, sizes.T, lengths);
      expectTwins(operation(scan), operation(ssdScanSequential), inputs, 1e-5);
      expectTwins(operation(scan, { documents }), operation(ssdScanSequential, { documents }), inputs, 1e-5);
    });
  });

  it('has the right gradients', () => {
    scope(() => {
      const inputs = inputsOf({ B: 2, T: 7, m: 2, P: 3, N: 2 }, 'float64', 0.5);
      const documents = tensor([[0, 0, 0, 1, 2, 2, 2], [0, 1, 1, 1, 1, 1, 1]], { dtype: 'int32' }); // biome-ignore format: rows
      gradcheck(operation(scan, { chunk: 3 }), inputs);
      gradcheck(operation(scan, { chunk: 3, documents }), inputs);
      gradcheck((...all) => operation(scan, { chunk: 4 })(...all)[0]!, inputs.slice(0, 6));
      gradcheck((...all) => operation(scan, { chunk: 4 })(...all)[1]!, inputs);
    });
  });

  it.each([9, 10, 11, 12])('stays exact with decays from nothing to everything (seed %i)', (seed) => {
    scope(() => {
      // |A| up to 1024 and dt from 1e-7 to 1: products of exponentials of running sums would overflow, their differences
      // cancel, and a gradient of A from f32 sums would be wrong in the fourth digit.
      const random = new Rng(seed);
      const dt = rand([1, 130, 2], random).mul(16).sub(16).exp();
      const [x, B, C] = [[1, 130, 2, 4], [1, 130, 4], [1, 130, 4]].map((shape) => randn(shape, random)); // biome-ignore format: shapes
      const inputs = [x!, dt, tensor([-1024, -30]), B!, C!, randn([2], random), randn([1, 2, 4, 4], random)];
      const exact = run(
        operation(ssdScanSequential),
        inputs.map((each) => each.to('float64').detach().requiresGrad_()),
      );
      const made = run(
        operation(scan),
        inputs.map((each) => each.requiresGrad_()),
      );
      made.forEach((each, i) => {
        expect(relativeError(each, exact[i]!), `tensor ${i}`).toBeLessThan(3e-6);
      });
    });
  });

  it('takes a number that comes again for a new document', () => {
    scope(() => {
      const inputs = inputsOf({ B: 1, T: 40, m: 2, P: 4, N: 8 }).slice(0, 6);
      const cuts = [[0, 5], [5, 20], [25, 1], [26, 14]] as const; // biome-ignore format: pairs
      const documents = tensor([cuts.flatMap(([, n], i) => Array<number>(n).fill(i % 2))], { dtype: 'int32' });
      for (const scan of [ssdScan, ssdScanChunked, ssdScanSequential]) {
        const run = (given: Tensor[], options: SsdScanOptions) =>
          scan(...(given as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]), { chunk: 16, ...options }).y;
        const alone = cuts.map(([at, n]) =>
          run(
            inputs.map((x) => (x.ndim < 3 ? x : x.narrow(1, at, n))),
            {},
          ),
        );
        expect(relativeError(run(inputs, { documents }), cat(alone, 1))).toBeLessThan(1e-5);
      }
    });
  });

  it('keeps documents apart: what happens in one leaves the others bit for bit the same', () => {
    scope(() => {
      const inputs = inputsOf({ B: 1, T: 100, m: 2, P: 4, N: 4 }).slice(0, 6);
      const documents = documentsOf(1, 100, [30, 1, 40, 29]); // borders at 30, 31, 71
      const changed = inputs.map((input, i) => {
        if (i === 2 || i === 5) return input;
        const planted = input.detach().clone();
        planted.narrow(1, 31, 40).mul_(3);
        return planted.requiresGrad_();
      });
      const [y, planted] = [inputs, changed].map((all) => {
        const { y } = scan(...(all as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]), { documents });
        return y;
      }) as [Tensor, Tensor];
      for (const [start, length] of [[0, 31], [71, 29]] as const) // biome-ignore format: pairs
        expect(planted.narrow(1, start, length).tolist()).toEqual(y.narrow(1, start, length).tolist());
      expect(planted.narrow(1, 31, 40).tolist()).not.toEqual(y.narrow(1, 31, 40).tolist());
      // A gradient that enters in the last document reaches none before it.
      backward(y.narrow(1, 71, 29).sum());
      for (const i of [0, 1, 3, 4]) {
        const gradient = inputs[i]!.grad!;
        expect(gradient.narrow(1, 0, 71).abs().max().item(), `input ${i}`).toBe(0);
        expect(gradient.narrow(1, 71, 29).abs().max().item(), `input ${i}`).toBeGreaterThan(0);
      }
    });
  });
});

describe('ssdScan', () => {
  it('gives the same bits on any number of threads', () => {
    scope(() => {
      const inputs = inputsOf({ B: 2, T: 150, m: 3, P: 16, N: 16 });
      expectThreadIndependent(operation(ssdScan, { documents: documentsOf(2, 150, lengths) }), inputs);
    });
  });

  it('goes on from a state', () => {
    scope(() => {
      const [x, dt, A, B, C, D] = inputsOf({ B: 2, T: 90, m: 2, P: 8, N: 8 });
      const whole = ssdScan(x, dt, A, B, C, D, { returnState: true });
      let initialState: Tensor | undefined;
      const parts: Tensor[] = [];
      for (const [start, length] of [
        [0, 33],
        [33, 1],
        [34, 56],
      ] as const) {
        // biome-ignore format: pairs
        const cut = (all: Tensor) => all.narrow(1, start, length);
        const { y, state } = ssdScan(cut(x), cut(dt), A, cut(B), cut(C), D, { initialState, returnState: true });
        parts.push(y);
        initialState = state;
      }
      expect(relativeError(cat(parts, 1), whole.y)).toBeLessThan(2e-6);
      expect(relativeError(initialState!, whole.state!)).toBeLessThan(2e-6);
      expect(ssdScan(x, dt, A, B, C, D).state).toBeUndefined();
    });
  });

  it('takes operands that are not contiguous, no tokens, and 16-bit ones', () => {
    scope(() => {
      const inputs = inputsOf({ B: 2, T: 30, m: 2, P: 4, N: 4 });
      const twisted =
        (scan: Scan) =>
        (...all: Tensor[]) =>
          operation(scan)(...all.map((each) => each.transpose(0, -1).contiguous().transpose(0, -1)));
      expectTwins(twisted(ssdScan), twisted(ssdScanChunked), inputs, 1e-5);

      const empty = inputs.map((each) => (each.shape[1] === 30 ? each.narrow(1, 0, 0) : each));
      const [none, state] = operation(ssdScan)(...empty) as [Tensor, Tensor];
      expect(none.shape).toEqual([2, 0, 2, 4]);
      expect(state.tolist()).toEqual(inputs[6]!.tolist());

      const half = inputs.map((each) => each.detach().to('bfloat16')) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const { y, state: wide } = ssdScan(...(half.slice(0, 6) as typeof half), { returnState: true });
      expect([y.dtype, wide!.dtype]).toEqual(['bfloat16', 'float32']);
    });
  });

  it('takes a step of 0 (padding) as no step', () => {
    scope(() => {
      const [x, dt, A, B, C, D, initialState] = inputsOf({ B: 1, T: 5, m: 2, P: 3, N: 3 }) as Tensor[];
      const { state } = ssdScan(x!, dt!.mul(0), A!, B!, C!, D!, { initialState: initialState!, returnState: true });
      expect(state!.tolist()).toEqual(initialState!.tolist());
    });
  });

  it('names what does not fit', () => {
    scope(() => {
      const [x, dt, A, B, C, D] = inputsOf({ B: 2, T: 4, m: 2, P: 3, N: 3 });
      expect(() => ssdScan(x, dt.narrow(1, 0, 3), A, B, C, D)).toThrow(ShapeError);
      expect(() => ssdScan(x, dt, A, B, C, D, { initialState: x })).toThrow(/initialState must be \[2, 2, 3, 3\]/);
      expect(() => ssdScan(x, dt, A, B, C, D, { chunk: 0 })).toThrow(UserError);
    });
  });
});
