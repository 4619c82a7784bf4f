// One pass finds the tensor that is not finite, wherever it is.
import { expect, it } from 'vitest';
import { describeNotFinite } from '../nn/index.ts';
import { scope, tensor, zeros } from '../torch/index.ts';
import { findNotFinite } from './finite.ts';

const large = 3.4e38;

it.each([
  ['NaN', [1, Number.NaN, 2], { nan: 1, infinite: 0 }],
  ['infinity', [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2], { nan: 0, infinite: 2 }],
] as const)('names the tensor with %s', (_name, values, counts) => {
  scope(() => {
    const good = tensor([large, -large]).requiresGrad_();
    const named = [['a', good], ['count', tensor([1], { dtype: 'int64' })], ['b', tensor([...values])], ['c', good]] as const; // biome-ignore format: a list
    expect(findNotFinite(named)).toEqual({ name: 'b', ...counts });
    expect(describeNotFinite(findNotFinite(named)!)).toContain('b holds ');
  });
});

it.each(['float16', 'bfloat16', 'float32', 'float64'] as const)('looks into tensors of %s, beside others', (dtype) => {
  scope(() => {
    const broken = tensor([1, Number.NaN], { dtype });
    const others = ['float16', 'float32', 'float64', 'int32'] as const;
    const good = others.map((each) => [each, tensor([1, 2], { dtype: each })] as const);
    expect(findNotFinite(good)).toBeUndefined();
    expect(findNotFinite([...good, ['broken', broken]])).toEqual({ name: 'broken', nan: 1, infinite: 0 });
  });
});

it('finds nothing among finite values, however large', () => {
  scope(() => {
    const huge = tensor([1e300, 1e300], { dtype: 'float64' });
    expect(findNotFinite([['a', zeros([3, 2])], ['b', tensor([large, -large])], ['c', huge]])).toBeUndefined(); // biome-ignore format: a list
    expect(findNotFinite([])).toBeUndefined();
  });
});
