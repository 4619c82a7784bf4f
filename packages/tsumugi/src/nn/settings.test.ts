// Layers, losses and initialisers refuse settings that no formula has, with owner and name.
import { expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { ones, Rng, scope, tensor } from '../torch/index.ts';
import { elu, leakyRelu } from './activations.ts';
import { BatchNorm } from './batch-norm.ts';
import { Conv1d, Conv2d, ConvTranspose2d } from './conv.ts';
import { crossEntropy, linearCrossEntropy } from './functional/index.ts';
import { normal, orthogonal, truncatedNormal, uniform, varianceScaling, xavierUniform } from './initializers.ts';
import { LayerNorm } from './layer-norm.ts';
import { Embedding, Linear } from './linear.ts';
import { bceWithLogits, huber, mse, smoothL1 } from './losses.ts';
import { GRU, LSTM } from './recurrent.ts';
import { RMSNorm } from './rms-norm.ts';
import { SpectralNorm } from './spectral-norm.ts';

const rng = new Rng(0);
const o = { rng };
const sizes = [0, -1, 1.5, Number.NaN, Infinity];
const one = () => ones([1, 1]);
const targets = () => tensor([0], { dtype: 'int64' });

const wrong: Record<string, (() => unknown)[]> = {
  'Linear: inFeatures': sizes.map((size) => () => new Linear(size, 1, o)),
  'Linear: outFeatures': sizes.map((size) => () => new Linear(1, size, o)),
  'Embedding: numEmbeddings': sizes.map((size) => () => new Embedding(size, 1, o)),
  'Embedding: dim': sizes.map((size) => () => new Embedding(1, size, o)),
  'Conv1d: inChannels': sizes.map((size) => () => new Conv1d(size, 1, 1, o)),
  'Conv1d: taps': sizes.map((size) => () => new Conv1d(1, 1, size, o)),
  'Conv2d: outChannels': sizes.map((size) => () => new Conv2d(1, size, 1, o)),
  'Conv2d: stride': sizes.map((stride) => () => new Conv2d(1, 1, 1, { ...o, stride: [1, stride] })),
  'Conv2d: dilation': sizes.map((dilation) => () => new Conv2d(1, 1, 1, { ...o, dilation })),
  'Conv2d: padding': [-1, 0.5, Number.NaN].map((padding) => () => new Conv2d(1, 1, 1, { ...o, padding })),
  'Conv2d: groups': sizes.map((groups) => () => new Conv2d(1, 1, 1, { ...o, groups })),
  'Conv2d: inChannels 4 cannot be divided into 3 groups': [() => new Conv2d(4, 3, 1, { ...o, groups: 3 })],
  'Conv1d: outChannels 4 cannot be divided into 3 groups': [() => new Conv1d(3, 4, 1, { ...o, groups: 3 })],
  'ConvTranspose2d: outputPadding': [-1, 0.5].map(
    (p) => () => new ConvTranspose2d(1, 1, 1, { ...o, outputPadding: p }),
  ),
  'BatchNorm: numChannels': sizes.map((size) => () => new BatchNorm(size, o)),
  'BatchNorm: eps': [-1, Number.NaN].map((eps) => () => new BatchNorm(1, { ...o, eps })),
  'BatchNorm: momentum': [-0.1, 1.1, Number.NaN].map((momentum) => () => new BatchNorm(1, { ...o, momentum })),
  'LayerNorm: shape': sizes.map((size) => () => new LayerNorm([2, size], o)),
  'LayerNorm: eps': [-1, Number.NaN].map((eps) => () => new LayerNorm(1, { ...o, eps })),
  'RMSNorm: size': sizes.map((size) => () => new RMSNorm(size, o)),
  'RMSNorm: eps': [-1, Number.NaN].map((eps) => () => new RMSNorm(1, { ...o, eps })),
  'RMSNorm: offset': [() => new RMSNorm(1, { ...o, offset: Number.NaN })],
  'GRU: hiddenSize': sizes.map((size) => () => new GRU(1, size, o)),
  'LSTM: numLayers': sizes.map((numLayers) => () => new LSTM(1, 1, { ...o, numLayers })),
  'spectral normalization: factor': [0, -1, Number.NaN, Infinity].map(
    (factor) => () => new SpectralNorm(one(), rng, { factor }),
  ),
  'spectral normalization: iterations': sizes.map((iterations) => () => new SpectralNorm(one(), rng, { iterations })),
  'leakyRelu: slope': [() => leakyRelu(Number.NaN)],
  'elu: alpha': [() => elu(Number.NaN)],
  'normal: std': [-1, Number.NaN].map((std) => () => normal({ std })),
  'uniform: low 1 is above high 0': [() => uniform({ low: 1, high: 0 })],
  'uniform: high': [() => uniform({ high: Number.NaN })],
  'truncatedNormal: cut': [0, -1, Number.NaN].map((cut) => () => truncatedNormal({ cut })),
  'varianceScaling: fan': [() => varianceScaling({ fan: 'fan_in' as never })],
  'varianceScaling: distribution': [() => varianceScaling({ distribution: 'gauss' as never })],
  'varianceScaling: scale': [() => xavierUniform({ gain: Number.NaN })],
  'orthogonal: gain': [() => orthogonal({ gain: Number.NaN })],
  'mse: reduction': [() => mse(one(), one(), { reduction: 'avg' as never })],
  'smoothL1: beta': [-1, Number.NaN].map((beta) => () => smoothL1(one(), one(), { beta })),
  'huber: delta': [0, -1, Number.NaN].map((delta) => () => huber(one(), one(), { delta })),
  'bceWithLogits: reduction': [() => bceWithLogits(one(), one(), { reduction: 'avg' as never })],
  'crossEntropy: zLoss': [-1, Number.NaN].map((zLoss) => () => crossEntropy(one(), targets(), { zLoss })),
  'crossEntropy: reduction': [() => crossEntropy(one(), targets(), { reduction: 'none' as never })],
  'crossEntropy: ignoreIndex': [() => crossEntropy(one(), targets(), { ignoreIndex: 0.5 })],
  'linearCrossEntropy: zLoss': [() => linearCrossEntropy(one(), one(), targets(), { zLoss: Number.NaN })],
  'linearCrossEntropy: chunk': sizes.map((chunk) => () => linearCrossEntropy(one(), one(), targets(), { chunk })),
  'linearCrossEntropy: vocabularySize': sizes.map(
    (n) => () => linearCrossEntropy(one(), one(), targets(), { vocabularySize: n }),
  ),
};

it.each(Object.entries(wrong))('%s', (what, attempts) => {
  for (const attempt of attempts) {
    expect(() => scope(() => void attempt()), String(attempt)).toThrow(what);
    expect(() => scope(() => void attempt())).toThrow(ConfigError);
  }
});
