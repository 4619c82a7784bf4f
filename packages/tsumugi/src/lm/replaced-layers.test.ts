// Layers that stand in for others (adapters, quantized ones): nothing computes with the weight of the one they replaced.
import { describe, expect, it } from 'vitest';
import {
  Embedding,
  Linear,
  Module,
  moduleAt,
  namedModules,
  namedParameters,
  replaceModule,
  tensorAt,
  type UnaryModule,
} from '../nn/index.ts';
import { backward, noGrad, scope, type Tensor, tensor } from '../torch/index.ts';
import { initialWeights, Plamo2 } from './index.ts';
import { smallConfig } from './lm.testing.ts';

describe('layers of another kind', () => {
  /** A layer in the place of another, which doubles what that gives: a stand-in for adapters and quantized layers. */
  class Doubled extends Module {
    inner: UnaryModule & { logits?(hidden: Tensor): Tensor };
    constructor(inner: Module) {
      super();
      this.inner = inner as UnaryModule;
    }
    forward(x: Tensor): Tensor {
      return this.inner.forward(x).mul(2);
    }
    logits(hidden: Tensor): Tensor {
      return this.inner.logits!(hidden).mul(2);
    }
  }
  const tied = { ...smallConfig(), tie_word_embeddings: true };
  const untied = { ...smallConfig(), tie_word_embeddings: false };
  const model = (config = tied) => new Plamo2(config, initialWeights(7));
  const ids = (T: number) =>
    tensor(
      Array.from({ length: T }, (_, i) => i % 50),
      { dtype: 'int64' },
    ).view([1, T]);

  it('are what is computed with, whichever layer is replaced', () => {
    using plain = model();
    for (const [path, layer] of namedModules(plain)) {
      if (!(layer instanceof Linear || layer instanceof Embedding)) continue;
      for (const T of [4, 40]) {
        using changed = model();
        using same = model();
        // The same by weights: 2·(x·Wᵀ) = x·(2W)ᵀ.
        const old = moduleAt(changed, path);
        replaceModule(changed, path, new Doubled(old));
        noGrad(() => scope(() => void tensorAt(same, `${path}.weight`).mul_(2)));
        scope(() =>
          noGrad(() => {
            const [got, wanted, before] = [changed, same, plain].map((each) => each.logits(each.forward(ids(T))));
            expect(got!.sub(wanted!).abs().max().item(), path).toBeLessThan(2e-5 * wanted!.abs().max().item());
            expect(got!.sub(before!).abs().max().item(), path).toBeGreaterThan(1e-6);
          }),
        );
      }
    }
  });

  it.each([
    ['model.embed_tokens', tied],
    ['lm_head', untied],
  ] as const)('count in the loss, too: %s', (path, config) => {
    using changed = model(config);
    using same = model(config);
    replaceModule(changed, path, new Doubled(moduleAt(changed, path)));
    noGrad(() => scope(() => void tensorAt(same, `${path}.weight`).mul_(2)));
    const batch = () => {
      const targets = ids(20).add(1);
      targets.select(1, 3).fill_(-100);
      return { ids: ids(20), targets };
    };
    for (const options of [{ zLoss: 0.1 }, { zLoss: 0.1, reduction: 'sum' }] as const) {
      const [got, wanted] = [changed, same].map((each) =>
        scope(() => {
          const parts = each.loss(batch(), options);
          backward(parts.loss);
          return [parts.loss.item(), parts.crossEntropy.item(), parts.meanSquaredLogsumexp.item(), parts.count.item()];
        }),
      );
      for (const [i, value] of wanted!.entries()) expect(got![i]).toBeCloseTo(value, 3);
      const norm = (each: Plamo2) => Math.sqrt(gradSquares(each, 'model.layers'));
      expect(norm(changed)).toBeCloseTo(norm(same), 3);
      for (const each of [changed, same]) for (const [, p] of namedParameters(each)) p.grad = undefined;
    }
  });

  const gradSquares = (each: Plamo2, below: string): number =>
    scope(() =>
      namedParameters(each)
        .filter(([path]) => path.startsWith(below))
        .reduce((sum, [, p]) => sum + p.grad!.square().sum().item(), 0),
    );
});
