// What tells one set of images from another.
import { expect, it } from 'vitest';
import { type ImageSet, imagesHash } from './image-set.ts';

const set: ImageSet = {
  name: 'toy',
  split: 'all',
  count: 2,
  channels: 1,
  height: 2,
  width: 3,
  source: 'here',
  licence: 'none',
  pixels: Uint8Array.from({ length: 12 }, (_, i) => i),
  labels: Int32Array.of(0, 1),
  classNames: ['cat', 'dog'],
};
const { labels: _labels, classNames: _names, ...bare } = set;

it('is its images and classes, not its name or place', () => {
  const others: ImageSet[] = [
    { ...set, pixels: set.pixels.toReversed() },
    { ...set, labels: Int32Array.of(1, 0) },
    { ...set, classNames: ['cat', 'fox'] },
    { ...set, height: 3, width: 2 },
    { ...set, height: 1, channels: 2 },
    { ...set, width: 1, channels: 3 },
    bare,
  ];
  expect(new Set([set, ...others].map(imagesHash)).size).toBe(8);
  const elsewhere = { ...set, name: 'other', source: 'there', split: 'test' as const };
  expect(imagesHash(elsewhere)).toBe(imagesHash(set));
});
