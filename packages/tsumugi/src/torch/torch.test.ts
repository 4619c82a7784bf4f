// The tensor layer: operators, errors, ownership, data in and out.
import { describe, expect, it } from 'vitest';
import { DisposedError, NativeError, UserError } from '../base/index.ts';
import { callOperator, operatorSchema, Rng, randn, scope, type Tensor, tensor, zeros } from './index.ts';

describe('operators', () => {
  it('adds, broadcasts and reduces', () => {
    scope(() => {
      const a = tensor([
        [1, 2],
        [3, 4],
      ]);
      expect(a.add(tensor([10, 20])).tolist()).toEqual([
        [11, 22],
        [13, 24],
      ]);
      expect(a.add(1, 2).sum().item()).toBe(18);
      expect(a.sum([0]).tolist()).toEqual([4, 6]);
      expect(a.sum([-1], true).shape).toEqual([2, 1]);
      expect(a.sum(null, true).shape).toEqual([1, 1]);
      expect(a.sum({ dtype: 'float64' }).dtype).toBe('float64');
      expect(a.max(1)[1].tolist()).toEqual([1, 1]);
      expect(a.mul_(2)).toBe(a);
      expect(a.tolist()).toEqual([
        [2, 4],
        [6, 8],
      ]);
      expect(a.split(1).map((part) => part.shape)).toEqual([
        [1, 2],
        [1, 2],
      ]);
    });
  });

  it('calls any operator by name', () => {
    scope(() => {
      const result = callOperator('aten::addmm', zeros([2]), tensor([[1, 2]]), tensor([[1, 0], [0, 1]])) as Tensor; // biome-ignore format: a matrix
      expect(result.tolist()).toEqual([[1, 2]]);
      const [values, indices] = callOperator('aten::topk', tensor([3, 1, 2]), 2) as Tensor[];
      expect([values!.tolist(), indices!.tolist()]).toEqual([
        [3, 2],
        [0, 2],
      ]);
    });
  });

  it('names operator, argument and both types when a call does not fit the schema', () => {
    scope(() => {
      const a = zeros([2]);
      expect(() => callOperator('aten::add.Tensor', a, 'x')).toThrow(
        /aten::add\.Tensor: argument 2 "other" must be Tensor, got string "x"/,
      );
      expect(() => callOperator('aten::add.Tensor', a)).toThrow(/argument 2 "other" must be Tensor, got nothing/);
      expect(() => callOperator('aten::t', a, a)).toThrow(/takes 1 arguments, got 2/);
      expect(() => callOperator('aten::flip', a, 0.5)).toThrow(/must be int\[\], got number 0.5/);
      expect(() => callOperator('aten::add.Tensr', a)).toThrow(/Did you mean "aten::add.Tensor"/);
      expect(() => callOperator('aten::add.Tensor', a, 'x')).toThrow(UserError);
    });
  });

  it('names shapes and dtypes when libtorch refuses', () => {
    scope(() => {
      expect(() => zeros([2, 3]).matmul(zeros([2, 3]))).toThrow(/aten::matmul\(float32\[2, 3\], float32\[2, 3\]\)/);
      expect(() => zeros([2, 3]).matmul(zeros([2, 3]))).toThrow(NativeError);
    });
  });

  it('parses schemas', () => {
    const schema = operatorSchema('aten::sum.dim_IntList');
    expect(schema.arguments.map((a) => [a.name, a.base, a.list, a.optional, a.keywordOnly])).toEqual([
      ['self', 'Tensor', false, false, false],
      ['dim', 'int', true, true, false],
      ['keepdim', 'bool', false, false, false],
      ['dtype', 'ScalarType', false, true, true],
    ]);
    expect(schema.returns).toEqual(['Tensor']);
    expect(operatorSchema('aten::add_.Tensor').inPlace).toBe(true);
  });
});

describe('ownership', () => {
  it('frees what is neither returned nor kept', () => {
    let inner: Tensor | undefined;
    let kept: Tensor | undefined;
    const { result } = scope(() => {
      inner = zeros([4]);
      kept = zeros([4]).keep();
      return { result: inner.add(1) };
    });
    expect(result.tolist()).toEqual([1, 1, 1, 1]);
    expect(kept!.tolist()).toEqual([0, 0, 0, 0]);
    expect(() => inner!.add(1)).toThrow(DisposedError);
    expect(() => inner!.add(1)).toThrow(/used after it was freed/);
    result.dispose();
    kept!.dispose();
  });

  it.each<[string, (tensor: Tensor) => unknown]>([
    ['alone', (made) => made],
    ['in a list', (made) => [1, made]],
    ['in an object', (made) => ({ made, more: null })],
    ['in a set', (made) => new Set([made])],
    ['in a map', (made) => new Map([['made', made]])],
    ['deep inside', (made) => ({ all: [new Map([['made', { list: [made] }]])] })],
  ])('leaves what is returned to the caller, %s', (_, wrap) => {
    scope(() => {
      let made: Tensor | undefined;
      const other = scope(() => {
        made = zeros([2]);
        wrap(zeros([2]));
        return wrap(made);
      });
      expect(other).toBeDefined();
      expect(made!.tolist()).toEqual([0, 0]);
    });
  });

  it('frees when the body throws', () => {
    expect(() =>
      scope(() => {
        zeros([4]);
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');
  });

  it('passes an inner result to the outer scope', () => {
    scope(() => {
      const outer = scope(() => scope(() => zeros([1])));
      expect(outer.item()).toBe(0);
    });
  });

  it('works with using', () => {
    {
      using a = zeros([3]);
      expect(a.numel()).toBe(3);
    }
  });
});

describe('data', () => {
  it('goes in and comes out in every dtype', () => {
    scope(() => {
      expect([...tensor(BigInt64Array.of(1n, -2n)).data()]).toEqual([1n, -2n]);
      expect(tensor([1, 2], { dtype: 'int64' }).dtype).toBe('int64');
      expect(tensor([1.5, -2], { dtype: 'bfloat16' }).tolist()).toEqual([1.5, -2]);
      expect(tensor(Int32Array.of(1, 2, 3, 4), { shape: [2, 2] }).tolist()).toEqual([
        [1, 2],
        [3, 4],
      ]);
      expect(tensor([[1, 2], [3, 4]]).transpose(0, 1).tolist()).toEqual([[1, 3], [2, 4]]); // biome-ignore format: matrices
      expect(() => tensor([[1], [1, 2]])).toThrow(/others of dimension 1 have 1/);
    });
  });

  it('draws the same numbers from the same stream state', () => {
    scope(() => {
      const rng = new Rng(7);
      const first = randn([5], rng).tolist();
      const state = rng.state;
      const second = randn([5], rng).tolist();
      rng.state = state;
      expect(randn([5], rng).tolist()).toEqual(second);
      expect(randn([5], new Rng(7)).tolist()).toEqual(first);
      expect(second).not.toEqual(first);
    });
  });
});
