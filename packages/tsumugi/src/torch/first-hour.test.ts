// What a person who knows PyTorch types first: it works as there, or the error says what to write. Calls are as in JavaScript,
// without types, since `node file.ts` checks none.
import { describe, expect, it } from 'vitest';
import { UserError } from '../base/index.ts';
import * as torch from './index.ts';

// biome-ignore lint/suspicious/noExplicitAny: calls that the compiler would refuse
const t: any = torch;
const { ones, Rng, scope, tensor } = torch;

const shapes = (...made: torch.Tensor[]) => made.map(({ shape }) => shape);

describe('factories', () => {
  it('take sizes one by one, with options after them', () =>
    scope(() => {
      const rng = new Rng(1);
      expect(shapes(t.zeros(2, 3), t.ones(2), t.empty(1, 2, 3), t.randn(2, 3, rng), t.rand(2, 3, { rng }))).toEqual([
        [2, 3],
        [2],
        [1, 2, 3],
        [2, 3],
        [2, 3],
      ]);
      expect(t.zeros(2, 3, { dtype: 'int64' }).dtype).toBe('int64');
      expect(t.arange(4).tolist()).toEqual([0, 1, 2, 3]);
      expect(t.arange(0, 10, 5).tolist()).toEqual([0, 5]);
      expect(t.onesLike(t.zeros(2, { dtype: 'int32' })).dtype).toBe('int32');
    }));

  it('take requiresGrad', () =>
    scope(() => {
      const { Rng } = torch;
      const made = [
        ones([1], { requiresGrad: true }),
        tensor([1], { requiresGrad: true }),
        tensor([1], { requiresGrad: true, dtype: 'float64' }),
        tensor([1], { requiresGrad: true, dtype: 'bfloat16' }),
        torch.randn([1], new Rng(0), { requiresGrad: true }),
        torch.full([1], 2, { requiresGrad: true }),
        torch.eye(2, { requiresGrad: true }),
      ];
      expect(made.map(({ requiresGrad }) => requiresGrad)).toEqual(made.map(() => true));
      const likes = [torch.zerosLike, torch.onesLike].map((like) => like(ones([1], { dtype: 'int64' })).dtype);
      expect(likes).toEqual(['int64', 'int64']);
      expect(made.map(({ isLeaf }) => isLeaf)).toEqual(made.map(() => true));
    }));

  it.each<[() => unknown, string]>([
    [
      () => t.ones([2], { requires_grad: true }),
      'ones: there is no option "requires_grad"\n  → Did you mean "requiresGrad"?',
    ],
    [() => t.randn([2], { generator: new Rng(0) }), 'there is no option "generator"\n  → Write { rng: new Rng(0) }'],
    [() => t.randn([2], { rng: 3 }), 'randn: the random stream must be an Rng, got number 3'],
    [() => t.tensor([2], { dtpye: 'int64' }), 'Did you mean "dtype"?'],
    [() => t.arange(0, 2, { steps: 1 }), 'Did you mean "step"?'],
    [() => t.eye(2, 3), 'eye: options are an object like { dtype: … }, got number 3'],
    [() => t.zeros(), 'Write zeros([2, 3]) or zeros(2, 3)'],
    [() => t.ones([2], 'int64'), 'ones: options are an object like { dtype: … }, got string int64'],
    [() => t.ones([2], { dtype: 'float' }), "Write 'float32'."],
    [() => t.tensor([2], { dtype: 'torch.long' }), "Write 'int64'."],
    [() => t.backward(ones([1]), { retain_graph: true }), 'Did you mean "retainGraph"?'],
    [() => t.grad([ones([1])], [ones([1])], { allow_unused: true }), 'Did you mean "allowUnused"?'],
  ])('%s', (call, message) => {
    expect(() => scope(call)).toThrow(UserError);
    expect(() => scope(call)).toThrow(message);
  });
});

describe('functions', () => {
  it('have their names', () =>
    scope(() => {
      const a = tensor([[1, 2]]);
      expect(torch.matmul(a, a.t()).tolist()).toEqual([[5]]);
      const ids = tensor([[2], [0]], { dtype: 'int64' });
      expect(torch.oneHot(ids).tolist()).toEqual([[[0, 0, 1]], [[1, 0, 0]]]);
      expect(torch.oneHot(ids, 4).shape).toEqual([2, 1, 4]);
      expect(() => torch.oneHot(ids, 2)).toThrow('index 2 is out of bounds');
    }));
});

