// Layers, losses and modules as a person types them who knows PyTorch: they work as there, or the error says what to write.
import { afterEach, expect, it } from 'vitest';
import { manualSeed, ones, Rng, scope, tensor } from '../torch/index.ts';
import * as nn from './index.ts';

// biome-ignore lint/suspicious/noExplicitAny: calls that the compiler would refuse
const n: any = nn;
const made: nn.Module[] = [];
const freed = <M extends nn.Module>(module: M): M => {
  made.push(module);
  return module;
};
afterEach(() => {
  for (const module of made.splice(0)) module.dispose();
});

it('makes layers from the default stream', () => {
  manualSeed(5);
  const first = freed(new nn.Linear(2, 3));
  manualSeed(5);
  const second = freed(new nn.Linear(2, 3));
  const passed = freed(new nn.Linear(2, 3, { rng: new Rng(5) }));
  expect(second.weight.tolist()).toEqual(first.weight.tolist());
  expect(passed.weight.tolist()).toEqual(first.weight.tolist());
  const layers = [
    new nn.Embedding(3, 2),
    new nn.Conv1d(1, 1, 2),
    new nn.Conv2d(1, 1, 2),
    new nn.ConvTranspose2d(1, 1, 2),
    new nn.BatchNorm(2),
    new nn.LayerNorm(2),
    new nn.RMSNorm(2),
    new nn.GRU(2, 3),
    new nn.LSTM(2, 3),
    new nn.Dropout(),
  ].map(freed);
  expect(layers.map(({ training }) => training)).toEqual(layers.map(() => true));
  expect(new nn.Dropout().p).toBe(0.5);
});

it('makes norms without drawing', () => {
  const rng = new Rng(3);
  const { state } = rng;
  for (const layer of [new nn.BatchNorm(2, { rng }), new nn.LayerNorm(2, { rng }), new nn.RMSNorm(2, { rng })])
    freed(layer);
  expect(rng.state).toEqual(state);
});

it('has the methods of a module', () =>
  scope(() => {
    const model = freed(new nn.Sequential(new nn.Linear(2, 2), nn.relu, new nn.Linear(2, 1)));
    expect(model.namedParameters().map(([path]) => path)).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(model.parameters()).toEqual(nn.parameters(model));
    model
      .forward(ones([1, 2]))
      .sum()
      .backward();
    expect(model.parameters().filter(({ grad }) => grad).length).toBe(4);
    model.zeroGrad();
    expect(model.parameters().map(({ grad }) => grad)).toEqual([undefined, undefined, undefined, undefined]);
    const [weight] = model.parameters();
    expect(model.to('cpu', 'float32').parameters()[0]).toBe(weight);
    expect(model.to('float64').parameters()[0]!.dtype).toBe('float64');
  }));

it('saves and loads its state', () =>
  scope(() => {
    const model = freed(new nn.Sequential(new nn.Linear(1, 1), new nn.BatchNorm(1)));
    const dict = model.stateDict();
    expect(Object.keys(dict)).toContain('1.running_mean');
    const other = freed(new nn.Sequential(new nn.Linear(1, 1), new nn.BatchNorm(1)));
    expect(other.loadStateDict({ ...dict, '0.bias': tensor([7]) })).toBe(other);
    expect(other.stateDict()['0.weight']!.item()).toBe(dict['0.weight']!.item());
    expect(other.stateDict()['0.bias']!.item()).toBe(7);
    const { '0.bias': _, ...lacking } = dict;
    expect(() => other.loadStateDict(lacking)).toThrow('lacks "0.bias"');
    expect(() => other.loadStateDict({ ...dict, more: ones([1]) })).toThrow('"more"');
  }));

