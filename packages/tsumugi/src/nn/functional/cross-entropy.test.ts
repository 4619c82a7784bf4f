// Cross-entropy: the plain function against its definition, the fused one against the plain one.
import { describe, expect, it } from 'vitest';
import {
  backward,
  customOperator,
  type DType,
  eye,
  grad,
  memory,
  noGrad,
  numThreads,
  Rng,
  randint,
  randn,
  resetPeakMemory,
  scope,
  setThreads,
  type Tensor,
  tensor,
} from '../../torch/index.ts';
import { gradcheck } from '../gradcheck.ts';
import { expectClose } from '../nn.testing.ts';
import {
  crossEntropy,
  crossEntropyPlain_,
  type LinearCrossEntropyOptions,
  linearCrossEntropy,
  logitsCrossEntropy,
} from './cross-entropy.ts';

const kernel = customOperator('tsumugi::cross_entropy_');

function inputsOf(N: number, D: number, V: number, dtype: DType) {
  const rng = new Rng(11);
  const make = (shape: number[]) => randn(shape, rng, { dtype: 'float64' }).to(dtype).requiresGrad_();
  const hidden = make([N, D]);
  const weight = make([V, D]);
  const targets = randint(0, V - 3, [N], rng);
  if (N > 4) targets.narrow(0, 2, 2).fill_(-100);
  return { hidden, weight, targets };
}

describe('crossEntropy', () => {
  it('is −log softmax(logits)[target], with ignored targets and the penalty on log-sum-exp', () => {
    scope(() => {
      const logits = tensor([[1, 2, 3], [0, 0, 0], [5, 1, 1]]); // biome-ignore format: a matrix
      const targets = tensor([2, -100, 1], { dtype: 'int64' });
      const lse = [1, 5].map((first) => Math.log(Math.exp(first) + Math.exp(first === 1 ? 2 : 1) + Math.exp(first === 1 ? 3 : 1))); // biome-ignore format: a formula
      const losses = [lse[0]! - 3, lse[1]! - 1];
      expect(crossEntropy(logits, targets).item()).toBeCloseTo((losses[0]! + losses[1]!) / 2, 5);
      expect(crossEntropy(logits, targets, { reduction: 'sum' }).item()).toBeCloseTo(losses[0]! + losses[1]!, 5);
      const penalty = (0.1 * (lse[0]! ** 2 + lse[1]! ** 2)) / 2;
      expect(crossEntropy(logits, targets, { zLoss: 0.1 }).item()).toBeCloseTo(
        (losses[0]! + losses[1]!) / 2 + penalty,
        5,
      );
      const pad = tensor([2, 0, 0], { dtype: 'int64' });
      expect(crossEntropy(logits, pad, { ignoreIndex: 0 }).item()).toBeCloseTo(losses[0]!, 5);
      expect(() => crossEntropy(logits, pad.narrow(0, 0, 2))).toThrow(/must be the shape of targets/);
    });
  });

  it('passes gradcheck and stays finite for huge logits', () => {
    scope(() => {
      const { hidden, targets } = inputsOf(6, 5, 8, 'float64');
      gradcheck((x) => crossEntropy(x, targets.clamp(-100, 4), { zLoss: 0.01 }), [hidden]);
      const far = tensor([[1e4, -1e4, 0]]);
      expect(crossEntropy(far, tensor([1], { dtype: 'int64' })).item()).toBe(2e4);
    });
  });
});

const settings: (LinearCrossEntropyOptions & { name: string })[] = [
  { name: 'defaults' },
  { name: 'chunks that do not divide', chunk: 7 },
  { name: 'z-loss', chunk: 16, zLoss: 0.02 },
  { name: 'sum', chunk: 5, reduction: 'sum', zLoss: 0.01 },
  { name: 'padded rows', chunk: 9, vocabularySize: 20, zLoss: 0.01 },
];

