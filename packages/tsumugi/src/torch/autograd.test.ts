// Differentiation: backward, grad, noGrad, checkpointing, known gradients.
import { describe, expect, it } from 'vitest';
import { backward, checkpoint, grad, noGrad, Rng, randn, scope, type Tensor, tensor, withGradient } from './index.ts';

describe('autograd', () => {
  it('accumulates into leaves', () => {
    scope(() => {
      const x = tensor([1, 2, 3]).requiresGrad_();
      backward(x.mul(x).sum());
      expect(x.grad!.tolist()).toEqual([2, 4, 6]);
      backward(x.sum());
      expect(x.grad!.tolist()).toEqual([3, 5, 7]);
      x.grad = undefined;
      expect(x.grad).toBeUndefined();
    });
  });

  it('takes as a gradient only what has shape and dtype of the tensor', () => {
    scope(() => {
      const x = tensor([1, 2]).requiresGrad_();
      for (const wrong of [tensor([1, 2, 3]), tensor([[1, 2]]), tensor([1, 2], { dtype: 'float64' }), tensor(1)])
        expect(() => {
          x.grad = wrong;
        }).toThrow(/^the gradient of float32\[2\] on cpu cannot be float\d\d\[.*\] on cpu/);
      expect(x.grad).toBeUndefined();
      x.grad = tensor([3, 4]);
      expect(x.grad!.tolist()).toEqual([3, 4]);
    });
  });

  it('gives gradients without accumulating, to second order', () => {
    scope(() => {
      const x = tensor([2]).requiresGrad_();
      const [first] = grad([x.pow(3).sum()], [x], { createGraph: true });
      expect(first!.item()).toBe(12);
      expect(grad([first!.sum()], [x])[0]!.item()).toBe(12);
      expect(x.grad).toBeUndefined();
    });
  });

  it('records nothing inside noGrad', () => {
    scope(() => {
      const x = tensor([1]).requiresGrad_();
      expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false);
      expect(x.mul(2).requiresGrad).toBe(true);
      expect(x.detach().requiresGrad).toBe(false);
    });
  });

  it('checkpoints a sequence of layers with the same gradients', () => {
    scope(() => {
      const g = new Rng(0);
      const weights = [1, 2, 3].map(() => randn([4, 4], g).requiresGrad_());
      const input = randn([2, 4], g).requiresGrad_();
      const layer = (w: Tensor) => (h: Tensor) => h.add(h.matmul(w).tanh());
      const run = (call: (f: (h: Tensor) => Tensor, h: Tensor) => Tensor) => {
        // The embedding-like product in front is outside every segment and used twice.
        const h0 = input.mul(2);
        let h = h0;
        for (const w of weights) h = call(layer(w), h);
        const loss = h.square().sum().add(h0.sum());
        const value = loss.item();
        backward(loss);
        const gradients = [input, ...weights].map((t) => t.grad!.tolist());
        for (const t of [input, ...weights]) t.grad = undefined;
        return { value, gradients };
      };
      const plain = run((f, h) => f(h));
      const saved = run((f, h) => checkpoint(f, h));
      expect(saved.value).toBe(plain.value);
      saved.gradients.flat(3).forEach((value, i) => {
        expect(value).toBeCloseTo(plain.gradients.flat(3)[i] as number, 4);
      });
    });
  });

  it('sends known gradients backward', () => {
    scope(() => {
      const x = tensor([1, 2]).requiresGrad_();
      const y = withGradient(tensor(7), [x], [tensor([10, 20])]).mul(3);
      expect(y.item()).toBe(21);
      backward(y);
      expect(x.grad!.tolist()).toEqual([30, 60]);
    });
  });
});
