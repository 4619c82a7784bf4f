// What a GAN over ranks refuses, as no rank could know it of its part alone.
import { expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import { toldMesh } from '../mesh/told-mesh.testing.ts';
import { Module } from '../nn/index.ts';
import { scope, tensor } from '../torch/index.ts';
import { requireOverRanks, Share } from './over-ranks.ts';
import type { GanConfig } from './train-config.ts';

class Plain extends Module {}

it('batches of fewer images than ranks, of either network, and penalties of one’s own', () => {
  using discriminator = new Plain();
  const fault = (world: number, config: object, own: object = {}) =>
    thrown(ConfigError, () => requireOverRanks(toldMesh(0, world), config as GanConfig, own, discriminator)).fault;
  expect(fault(4, { batchSize: 3 })).toBe('batchSize=3 is fewer images than there are processes (4)');
  expect(fault(4, { batchSize: 4, generatorBatchSize: 2 })).toMatch(/^generatorBatchSize=2 is fewer/);
  expect(fault(4, { batchSize: 4 }, { penalty: { name: 'mine' } })).toMatch(/^of the penalty "mine" it is not known/);
  requireOverRanks(toldMesh(0, 4), { batchSize: 4 } as GanConfig, {}, discriminator);
  requireOverRanks(
    toldMesh(0, 1),
    { batchSize: 1 } as GanConfig,
    { penalty: { name: 'mine' } } as never,
    discriminator,
  );
});

it('a mean over its own images counts as much as there are of them', () => {
  scope(() => {
    const share = new Share(toldMesh(2, 3), 4); // of one, one and two images
    expect([share.from, share.to]).toEqual([2, 4]);
    expect(share.of(tensor([1, 2, 3, 4])).tolist()).toEqual([3, 4]);
    expect(share.weighed(tensor(6)).item()).toBe(3);
    expect(share.total(tensor(2)).item()).toBe(6);
  });
});