const x = () => ones([2, 2]);
it.each<[() => unknown, string]>([
  [() => new n.Linear(2, 8, { rgn: 1 }), 'Linear: there is no option "rgn"\n  → Did you mean "rng"?'],
  [() => new n.Linear(2, 8, new Rng(0)), 'Linear: options are an object like { rng: … }, got a Rng'],
  [() => new n.Linear(2, 8, false), 'Linear: options are an object like { rng: … }, got boolean false'],
  [() => new n.Linear(2, 8, { rng: 0 }), "a layer's rng: the random stream must be an Rng, got number 0"],
  [() => new n.Linear(2, 8, { device: 'cuda' }), 'A layer is made on the device of its stream'],
  [() => new n.Linear(2), 'Linear: outFeatures must be a whole number at least 1, got undefined'],
  [() => new n.Embedding(2, 8, { padding_idx: 0 }), 'Embedding: there is no option "padding_idx"'],
  [() => new n.Conv1d(2, 8, 3, { padd: 1 }), 'Conv1d: there is no option "padd"'],
  [() => new n.Conv2d(2, 8, 3, { strides: 1 }), 'Did you mean "stride"?'],
  [() => new n.ConvTranspose2d(2, 8, 3, { output_padding: 1 }), 'Did you mean "outputPadding"?'],
  [() => new n.BatchNorm(2, { momentun: 1 }), 'Did you mean "momentum"?'],
  [() => new n.LayerNorm(2, { elementwise_affine: true }), 'Write { affine }.'],
  [() => new n.RMSNorm(2, { epsilon: 1 }), 'RMSNorm: there is no option "epsilon"'],
  [() => new n.Dropout(0.5, { inplace: true }), 'Dropout: there is no option "inplace"'],
  [() => new n.GRU(2, 3, { num_layers: 2 }), 'GRU: there is no option "num_layers"\n  → Did you mean "numLayers"?'],
  [() => new n.LSTM(2, 3, { dropout: 0.1 }), 'Put a Dropout between two layers.'],
  [() => new n.SpectralNorm(x(), new Rng(0), { iteration: 2 }), 'Did you mean "iterations"?'],
  [() => n.normal({ sdt: 1 }), 'normal: there is no option "sdt"'],
  [() => n.uniform({ hihg: 1 }), 'Did you mean "high"?'],
  [() => n.truncatedNormal({ cutt: 1 }), 'Did you mean "cut"?'],
  [() => n.varianceScaling({ distributon: 'uniform' }), 'Did you mean "distribution"?'],
  [() => n.xavierUniform({ gian: 1 }), 'xavierUniform: there is no option "gian"'],
  [() => n.xavierNormal({ gian: 1 }), 'xavierNormal: there is no option "gian"'],
  [() => n.kaimingUniform({ mode: 'fanOut' }), 'kaimingUniform: there is no option "mode"'],
  [() => n.kaimingNormal({ mode: 'fanOut' }), 'kaimingNormal: there is no option "mode"'],
  [() => n.lecunNormal({ gain: 1 }), 'lecunNormal: there is no option "gain"'],
  [() => n.orthogonal({ gian: 1 }), 'orthogonal: there is no option "gian"'],
  [() => n.mse(x(), 1), 'mse: the target must be a tensor, got number 1'],
  [() => n.mse(x(), x(), { reductoin: 'sum' }), 'Did you mean "reduction"?'],
  [() => n.smoothL1(x(), x(), { delta: 1 }), 'smoothL1: there is no option "delta"'],
  [() => n.huber(x(), x(), { betta: 1 }), 'huber: there is no option "betta"'],
  [() => n.bceWithLogits(x(), x(), { pos_weight: x() }), 'Did you mean "posWeight"?'],
  [
    () => n.crossEntropy(x(), [0, 1]),
    "targets must be a tensor, got an array\n  → Make one, as in tensor([0, 1], { dtype: 'int64' }).",
  ],
  [() => n.crossEntropy(x(), tensor([0, 1])), "tensor([0, 1], { dtype: 'int64' }), or ids.long()"],
  [() => n.crossEntropy(x(), tensor([0, 1]).long(), { ignore_index: 0 }), 'Did you mean "ignoreIndex"?'],
  [() => n.linearCrossEntropy(x(), x(), tensor([0, 1]).long(), { zloss: 1 }), 'Did you mean "zLoss"?'],
  [() => n.logitsCrossEntropy(x(), tensor([0, 1]).long(), { zloss: 1 }), 'Did you mean "zLoss"?'],
  [() => freed(new nn.Linear(2, 1)).forward([[1, 2]] as never), 'Linear: x must be a tensor, got an array'],
  [() => freed(new nn.Embedding(2, 1)).forward([0] as never), "as in tensor([0, 1], { dtype: 'int64' })"],
  [() => new n.Sequential([nn.relu]), 'Sequential: part 0 must be a layer or a function of a tensor, got an array'],
  [() => new n.Sequential(undefined), 'functions without ()'],
])('%s', (call, message) => {
  expect(() => scope(call)).toThrow(message);
});
