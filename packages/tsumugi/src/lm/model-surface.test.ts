// What the model refuses, what it says of itself, and whom it tells of its parts.
import { describe, expect, it } from 'vitest';
import { type Linear, Module, tensorAt } from '../nn/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../torch/index.ts';
import { Cache, initialWeights, Plamo2 } from './index.ts';
import { smallConfig } from './lm.testing.ts';

const model = (changes = {}) => new Plamo2(smallConfig({ num_hidden_layers: 2, ...changes }), initialWeights(3));
const ids = (...shape: number[]) => {
  const count = shape.reduce((product, size) => product * size, 1);
  return tensor(
    BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 50)),
    { shape },
  );
};

describe('a model', () => {
  it('refuses ids that are no rows, and documents beside a cache', () => {
    using built = model();
    using cache = new Cache(built);
    scope(() =>
      noGrad(() => {
        expect(() => built.forward(ids(3))).toThrow('forward: ids must be [batch, tokens], got [3]');
        const documents = tensor(new Int32Array(3), { shape: [1, 3] });
        expect(() => built.forward(ids(1, 3), { cache, documents })).toThrow(
          'forward: a cache holds one document, so documents cannot be given too',
        );
        expect(() => built.loss({ ids: ids(1, 3), targets: ids(1, 3) }, { zloss: 1 } as never)).toThrow(/^loss/);
      }),
    );
  });

  it('says where its parameters are, and in what type', () => {
    using built = model();
    expect([built.parameterDevice, built.parameterDType]).toEqual(['cpu', 'float32']);
  });

  it('tells of every part it has gone through, in order', () => {
    using built = model();
    const parts: string[] = [];
    const onPart = (path: string, h: Tensor) => void parts.push(`${path} ${h.shape}`);
    noGrad(() => scope(() => void built.forward(ids(2, 3), { onPart })));
    expect(parts).toEqual(
      ['model.embed_tokens', 'model.layers.layers.0', 'model.layers.layers.1', 'model.norm'].map(
        (path) => `${path} 2,3,64`,
      ),
    );
  });

  it('adds noise to what the embedding gives', () => {
    using built = model();
    scope(() =>
      noGrad(() => {
        const seen: number[] = [];
        const first = (path: string, h: Tensor) => {
          if (path === 'model.embed_tokens') seen.push(...(h.flatten().tolist() as number[]));
        };
        const noise = tensor(
          Float32Array.from({ length: 64 }, (_, i) => i / 8),
          { shape: [1, 1, 64] },
        );
        const plain = built.forward(ids(1, 1), { onPart: first });
        const noisy = built.forward(ids(1, 1), { onPart: first, embeddingNoise: noise });
        expect(seen.slice(64).map((value, i) => value - seen[i]!)).toEqual(
          Array.from({ length: 64 }, (_, i) => expect.closeTo(i / 8, 5)),
        );
        expect(noisy.sub(plain).abs().max().item()).toBeGreaterThan(1e-3);
        expect(() => built.forward(ids(2, 1), { embeddingNoise: noise })).toThrow(
          'forward: embeddingNoise must be [2, 1, 64] like what the embedding gives, got [1, 1, 64]',
        );
      }),
    );
  });

  it('gives as many logits as its vocabulary has, also where the head has rows to spare', () => {
    for (const vocab_size of [300, 304]) {
      using built = model({ tie_word_embeddings: false, vocab_size });
      expect(tensorAt(built, 'lm_head.weight').shape).toEqual([304, 64]);
      noGrad(() => scope(() => expect(built.logits(built.forward(ids(1, 2))).shape).toEqual([1, 2, vocab_size])));
    }
  });

  it('computes the loss from the logits of a head that is more than its weight', () => {
    class Scaled extends Module {
      readonly inner: Linear;
      readonly isBareWeight = true; // says so, and is no layer with a weight
      constructor(inner: Linear) {
        super();
        this.inner = inner;
      }
      forward(x: Tensor): Tensor {
        return this.inner.forward(x).mul(0);
      }
    }
    using built = model({ tie_word_embeddings: false });
    built.lm_head = new Scaled(built.lm_head as Linear) as never;
    const { loss } = noGrad(() =>
      scope(() => ({ loss: built.loss({ ids: ids(1, 3), targets: ids(1, 3) }).loss.item() })),
    );
    expect(loss).toBeCloseTo(Math.log(300), 5); // all logits 0
  });
});