describe('methods', () => {
  it('have their names and forms', () =>
    scope(() => {
      const x = tensor([[1.5, 2, 3], [4, 5, 6]]); // biome-ignore format: a matrix
      expect(shapes(x.permute(1, 0), x.permute([1, 0]), x.view(3, 2), x.reshape(-1), x.repeat(2, 1))).toEqual([
        [3, 2],
        [3, 2],
        [3, 2],
        [6],
        [4, 3],
      ]);
      expect(x.permute(1, 0).tolist()).toEqual([[1.5, 4], [2, 5], [3, 6]]); // biome-ignore format: a matrix
      expect(x.flip(0, 1).tolist()).toEqual([[6, 5, 4], [3, 2, 1.5]]); // biome-ignore format: a matrix
      expect([x.numel(), x.size(), x.size(0), x.size(1), x.size(-2)]).toEqual([6, [2, 3], 2, 3, 2]);
      expect(x.long().tolist()).toEqual([[1, 2, 3], [4, 5, 6]]); // biome-ignore format: a matrix
      expect([x.long(), x.int(), x.double(), x.bool(), x.cpu()].map(({ dtype }) => dtype)).toEqual([
        'int64',
        'int32',
        'float64',
        'bool',
        'float32',
      ]);
    }));

  it('have backward', () =>
    scope(() => {
      const x = tensor([1, 2], { requiresGrad: true });
      x.square().sum().backward();
      expect(x.grad!.tolist()).toEqual([2, 4]);
      x.mul(3).backward({ gradient: tensor([1, 10]) });
      expect(x.grad!.tolist()).toEqual([5, 34]);
    }));

  const x = () => ones([2, 2]);
  // biome-ignore lint/suspicious/noExplicitAny: calls that the compiler would refuse
  const y = (): any => ones([2, 2]);
  it.each<[() => unknown, string]>([
    [
      () => y().mean({ dim: 1 }),
      'mean: there is no option "dim"\n  → It comes by position: mean(dim, keepdim, { dtype }).',
    ],
    [() => y().sum([0], { keepdim: true }), 'Arguments come by position: sum(dim, keepdim, { dtype }).'],
    [() => y().sum(0, true, { dtpye: 'int64' }), 'sum: there is no option "dtpye"\n  → Known: dtype.'],
    [() => y().softmax({ dim: 1 }), 'Arguments come by position: softmax(dim, dtype).'],
    [() => y().topk(1, { dim: 0 }), 'Arguments come by position: topk(k, dim, largest, sorted).'],
    [() => y().add([1, 2]), 'Make tensors of arrays, with tensor([…]): add(other, { alpha }).'],
    [() => y().add(), 'It is called as add('],
    [() => y().add(x(), { alhpa: 2 }), 'add: there is no option "alhpa"'],
    [() => y().normal_(0, 1, { generator: new Rng(0) }), 'normal_: there is no option "generator"'],
    [() => y().normal_(0, 1, { rng: 7 }), 'the random stream must be an Rng, got number 7'],
    [() => t.where(x().eq(1), x()), 'It is called as where(condition, self, other).'],
    [() => t.cat(x(), x()), 'Give tensors as an array: cat([a, b]).'],
    [() => x().gather(0, tensor([[0]])), "tensor([0, 1], { dtype: 'int64' }), or ids.long()"],
    [() => torch.embedding(x(), tensor([0])), "tensor([0, 1], { dtype: 'int64' }), or ids.long()"],
    [() => x().indexSelect(0, tensor([0])), "tensor([0, 1], { dtype: 'int64' }), or ids.long()"],
    [() => x().matmul(x().long()), 'Bring both to one dtype'],
    [() => ones([2]).dot(ones([2]).double()), 'Bring both to one dtype'],
    [() => x().mv(ones([2]).double()), 'Bring both to one dtype'],
    [() => x().item(), 'Take all with tolist() or data().'],
    [() => y().to({ dtype: 'int64' }), "Write x.to('int64')"],
    [() => y() + y(), 'Write a.add(b)'],
    [() => -y(), 'a.neg()'],
    [() => y() < 3, 'a.lt(b)'],
  ])('%s', (call, message) => {
    expect(() => scope(call)).toThrow(message);
  });

  it('stand in a text', () => scope(() => expect(`${tensor([1])}`).toBe('Tensor(float32[1] [1])')));
});
