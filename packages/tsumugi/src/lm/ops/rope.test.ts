// RoPE: tables at far positions, the rotation's pairing, and that only distances matter.
import { describe, expect, it } from 'vitest';
import { expectClose } from '../../nn/nn.testing.ts';
import { Rng, randn, scope, tensor } from '../../torch/index.ts';
import { ropeTable, rotate } from './rope.ts';

describe('ropeTable', () => {
  it('is accurate to f32 at position ten million', () => {
    scope(() => {
      const offset = 10_000_000;
      const { cos, sin } = ropeTable(3, 8, 10_000, { offset });
      expect(cos.shape).toEqual([3, 4]);
      for (let t = 0; t < 3; t++)
        for (let j = 0; j < 4; j++) {
          const angle = (offset + t) * 10_000 ** ((-2 * j) / 8);
          expect(cos.data()[t * 4 + j]).toBeCloseTo(Math.cos(angle), 6);
          expect(sin.data()[t * 4 + j]).toBeCloseTo(Math.sin(angle), 6);
        }
      // Of an arbitrary-precision computation, so that not only Math.cos agrees with itself.
      expect(cos.data()[0]).toBeCloseTo(-0.907_270_386_181_74, 6);
    });
  });

  it('continues at an offset', () => {
    scope(() => {
      const whole = ropeTable(20, 16, 1e6);
      const rest = ropeTable(13, 16, 1e6, { offset: 7 });
      expect(rest.cos.data()).toEqual(whole.cos.narrow(0, 7, 13).data());
      expect(rest.sin.data()).toEqual(whole.sin.narrow(0, 7, 13).data());
      expect(ropeTable(2, 4, 1e4, { dtype: 'float64' }).sin.dtype).toBe('float64');
    });
  });
});

describe('rotate', () => {
  it('turns dimension j together with j + d/2', () => {
    scope(() => {
      const x = tensor([[[[1, 2, 3, 4]], [[1, 2, 3, 4]]]]); // [1, 2, 1, 4]
      const [c0, s0, c1, s1] = [Math.cos(1), Math.sin(1), Math.cos(0.01), Math.sin(0.01)];
      const turned = [c0 - 3 * s0, 2 * c1 - 4 * s1, 3 * c0 + s0, 4 * c1 + 2 * s1];
      expectClose(rotate(x, ropeTable(2, 4, 10_000)), tensor([[[[1, 2, 3, 4]], [turned]]]), 1e-6);
    });
  });

  it('makes products depend on distance alone', () => {
    scope(() => {
      const [q, k] = [1, 2].map((seed) => randn([1, 1, 1, 32], new Rng(seed), { dtype: 'float64' }));
      const at = (position: number) => ropeTable(1, 32, 10_000, { offset: position, dtype: 'float64' });
      const score = (i: number, j: number) =>
        rotate(q!, at(i))
          .mul(rotate(k!, at(j)))
          .sum()
          .item();
      expect(score(1005, 1000)).toBeCloseTo(score(5, 0), 9);
      expect(score(5, 1)).not.toBeCloseTo(score(5, 0), 3);
    });
  });
});
