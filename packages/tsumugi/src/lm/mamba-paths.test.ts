// Which way a Mamba layer computes: all ways give the same numbers (cache, replaced layers, packing), so only the way itself
// shows whether the fast one is taken.
import { expect, it, vi } from 'vitest';
import { Linear, Module, type UnaryModule } from '../nn/index.ts';
import { noGrad, Rng, randn, scope, type Tensor } from '../torch/index.ts';
import { Cache, MambaCache } from './cache.ts';
import { initialWeights, Plamo2 } from './index.ts';
import { smallConfig } from './lm.testing.ts';
import type { Mamba } from './mamba.ts';

class Wrapped extends Module {
  readonly inner: Linear;
  constructor(inner: Linear) {
    super();
    this.inner = inner;
  }
  forward(x: Tensor): Tensor {
    return this.inner.forward(x);
  }
}

const model = () => new Plamo2(smallConfig(), initialWeights(1));
const first = (of: Plamo2) => of.model.layers.layers[0]!.mixer as Mamba;
const input = (B: number, T: number) => randn([B, T, 64], { rng: new Rng(2) });
const context = { offset: 0, documents: undefined } as never;

it('makes gate and input as two products for more than 16 tokens of a bare layer, else as one', () => {
  using built = model();
  const mixer = first(built);
  const parts = vi.spyOn(Linear.prototype, 'forwardParts');
  const taken = (B: number, T: number) => {
    parts.mockClear();
    noGrad(() => scope(() => void mixer.forward(input(B, T), context)));
    return parts.mock.calls.length;
  };
  expect([taken(1, 17), taken(17, 1), taken(1, 16), taken(2, 8), taken(1, 1), taken(4, 5)]).toEqual([1, 1, 0, 0, 0, 1]);
  const bare = mixer.in_proj;
  mixer.in_proj = new Wrapped(bare as Linear) as UnaryModule as typeof mixer.in_proj;
  expect([taken(1, 17), taken(1, 1)]).toEqual([0, 0]);
  mixer.in_proj = bare;
  parts.mockRestore();
});

it('takes a single token of a text that goes on by one step, and more by a scan', () => {
  using built = model();
  using cache = new Cache(built);
  const [stepped, scanned] = [vi.spyOn(MambaCache.prototype, 'step'), vi.spyOn(MambaCache.prototype, 'scanChunks')];
  const mixer = first(built);
  const state = cache.layers[0] as MambaCache;
  const ways = [3, 1, 2].map((T) => {
    stepped.mockClear();
    scanned.mockClear();
    noGrad(() => scope(() => void mixer.forward(input(1, T), context, state)));
    return [stepped.mock.calls.length, scanned.mock.calls.length];
  });
  expect(ways).toEqual([
    [0, 1],
    [1, 0],
    [0, 1],
  ]);
  vi.restoreAllMocks();
});
