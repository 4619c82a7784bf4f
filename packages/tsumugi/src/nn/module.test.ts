// The module tree: paths, roles, tied tensors, conversion, replacement, loading.
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../base/index.ts';
import { Generator, ones, scope, type Tensor, zeros } from '../torch/index.ts';
import { relu } from './activations.ts';
import { BatchNorm } from './batch-norm.ts';
import { Sequential } from './layer.ts';
import { Embedding, Linear } from './linear.ts';
import {
  convert,
  loadTensors,
  Module,
  namedBuffers,
  namedParameters,
  namedTensors,
  numParameters,
  replaceParameter,
  tensorAt,
} from './module.ts';

class Tied extends Module {
  embed: Embedding;
  layers: Linear[];
  head: Linear;

  constructor(generator: Generator) {
    super();
    this.embed = new Embedding(5, 3, { generator });
    this.layers = [1, 2].map(() => new Linear(3, 3, { generator }));
    this.head = new Linear(3, 5, { generator, bias: false });
    this.head.weight.dispose();
    this.head.weight = this.embed.weight;
  }
}

const paths = (list: Iterable<[string, Tensor]>) => [...list].map(([path]) => path);

describe('module tree', () => {
  it('names parameters by their fields; a tied tensor comes once', () => {
    using model = new Tied(new Generator(0));
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
    const generator = new Generator(0);
    using model = new Sequential(new Linear(2, 4, { generator }), relu, new BatchNorm(4, { generator }));
    expect(paths(namedParameters(model))).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(paths(namedBuffers(model))).toEqual(['2.running_mean', '2.running_var', '2.num_batches_tracked']);
    expect(paths(namedTensors(model))).toHaveLength(7);
  });

  it('switches the whole tree between training and evaluation', () => {
    const generator = new Generator(0);
    using model = new Sequential(new Sequential(new Linear(1, 1, { generator })));
    model.eval();
    expect((model.layers[0] as Sequential).training).toBe(false);
    expect((model.train().layers[0] as Sequential).training).toBe(true);
  });

  it('converts to another dtype, keeping ties, frozen parameters and counters', () => {
    const generator = new Generator(0);
    using model = new Tied(generator);
    model.layers[0]!.weight.requiresGrad_(false);
    convert(model, 'float64');
    expect(model.head.weight).toBe(model.embed.weight);
    expect([...namedTensors(model)].every(([, tensor]) => tensor.dtype === 'float64')).toBe(true);
    expect(model.layers[0]!.weight.requiresGrad).toBe(false);
    expect(model.layers[1]!.weight.requiresGrad).toBe(true);
    using norm = convert(new BatchNorm(2, { generator }), 'float64');
    expect([norm.running_var.dtype, norm.num_batches_tracked.dtype]).toEqual(['float64', 'int64']);
    expect(norm.running_var.requiresGrad).toBe(false);
  });

  it('replaces a tensor in every place where it stands', () => {
    using model = new Tied(new Generator(0));
    const old = model.embed.weight;
    replaceParameter(model, 'embed.weight', zeros([7, 3]));
    expect(old.isDisposed).toBe(true);
    expect(model.head.weight).toBe(model.embed.weight);
    expect(tensorAt(model, 'head.weight').shape).toEqual([7, 3]);
    expect(model.embed.weight.requiresGrad).toBe(true);
  });

  it('names the nearest path when there is none', () => {
    using model = new Tied(new Generator(0));
    for (const path of ['layers.0.weigth', 'layers.2.weight', 'embed', 'layers.0.training'])
      expect(() => tensorAt(model, path)).toThrow(CheckpointError);
    expect(() => tensorAt(model, 'layers.0.weigth')).toThrow(/Did you mean "layers\.0\.weight"/);
  });

  it('loads by path and refuses missing, unknown and misshapen tensors', () => {
    scope(() => {
      using model = new Linear(2, 1, { generator: new Generator(0) });
      const good: Record<string, Tensor> = { weight: ones([1, 2]), bias: zeros([1]) };
      loadTensors(model, (path) => good[path], Object.keys(good));
      expect(model.weight.tolist()).toEqual([[1, 1]]);
      expect(() => loadTensors(model, () => undefined)).toThrow(/lacks "weight"/);
      expect(() => loadTensors(model, (path) => good[path], ['weight', 'gamma'])).toThrow(/holds "gamma"/);
      expect(() => loadTensors(model, () => ones([3]))).toThrow(/"weight" has shape \[3\].*needs \[1, 2\]/);
    });
  });
});
