// Checkpointing is invisible but for its memory: every way of going backward gives the gradients of the plain graph.
import { describe, expect, it } from 'vitest';
import { RandomStream, UserError } from '../base/index.ts';
import {
  backward,
  checkpoint,
  empty,
  grad,
  liveHandles,
  memory,
  noGrad,
  Rng,
  randn,
  resetPeakMemory,
  scope,
  type Tensor,
  tensor,
} from './index.ts';

type Run = (segment: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]) => Tensor;
const plain: Run = (segment, ...inputs) => segment(...inputs);
const saved: Run = (segment, ...inputs) => checkpoint(segment, ...inputs);
/** Saved in segments of segments. */
const nested: Run = (segment, ...inputs) =>
  checkpoint((...outer) => checkpoint((...inner) => checkpoint(segment, ...inner), ...outer), ...inputs);

const d = { dtype: 'float64' } as const;
const layer = (w: Tensor) => (h: Tensor) => h.add(h.matmul(w).tanh().mul(h.sigmoid()));

/** What `body` gives through plain calls, and through both kinds of checkpoints. All numbers must be equal to the bit. */
function expectInvisible(body: (run: Run, leaves: Tensor[]) => unknown): void {
  const results = [plain, saved, nested].map((run) =>
    scope(() => {
      const g = new Rng(3);
      const leaves = [1, 2, 3].map(() => randn([4, 4], g, d).requiresGrad_());
      const returned = body(run, leaves);
      const extra = Array.isArray(returned) ? (returned as (Tensor | undefined)[]) : [];
      return [...leaves.map((leaf) => leaf.grad), ...extra].map((each) => each?.tolist());
    }),
  );
  expect(results[0]!.some((each) => each !== undefined)).toBe(true);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
}

