// The module tree: paths, roles, tied tensors, conversion, replacement, loading.
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../base/index.ts';
import { ones, Rng, scope, type Tensor, zeros } from '../torch/index.ts';
import { relu } from './activations.ts';
import { BatchNorm } from './batch-norm.ts';
import { Sequential } from './layer.ts';
import { Embedding, Linear } from './linear.ts';
import {
  convert,
  loadTensors,
  Module,
  moduleAt,
  namedBuffers,
  namedModules,
  namedParameters,
  namedTensors,
  numParameters,
  parameter,
  replaceModule,
  replaceParameter,
  tensorAt,
} from './module.ts';

class Tied extends Module {
  embed: Embedding;
  layers: Linear[];
  head: Linear;

  constructor(rng: Rng) {
    super();
    this.embed = new Embedding(5, 3, { rng });
    this.layers = [1, 2].map(() => new Linear(3, 3, { rng }));
    this.head = new Linear(3, 5, { rng, bias: false });
    this.head.weight.dispose();
    this.head.weight = this.embed.weight;
  }
}

const paths = (list: Iterable<[string, Tensor]>) => [...list].map(([path]) => path);

describe('module tree', () => {
  it('names parameters by their fields; a tied tensor comes once', () => {
    using model = new Tied(new Rng(0));
    expect(paths(namedParameters(model))).toEqual([
      'embed.weight',
      'layers.0.weight',
      'layers.0.bias',
      'layers.1.weight',
      'layers.1.bias',
    ]);
    expect(numParameters(model)).toBe(5 * 3 + 2 * (9 + 3));
  });

  it('tells buffers from parameters and counts positions as PyTorch does', () => {
    const rng = new Rng(0);
    using model = new Sequential(new Linear(2, 4, { rng }), relu, new BatchNorm(4, { rng }));
    expect(paths(namedParameters(model))).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(paths(namedBuffers(model))).toEqual(['2.running_mean', '2.running_var', '2.num_batches_tracked']);
    expect(paths(namedTensors(model))).toHaveLength(7);
  });

  it('switches the whole tree between training and evaluation', () => {
    const rng = new Rng(0);
    using model = new Sequential(new Sequential(new Linear(1, 1, { rng })));
    model.eval();
    expect((model.layers[0] as Sequential).training).toBe(false);
    expect((model.train().layers[0] as Sequential).training).toBe(true);
  });

  it('converts to another dtype, keeping ties, frozen parameters and counters', () => {
    const rng = new Rng(0);
    using model = new Tied(rng);
    model.layers[0]!.weight.requiresGrad_(false);
    convert(model, 'float64');
    expect(model.head.weight).toBe(model.embed.weight);
    expect([...namedTensors(model)].every(([, tensor]) => tensor.dtype === 'float64')).toBe(true);
    expect(model.layers[0]!.weight.requiresGrad).toBe(false);
    expect(model.layers[1]!.weight.requiresGrad).toBe(true);
    using norm = convert(new BatchNorm(2, { rng }), 'float64');
    expect([norm.running_var.dtype, norm.num_batches_tracked.dtype]).toEqual(['float64', 'int64']);
    expect(norm.running_var.requiresGrad).toBe(false);
  });

  it('replaces a tensor in every place where it stands', () => {
    using model = new Tied(new Rng(0));
    const old = model.embed.weight;
    replaceParameter(model, 'embed.weight', zeros([7, 3]));
    expect(old.isDisposed).toBe(true);
    expect(model.head.weight).toBe(model.embed.weight);
    expect(tensorAt(model, 'head.weight').shape).toEqual([7, 3]);
    expect(model.embed.weight.requiresGrad).toBe(true);
  });

  it('names the nearest path when there is none', () => {
    using model = new Tied(new Rng(0));
    for (const path of ['layers.0.weigth', 'layers.2.weight', 'embed', 'layers.0.training'])
      expect(() => tensorAt(model, path)).toThrow(CheckpointError);
    expect(() => tensorAt(model, 'layers.0.weigth')).toThrow(/Did you mean "layers\.0\.weight"/);
  });

  it('loads by path and refuses missing, unknown and misshapen tensors', () => {
    scope(() => {
      using model = new Linear(2, 1, { rng: new Rng(0) });
      const good: Record<string, Tensor> = { weight: ones([1, 2]), bias: zeros([1]) };
      loadTensors(model, (path) => good[path], Object.keys(good));
      expect(model.weight.tolist()).toEqual([[1, 1]]);
      expect(() => loadTensors(model, () => undefined)).toThrow(/lacks "weight"/);
      expect(() => loadTensors(model, (path) => good[path], ['weight', 'gamma'])).toThrow(/holds "gamma"/);
      expect(() => loadTensors(model, () => ones([3]))).toThrow(/"weight" has shape \[3\].*needs \[1, 2\]/);
    });
  });
});

