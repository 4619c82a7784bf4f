// Settings are refused where PyTorch refuses them, with owner, name and value.
import { expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { scope, zeros } from '../torch/index.ts';
import { Adam, AdamW } from './adam.ts';
import { clipGradNorm, clipScale } from './clip.ts';
import type { ParameterGroup } from './groups.ts';
import { RMSprop } from './rmsprop.ts';
import {
  constant,
  cosine,
  linear,
  oneMinusSqrt,
  sequence,
  warmUp,
  warmUpCosine,
  warmUpStableDecay,
} from './schedules.ts';
import { SGD } from './sgd.ts';

const never = [Number.NaN, Infinity, -1];
const source = (group: Partial<ParameterGroup> = {}): ParameterGroup[] => [
  { parameters: [['p', zeros([1]).requiresGrad_()]], ...group },
];

const wrong: Record<string, ((value: number) => unknown)[]> = {
  'Adam: betas[0]': [1, 1.5].concat(never).map((b) => () => new Adam(source(), { betas: [b, 0.9] })),
  'AdamW: betas[1]': [1, 1.5].concat(never).map((b) => () => new AdamW(source(), { betas: [0.9, b] })),
  'Adam: eps': never.map((eps) => () => new Adam(source(), { eps })),
  'AdamW: weightDecay': never.map((weightDecay) => () => new AdamW(source(), { weightDecay })),
  'Adam, group: weightDecay': never.map((weightDecay) => () => new Adam(source({ weightDecay }))),
  'Adam, group: lrScale': never.map((lrScale) => () => new Adam(source({ lrScale }))),
  'Adam: epsOn': ['corected'].map((epsOn) => () => new Adam(source(), { epsOn: epsOn as never })),
  'SGD: momentum': never.map((momentum) => () => new SGD(source(), { momentum })),
  'SGD: weightDecay': never.map((weightDecay) => () => new SGD(source(), { weightDecay })),
  'SGD: nesterov': [() => new SGD(source(), { nesterov: true })],
  'RMSprop: alpha': [1.1].concat(never).map((alpha) => () => new RMSprop(source(), { alpha })),
  'RMSprop: eps': never.map((eps) => () => new RMSprop(source(), { eps })),
  'RMSprop: momentum': never.map((momentum) => () => new RMSprop(source(), { momentum })),
  'RMSprop: weightDecay': never.map((weightDecay) => () => new RMSprop(source(), { weightDecay })),
  'RMSprop: epsPlacement': [() => new RMSprop(source(), { epsPlacement: 'in' as never })],
  'SGD: lr': never.map((lr) => () => new SGD(source()).step(lr)),
  'AdamW: gradScale': never.map((gradScale) => () => new AdamW(source()).step(1, { gradScale })),
  'clipping: maxNorm': [Number.NaN, 0, -1].map((maxNorm) => () => clipScale(1, maxNorm)),
  'constant: value': never.map((value) => () => constant(value)),
  'linear: steps': never.map((steps) => () => linear(steps)),
  'linear: from': never.map((from) => () => linear(1, { from })),
  'linear: to': never.map((to) => () => linear(1, { to })),
  'cosine: steps': never.map((steps) => () => cosine(steps)),
  'cosine: floor': never.map((floor) => () => cosine(1, { floor })),
  'oneMinusSqrt: steps': never.map((steps) => () => oneMinusSqrt(steps)),
  'oneMinusSqrt: floor': never.map((floor) => () => oneMinusSqrt(1, { floor })),
  'warmUp: steps': never.map((steps) => () => warmUp(steps)),
  'sequence: steps of part 0': [Number.NaN, -1].map((steps) => () => sequence({ steps, schedule: constant() })),
  'warmUpCosine: steps': never.map((steps) => () => warmUpCosine({ steps, warmUp: 0 })),
  'warmUpCosine: warmUp 11 do not fit into 10 steps': [() => warmUpCosine({ steps: 10, warmUp: 11 })],
  'warmUpStableDecay: warmUp 6 and decay 5 do not fit into 10 steps': [
    () => warmUpStableDecay({ steps: 10, warmUp: 6, decay: 5 }),
  ],
  'warmUpStableDecay: decay': never.map((decay) => () => warmUpStableDecay({ steps: 10, warmUp: 0, decay })),
  'warmUpStableDecay: shape': [() => warmUpStableDecay({ steps: 9, warmUp: 0, decay: 1, shape: 'sqrt' as never })],
};

it.each(Object.entries(wrong))('%s', (what, attempts) => {
  for (const attempt of attempts) {
    expect(() => scope(() => void attempt(0)), String(attempt)).toThrow(what);
    expect(() => scope(() => void attempt(0))).toThrow(ConfigError);
  }
});

it('takes the ends of the ranges', () => {
  scope(() => {
    using a = new Adam(source(), { betas: [0, 0], eps: 0, weightDecay: 0 });
    using r = new RMSprop(source(), { alpha: 0, eps: 0, momentum: 2 });
    a.step(0, { gradScale: 0 });
    r.step(0);
    expect(clipGradNorm([], Infinity)).toBe(0);
    expect(clipScale(7, Infinity)).toBe(1);
    expect(warmUpStableDecay({ steps: 0, warmUp: 0, decay: 0 })(0)).toBe(0);
  });
});