/** Loss and both gradients, from whole logits. */
function whole({ hidden, weight, targets }: ReturnType<typeof inputsOf>, options: LinearCrossEntropyOptions): Tensor[] {
  const logits = hidden.matmul(weight.narrow(0, 0, options.vocabularySize ?? weight.size(0)).t());
  const { zLoss, reduction } = options;
  const loss = crossEntropy(logits, targets, { zLoss, reduction });
  return [loss, ...(grad([loss], [hidden, weight]) as Tensor[])];
}

describe('linearCrossEntropy', () => {
  it.each(settings)('is crossEntropy of the projection: $name', ({ name: _, ...options }) => {
    for (const [dtype, tolerance] of [['float64', 1e-12], ['float32', 1e-5]] as const) // biome-ignore format: pairs
      scope(() => {
        const exact = whole(inputsOf(33, 12, 23, 'float64'), options);
        const { hidden, weight, targets } = inputsOf(33, 12, 23, dtype);
        const {
          loss,
          crossEntropy: plain,
          meanSquaredLogsumexp,
          count,
        } = linearCrossEntropy(hidden, weight, targets, options);
        const gradients = grad([loss], [hidden, weight]) as Tensor[];
        for (const [i, each] of [loss, ...gradients].entries()) expectClose(each, exact[i]!, tolerance);
        expect(count.item()).toBe(31);
        const terms = options.reduction === 'sum' ? count.item() : 1;
        expect(loss.item()).toBeCloseTo(plain.item() + terms * (options.zLoss ?? 0) * meanSquaredLogsumexp.item(), 4);
        expect([plain.requiresGrad, meanSquaredLogsumexp.requiresGrad]).toEqual([false, false]);
      });
  });

  it('passes gradcheck and scales with what comes from above', () => {
    scope(() => {
      const { hidden, weight, targets } = inputsOf(7, 3, 6, 'float64');
      gradcheck(
        (h, w) => linearCrossEntropy(h!, w!, targets, { chunk: 3, zLoss: 0.05 }).loss.square().mul(3),
        [hidden, weight],
      );
    });
  });

  it('takes [B, T, D] and [B, T], and gives gradients only where they are wanted', () => {
    scope(() => {
      const { hidden, weight, targets } = inputsOf(24, 4, 9, 'float32');
      const expected = linearCrossEntropy(hidden, weight, targets);
      const folded = linearCrossEntropy(hidden.reshape([4, 6, 4]), weight.detach(), targets.reshape([4, 6]));
      expect(folded.loss.item()).toBe(expected.loss.item());
      backward(folded.loss);
      expectClose(hidden.grad!, grad([expected.loss], [hidden])[0]!, 0);
      expect(weight.grad).toBeUndefined();
      const silent = noGrad(() => linearCrossEntropy(hidden, weight, targets));
      expect(silent.loss.requiresGrad).toBe(false);
      expect(silent.loss.item()).toBeCloseTo(expected.loss.item(), 6);
      hidden.grad = undefined;
    });
  });

  it('is 0, with zero gradients, when every target is ignored', () => {
    scope(() => {
      const { hidden, weight, targets } = inputsOf(6, 4, 9, 'float32');
      const { loss, count } = linearCrossEntropy(hidden, weight, targets.fill_(-100), { zLoss: 1 });
      expect([loss.item(), count.item()]).toEqual([0, 0]);
      for (const each of grad([loss], [hidden, weight])) expect(each!.abs().max().item()).toBe(0);
    });
  });

  it('has a twin of its kernel for other devices', () => {
    scope(() => {
      const { hidden: logits, targets } = inputsOf(9, 14, 14, 'float64');
      const [a, b] = [logits.detach().clone(), logits.detach().clone()];
      const options = { zLoss: 0.03, scale: 0.2, gradient: true };
      const sums = crossEntropyPlain_(a, targets, options);
      // The kernel, reached through an identity projection: gradients of the logits are gradients of hidden.
      const identity = eye(14, { dtype: 'float64' });
      const fused = linearCrossEntropy(b.requiresGrad_(), identity, targets, { zLoss: 0.03, reduction: 'sum' });
      expect(sums.data()[0]).toBeCloseTo(fused.crossEntropy.item(), 10);
      expect((sums.data()[1]! as number) / fused.count.item()).toBeCloseTo(fused.meanSquaredLogsumexp.item(), 10);
      expectClose(a, grad([fused.loss], [b])[0]!.mul(0.2), 1e-12);
      const untouched = logits.detach().clone();
      crossEntropyPlain_(untouched, targets, { ...options, gradient: false });
      expect(untouched.data()).toEqual(logits.data());
    });
  });

  it('never holds the logits whole', () => {
    scope(() => {
      const { hidden, weight, targets } = inputsOf(2048, 8, 2000, 'float32');
      const live = memory().liveBytes;
      resetPeakMemory();
      backward(linearCrossEntropy(hidden, weight, targets, { chunk: 64 }).loss);
      expect(memory().peakBytes - live).toBeLessThan(2e6); // whole: 16 MB
      hidden.grad = undefined;
      weight.grad = undefined;
    });
  });

  it('gives the same bits with one thread and with two, and the same again', () => {
    const threads = numThreads();
    const run = (count: number) =>
      scope(() => {
        setThreads(count);
        const { hidden, weight, targets } = inputsOf(300, 16, 400, 'float32');
        const { loss } = linearCrossEntropy(hidden, weight, targets, { chunk: 128, zLoss: 1e-4 });
        return [loss, ...(grad([loss], [hidden, weight]) as Tensor[])].map((each) => each.data());
      });
    try {
      expect(run(2)).toEqual(run(2));
      expect(run(2)[0]).toEqual(run(1)[0]);
    } finally {
      setThreads(threads);
    }
  });

  it('names a target outside the vocabulary, and shapes that do not fit', () => {
    scope(() => {
      const { hidden, weight, targets } = inputsOf(6, 4, 9, 'float32');
      targets.narrow(0, 5, 1).fill_(9);
      expect(() => linearCrossEntropy(hidden, weight, targets)).toThrow(/target 9 is not one of the 9 classes/);
      expect(() => linearCrossEntropy(hidden, weight, targets.narrow(0, 0, 4))).toThrow(
        /expected hidden \[\.\.\., D\]/,
      );
      expect(() => linearCrossEntropy(hidden, weight, targets, { vocabularySize: 10 })).toThrow(/at least 10/);
    });
  });
});