/** What people put into fields: modules and parameters in arrays and objects, one inside the other, beside other things. */
class Nested extends Module {
  heads = { a: new Linear(2, 1, options()), b: [new Linear(2, 1, options())] };
  grid = [[new Linear(1, 1, options())], []];
  scales = [parameter(ones([2])), null];
  settings = { size: 3, names: ['x'], empty: null };
}
const options = () => ({ rng: new Rng(0), bias: false });

describe('containers', () => {
  it('finds modules and parameters in arrays and objects of any depth', () => {
    using model = new Nested();
    const all = ['scales.0', 'heads.a.weight', 'heads.b.0.weight', 'grid.0.0.weight'];
    expect(paths(namedParameters(model))).toEqual(all);
    expect([...namedModules(model)].map(([path]) => path)).toEqual(['', 'heads.a', 'heads.b.0', 'grid.0.0']);
    expect(all.map((path) => tensorAt(model, path).numel())).toEqual([2, 2, 2, 1]);
    convert(model, 'float64');
    expect(model.scales[0]!.dtype).toBe('float64');
    scope(() => replaceParameter(model, 'scales.0', zeros([3])));
    expect(model.scales[0]!.shape).toEqual([3]);
  });

  it('refuses what it would not find', () => {
    class Keyed extends Module {
      layers = new Map([['a', new Linear(1, 1, options())]]);
    }
    using model = new Keyed();
    expect(() => namedParameters(model)).toThrow(
      '"layers" is a Map with modules or parameters: use an array or an object',
    );
    model.layers.get('a')!.dispose();
    model.layers.clear();
    class Loop extends Module {
      self: Module = this;
    }
    expect(() => namedParameters(new Loop())).toThrow('the module at "self" holds itself');
  });

  it('replaces a module wherever it stands, by another kind', () => {
    class Doubled extends Module {
      inner: Linear;
      constructor(inner: Linear) {
        super();
        this.inner = inner;
      }
      forward(x: Tensor): Tensor {
        return this.inner.forward(x).mul(2);
      }
    }
    const shared = new Linear(1, 1, options());
    using model = new Sequential(shared, relu, shared);
    const before = scope(() => model.forward(ones([1, 1])).item());
    const old = replaceModule(model, '2', new Doubled(shared));
    expect(old).toBe(shared);
    expect(model.layers[0]).toBe(model.layers[2]);
    expect(paths(namedParameters(model))).toEqual(['0.inner.weight']);
    // relu(2wx), then 2w times that.
    const weight = shared.weight.item();
    expect(scope(() => model.forward(ones([1, 1])).item())).toBeCloseTo(2 * weight * Math.max(0, 2 * weight), 6);
    expect(before).toBeCloseTo(weight * Math.max(0, weight), 6);
    expect(moduleAt(model, '0.inner')).toBe(shared);
    expect(() => replaceModule(model, '0.iner', shared)).toThrow('Did you mean "0.inner"?');
  });
});
