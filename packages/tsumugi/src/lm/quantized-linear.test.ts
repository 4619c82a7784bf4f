// A linear map in few bits, by itself.
import { expect, it } from 'vitest';
import { namedBuffers, namedParameters } from '../nn/index.ts';
import { fromCodes, packGptq } from '../store/index.ts';
import { liveHandles, Rng, rand, scope, tensor } from '../torch/index.ts';
import { QuantizedLinear } from './quantized-linear.ts';

it('multiplies with the weight that its tensors mean, in the type of what comes, and holds buffers alone', () => {
  scope(() => {
    const codes = {
      codes: rand([16, 8], new Rng(1)).mul(16).floor().to('int32'),
      zeros: rand([2, 8], new Rng(2)).mul(15).floor().add(1).to('int32'),
      scales: rand([2, 8], new Rng(3)).to('float16'),
    };
    const stored = { layout: 'gptq', inFeatures: 16, outFeatures: 8, bits: 4, groups: 2, storedZero: 1 } as const;
    const linear = new QuantizedLinear(stored, { ...packGptq(codes, 4) });
    const weight = fromCodes(codes);
    expect(linear.dequantized().tolist()).toEqual(weight.tolist());
    expect(linear.dequantized().isContiguous).toBe(true); // as dense ones are, for the bits of products
    const x = rand([3, 5, 16], new Rng(4));
    const y = linear.forward(x);
    expect([y.shape, y.dtype]).toEqual([[3, 5, 8], 'float32']);
    expect(y.sub(x.matmul(weight.t())).abs().max().item()).toBeLessThan(1e-4);
    expect(linear.forward(x.double()).dtype).toBe('float64');
    expect([...namedParameters(linear)]).toEqual([]);
    expect([...namedBuffers(linear)].map(([name]) => name)).toEqual(['qweight', 'qzeros', 'scales', 'g_idx']);
    expect(linear.stored).toBe(stored);
    const before = liveHandles();
    linear.dispose();
    expect(before - liveHandles()).toBe(4);
  });
});

it('makes its weight anew each time, from its own fields', () => {
  scope(() => {
    const [weight, weight_scale] = [tensor([[56, 64]], { dtype: 'uint8' }), tensor(0.5)]; // 1 and 2
    const stored = { layout: 'fp8', inFeatures: 2, outFeatures: 1, bits: 8, groups: 1, storedZero: 1 } as const;
    const linear = new QuantizedLinear(stored, { weight, weight_scale });
    expect(linear.dequantized().tolist()).toEqual([[0.5, 1]]);
    weight_scale.fill_(2);
    expect(linear.dequantized().tolist()).toEqual([[2, 4]]);
    linear.dispose();
  });
});
