// Paths of layers, there and back.
import { expect, it } from 'vitest';
import { layerOf, layerPath, withinLayer } from './layer-path.ts';

it('knows the layer of a tensor, and its name within', () => {
  expect(layerPath(12)).toBe('model.layers.layers.12');
  expect(layerPath(12, 'mixer.D')).toBe('model.layers.layers.12.mixer.D');
  expect(layerOf('model.layers.layers.12.mixer.D')).toBe(12);
  expect(layerOf('model.layers.layers.12')).toBe(12);
  expect(layerOf('model.norm.weight')).toBeUndefined();
  expect(withinLayer('model.layers.layers.12.mixer.D')).toBe('mixer.D');
  expect(withinLayer('model.norm.weight')).toBe('model.norm.weight');
});
