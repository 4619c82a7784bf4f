// What is frozen, by what a person writes.
import { expect, it } from 'vitest';
import { preset, tensorShapes } from '../lm/index.ts';
import { frozenPaths } from './freeze-paths.ts';
import { tinyModel } from './train.testing.ts';

const config = preset('mini', { ...tinyModel, num_hidden_layers: 12 });
const all = [...tensorShapes(config).keys()];
const frozen = (...patterns: string[]) => [...frozenPaths(config, patterns)];
const inLayer = (...layers: number[]) =>
  all.filter((path) => layers.some((layer) => path.startsWith(`model.layers.layers.${layer}.`)));

it.each<[string[], () => string[]]>([
  [[], () => []],
  [['embedding'], () => ['model.embed_tokens.weight']],
  [['layers.1'], () => inLayer(1)],
  [['layers.0-2'], () => inLayer(0, 1, 2)],
  [['layers.9-11'], () => inLayer(9, 10, 11)],
  [['model.norm.weight'], () => ['model.norm.weight']],
  [['model.layers.layers.1'], () => inLayer(1)], // not 10 and 11
  [['model.layers.layers.3.mlp'], () => inLayer(3).filter((path) => path.includes('.mlp.'))],
  [['*.mixer.*'], () => all.filter((path) => path.includes('.mixer.'))],
  [['*_norm.weight'], () => all.filter((path) => path.endsWith('_norm.weight'))],
  [
    ['model.layers.layers.1*.mlp.down_proj.weight'],
    () => inLayer(1, 10, 11).filter((path) => path.includes('down_proj')),
  ],
  [['embedding', 'layers.0', 'layers.0-1'], () => ['model.embed_tokens.weight', ...inLayer(0, 1)]],
])('%j', (patterns, expected) => {
  expect(frozen(...patterns).toSorted()).toEqual(expected().toSorted());
});

it.each([
  ['embeding', /no weight of the model is at "embeding"\n.*"embedding"/],
  ['model.norm.wait', /"model.norm.weight"/],
  ['*.mixture.*', /no weight of the model is at/],
  ['model?norm?weight', /no weight/],
  ['layers.12', /"layers.12" names layers that are not there, only 0 to 11 are/],
  ['layers.10-12', /only 0 to 11/],
  ['layers.3-2', /not there/],
])('refuses %s', (pattern, problem) => {
  expect(() => frozen('embedding', pattern)).toThrow(problem);
});

it('refuses to leave nothing', () => {
  expect(() => frozen('*')).toThrow(/freeze=\* leaves nothing to train/);
  expect(() => frozen('embedding', 'layers.0-11', 'model.norm.weight')).toThrow(/leaves nothing/);
});