describe('logits of more than two dimensions', () => {
  /** [2, 3, 5, V] and the same as rows. */
  function both(dtype: DType) {
    const logits = randn([2, 3, 5, 7], new Rng(3), { dtype: 'float64' }).to(dtype);
    const targets = randint(0, 7, [2, 3, 5], new Rng(4));
    targets.select(2, 1).fill_(-100);
    return { logits, targets, rows: logits.reshape([30, 7]), places: targets.reshape([30]) };
  }

  it.each(['float64', 'float32', 'bfloat16'] as const)('are rows in every place, in %s', (dtype) => {
    scope(() => {
      const { logits, targets, rows, places } = both(dtype);
      const options = { zLoss: 0.3 };
      const exact = crossEntropy(both('float64').logits.to(dtype).to('float64').reshape([30, 7]), places, options);
      const found = crossEntropy(logits, targets, options);
      expect(found.dtype).toBe(dtype === 'float64' ? 'float64' : 'float32');
      expect(found.item()).toBeCloseTo(exact.item(), dtype === 'float64' ? 12 : 5);
      expect(crossEntropy(rows, places, options).item()).toBeCloseTo(exact.item(), dtype === 'float64' ? 12 : 5);
    });
  });

  it.each([[{}], [{ zLoss: 0.3 }], [{ zLoss: 0.3, reduction: 'sum' }]] as const)(
    'give a head of any kind the numbers of the fused loss: %o',
    (options) => {
      scope(() => {
        const { logits, targets } = both('float64');
        const x = logits.clone().requiresGrad_();
        const y = logits.clone().requiresGrad_();
        const found = logitsCrossEntropy(x, targets, options);
        const fused = linearCrossEntropy(y, eye(7, { dtype: 'float64' }), targets, options);
        expect(found.loss.item()).toBeCloseTo(fused.loss.item(), 10);
        expect(found.crossEntropy.item()).toBeCloseTo(fused.crossEntropy.item(), 5);
        expect(found.meanSquaredLogsumexp.item()).toBeCloseTo(fused.meanSquaredLogsumexp.item(), 5);
        expect([found.count.item(), found.crossEntropy.requiresGrad]).toEqual([fused.count.item(), false]);
        expectClose(grad([found.loss], [x])[0]!, grad([fused.loss], [y])[0]!, 1e-12);
      });
    },
  );

  it('are 0 for a head of any kind when every target is ignored', () => {
    scope(() => {
      const { logits, targets } = both('float32');
      const found = logitsCrossEntropy(logits, targets.fill_(-100), { zLoss: 1 });
      const numbers = [found.loss, found.crossEntropy, found.meanSquaredLogsumexp].map((each) => each.item());
      expect([...numbers, found.count.item()]).toEqual([0, 0, 0, 0]);
    });
  });
});