describe('checkpoint', () => {
  it.each([
    ['in order', [0, 1]],
    ['in reverse', [1, 0]],
  ])('goes backward from two losses %s', (_, order) => {
    expectInvisible((run, [x, w, v]) => {
      const losses = [x!, v!].map((input) =>
        run(layer(w!), run(layer(w!), input.mul(2)))
          .square()
          .sum(),
      );
      for (const i of order) backward(losses[i]!);
    });
  });

  it('goes backward between forwards, and from many segments at once', () => {
    expectInvisible((run, [x, w, v]) => {
      const first = run(layer(w!), x!);
      const second = run(layer(v!), x!);
      backward(run(layer(w!), v!).sum());
      const third = run(layer(v!), first);
      backward(first.mul(second).add(third).sum());
    });
  });

  it('adds again for a second backward of a graph that was kept', () => {
    expectInvisible((run, [x, w]) => {
      const loss = run(layer(w!), run(layer(w!), x!))
        .square()
        .sum();
      for (const retainGraph of [true, true, false]) backward(loss, { retainGraph });
    });
    scope(() => {
      const x = tensor([0.5]).requiresGrad_();
      const loss = checkpoint((h) => h.exp().sin(), x);
      backward(loss);
      expect(() => backward(loss)).toThrow(/second time/);
    });
  });

  it('is used twice, and beside its own input', () => {
    expectInvisible((run, [x, w]) => {
      const h = x!.mul(3);
      const y = run(layer(w!), h);
      backward(
        run((a, b) => a.mul(b).tanh(), y, y)
          .add(y.mul(h))
          .sum(),
      );
    });
  });

  it('is seen through by grad: leaves, what lies between, unused ones, second order', () => {
    expectInvisible((run, [x, w, v]) => {
      const h = run(layer(w!), x!);
      const y = run((a) => a.pow(3).mul(a.sin()), h);
      const first = grad([y.sum()], [x!, h, w!, v!], { createGraph: true, allowUnused: true });
      const penalty = first[0]!.square().sum().add(first[2]!.square().sum());
      const second = grad([penalty], [x!, w!], { retainGraph: true });
      backward(penalty);
      return [...first, ...second];
    });
  });

  it('may go backward inside a segment', () => {
    expectInvisible((run, [x, w]) => {
      const slope = (a: Tensor) => {
        const [g] = grad([a.matmul(w!).tanh().sum()], [a], { createGraph: true });
        return g!.square().add(a);
      };
      backward(run(slope, x!.mul(2)).sum());
    });
  });

  it('draws the same random numbers again, and leaves the streams where they were', () => {
    expectInvisible((run, [x, w]) => {
      const g = new Rng(5);
      const stream = new RandomStream(5);
      const noisy = (h: Tensor) => {
        const mask = empty([4, 4], d).bernoulli_(0.5, { rng: g });
        return h.matmul(w!).tanh().mul(mask).mul(stream.next());
      };
      const loss = run(noisy, run(noisy, x!)).add(run(noisy, x!)).sum();
      const later = randn([2], g);
      backward(loss, { retainGraph: true });
      backward(loss);
      return [later, randn([2], g), tensor(stream.next(), d)];
    });
  });

  it('records nothing inside noGrad', () => {
    scope(() => {
      const x = tensor([1]).requiresGrad_();
      expect(noGrad(() => checkpoint((h) => h.exp(), x)).requiresGrad).toBe(false);
      backward(checkpoint((h) => noGrad(() => checkpoint((a) => a.exp(), h)).mul(h), x));
      expect(x.grad!.item()).toBeCloseTo(Math.E, 6);
    });
  });

  it('takes inputs without gradients, and gives several results', () => {
    scope(() => {
      const w = randn([3, 3], new Rng(1)).requiresGrad_();
      const rows = tensor([2, 0], { dtype: 'int64' });
      const { a, b } = checkpoint((i) => ({ a: w.indexSelect(0, i!).exp(), b: w.sin() }), rows);
      backward(a.sum().add(b.sum()));
      const expected = w
        .detach()
        .exp()
        .mul(tensor([[1], [0], [1]]))
        .add(w.detach().cos());
      expect(w.grad!.sub(expected).abs().max().item()).toBeLessThan(1e-6);
    });
  });

  it('passes on what a segment throws, at first and again, and goes on rightly after', () => {
    scope(() => {
      const x = tensor([2]).requiresGrad_();
      const before = liveHandles();
      const failure = new TypeError('mine');
      const fail = () => {
        throw failure;
      };
      expect(() => checkpoint(() => checkpoint(fail, x), x)).toThrow(failure);
      let runs = 0;
      const second = (h: Tensor) => (++runs > 1 ? fail() : h.exp());
      scope(() => {
        const bad = checkpoint((h) => checkpoint(second, h.mul(1)), x);
        const good = checkpoint((h) => h.square().exp(), x);
        expect(() => backward(bad)).toThrow(failure);
        expect(() => grad([bad], [x])).toThrow(failure);
        backward(good);
      });
      expect(scope(() => x.grad!.item())).toBeCloseTo(4 * Math.exp(4), 3);
      x.grad = undefined;
      expect(liveHandles()).toBe(before);
    });
  });

  it('refuses a segment that does something else the second time, and parameters that moved', () => {
    scope(() => {
      const x = tensor([2]).requiresGrad_();
      const w = tensor([3]).requiresGrad_();
      const one = (h: Tensor) => h.exp();
      const two = (h: Tensor) => h.exp().sin();
      const pairs = [[one, two], [two, one], [one, (h: Tensor) => h.expand([2]).exp().sum()]] as const; // biome-ignore format: pairs
      for (const [first, second] of pairs) {
        let runs = 0;
        const y = checkpoint((h) => (++runs === 1 ? first : second)(h), x);
        expect(() => backward(y)).toThrow(UserError);
      }
      const y = checkpoint((h) => h.mul(w).exp(), x);
      noGrad(() => w.add_(1));
      expect(() => backward(y)).toThrow(/the parameter Float\[1\] was changed in place between forward and backward/);
      const h = x.mul(2);
      const z = checkpoint((a) => a.exp(), h);
      noGrad(() => h.add_(1));
      expect(() => backward(z)).toThrow(/modified by an inplace operation/);
    });
  });

  it('keeps nothing alive: results that are thrown away, graphs that are half used', () => {
    const g = new Rng(1);
    scope(() => {
      const w = randn([64, 64], g).requiresGrad_();
      const step = (how: number) =>
        scope(() => {
          const h = checkpoint(
            layer(w),
            checkpoint((x) => checkpoint(layer(w), x), randn([64, 64], g)),
          );
          if (how === 1) backward(h.sum(), { retainGraph: true });
          if (how === 2) grad([h.sum()], [w]);
          w.grad = undefined;
        });
      for (let i = 0; i < 6; i++) step(i % 3);
      const before = memory();
      for (let i = 0; i < 60; i++) step(i % 3);
      expect([memory().liveHandles, memory().liveBytes]).toEqual([before.liveHandles, before.liveBytes]);
    });
  });

  it('frees what it made again at the end of each backward, and saves the memory it is for', () => {
    scope(() => {
      const g = new Rng(1);
      const weights = Array.from({ length: 8 }, () => randn([64, 64], g).mul_(0.1).requiresGrad_());
      const x = randn([256, 64], g);
      const block = (w: Tensor) => (h: Tensor) => h.add(h.matmul(w).tanh().sin().exp().sigmoid().matmul(w));
      const peak = (run: Run) => {
        const base = memory().liveBytes;
        resetPeakMemory();
        let held = 0;
        scope(() => {
          let h = x;
          for (const w of weights) h = run(block(w), h);
          held = memory().liveBytes - base;
          backward(h.sum(), { retainGraph: true });
          for (const w of weights) w.grad = undefined;
          expect(memory().liveBytes - base).toBeLessThan(held + 100_000);
        });
        return { held, peak: memory().peakBytes - base };
      };
      const [all, less] = [peak(plain), peak(saved)];
      // Of a layer's 5 or 6 tensors of 64 KiB, its result alone is held; backward has one layer's at a time.
      expect(less.held).toBeLessThan(0.3 * all.held);
      expect(less.peak).toBeLessThan(0.5 * all.peak);
    });
  });
});