describe('the fused loss', () => {
  it('keeps f32 weights beside a bf16 forward, and gives each its own kind of gradient', () => {
    scope(() => {
      const { hidden, weight, targets } = inputsOf(12, 6, 9, 'float32');
      const half = hidden.detach().to('bfloat16').requiresGrad_();
      const { loss } = linearCrossEntropy(half, weight, targets, { chunk: 5 });
      const [dHidden, dWeight] = grad([loss], [half, weight]) as [Tensor, Tensor];
      expect([dHidden.dtype, dWeight.dtype, loss.dtype]).toEqual(['bfloat16', 'float32', 'float32']);
      const exact = linearCrossEntropy(half.detach().float().requiresGrad_(), weight, targets);
      const wanted = grad([exact.loss], [weight])[0]!;
      expect(dWeight.sub(wanted).abs().max().item()).toBeLessThan(0.03 * wanted.abs().max().item());
    });
  });

  it('makes room for the gradients that are wanted, and for no others', () => {
    scope(() => {
      const { hidden, weight, targets } = inputsOf(4, 500, 1000, 'float32');
      const peak = (run: () => unknown) =>
        scope(() => {
          const live = memory().liveBytes;
          resetPeakMemory();
          run();
          return memory().peakBytes - live;
        });
      const all = peak(() => linearCrossEntropy(hidden, weight, targets));
      const frozen = peak(() => linearCrossEntropy(hidden, weight.detach(), targets));
      const silent = peak(() => noGrad(() => linearCrossEntropy(hidden, weight, targets)));
      // The gradient of the weight has 2 MB.
      expect([all > 2e6, frozen < 1e6, silent < 1e6]).toEqual([true, true, true]);
    });
  });

  it('takes chunks of 2²⁴ logits, and of 512 tokens at least, unless told otherwise', () => {
    const bytes = (N: number, V: number) =>
      scope(() => {
        const hidden = randn([N, 1], new Rng(0));
        const weight = randn([V, 1], new Rng(1));
        const targets = randint(0, V, [N], new Rng(2));
        const live = memory().liveBytes;
        resetPeakMemory();
        noGrad(() => linearCrossEntropy(hidden, weight, targets));
        return memory().peakBytes - live;
      });
    // 2²⁴ logits of 4 bytes are 67 MB: 4,096 tokens of 4,096 words; 512 tokens of 65,536 words are 134 MB.
    const [small, large, few] = [bytes(6000, 4096), bytes(700, 65536), bytes(100, 4096)];
    expect([small > 6.6e7, small < 7.5e7]).toEqual([true, true]);
    expect([large > 1.3e8, large < 1.5e8]).toEqual([true, true]);
    expect([few > 1.6e6, few < 3e6]).toEqual([true, true]);
  });

  it('refuses shapes by a code', () => {
    scope(() => {
      const { hidden, weight, targets } = inputsOf(6, 4, 9, 'float32');
      const wrong = { code: 'wrong-shape' };
      // As many numbers, of other rows.
      expect(() => linearCrossEntropy(hidden.reshape([12, 2]), weight, targets)).toThrow(
        expect.objectContaining(wrong),
      );
      expect(() => crossEntropy(hidden, targets.reshape([2, 3]))).toThrow(expect.objectContaining(wrong));
    });
  });
});

describe('what takes no part', () => {
  const inf = Number.POSITIVE_INFINITY;
  const rows = [[1, 2, -inf], [-inf, -inf, -inf], [inf, Number.NaN, 0], [3, -inf, 3]]; // biome-ignore format: a matrix
  const targets = () => tensor([0, -100, -100, 2], { dtype: 'int64' });
  // By hand: log(1 + e) for the first row, log 2 for the last; their gradients are softmax − one-hot.
  const losses = [Math.log(1 + Math.E), Math.log(2)];
  const share = 1 / (1 + Math.E);
  const gradients = [[share - 1, 1 - share, 0], [0, 0, 0], [0, 0, 0], [0.5, 0, -0.5]]; // biome-ignore format: a matrix

  it.each([0, 0.1])('may hold anything, and what does may be −∞ beside its target (zLoss %f)', (zLoss) => {
    scope(() => {
      const lse = [1 + losses[0]!, 3 + losses[1]!];
      const expected = losses[0]! + losses[1]! + zLoss * (lse[0]! ** 2 + lse[1]! ** 2);
      const scales = lse.map((_, i) => 2 * zLoss * lse[i]!);
      const wanted = gradients.map((row, r) =>
        row.map((g, c) => {
          if (r === 1 || r === 2) return 0;
          const probability = g + (targets().data()[r] === BigInt(c) ? 1 : 0);
          return g + probability * scales[r === 0 ? 0 : 1]!;
        }),
      );
      const whole = tensor(rows, { dtype: 'float64' }).requiresGrad_();
      const loss = crossEntropy(whole, targets(), { reduction: 'sum', zLoss });
      expect(loss.item()).toBeCloseTo(expected, 12);
      expectClose(grad([loss], [whole])[0]!, tensor(wanted, { dtype: 'float64' }), 1e-12);
      expect(crossEntropy(whole, targets(), { zLoss }).item()).toBeCloseTo(expected / 2, 12);
      const plain = tensor(rows, { dtype: 'float64' });
      const sums = crossEntropyPlain_(plain, targets(), { zLoss, scale: 1, gradient: true });
      expect(sums.data()[0]).toBeCloseTo(losses[0]! + losses[1]!, 12);
      expect(sums.data()[1]).toBeCloseTo(lse[0]! ** 2 + lse[1]! ** 2, 12);
      expectClose(plain, tensor(wanted, { dtype: 'float64' }), 1e-12);
      const fast = tensor(rows, { dtype: 'float64' });
      const fastSums = kernel(fast, targets(), -100, zLoss, 1, true);
      expectClose(fastSums, sums, 1e-12);
      expectClose(fast, tensor(wanted, { dtype: 'float64' }), 1e-12);
    });
  });

  it('has no penalty that overflows when none is asked for', () => {
    scope(() => {
      const far = tensor([[2e20, 1e20]]); // whose squares are beyond float32
      const first = tensor([0], { dtype: 'int64' });
      expect(crossEntropy(far, first).item()).toBe(0);
      const sums = crossEntropyPlain_(far.clone(), first, { zLoss: 0, scale: 1, gradient: false });
      expect(sums.data()[0]).toBe(0);
      expect(sums.data()[1]! as number).toBeCloseTo(Math.fround(2e20) ** 2, -30);
    });
  });
});
