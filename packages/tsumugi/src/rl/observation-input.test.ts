// What observations become for a network.
import { expect, it } from 'vitest';
import { scope } from '../torch/index.ts';
import { scaled } from './networks/body.ts';
import { ObservationInput } from './observation-input.ts';
import { Box } from './spaces/index.ts';

const asSeen = (box: Box, observation: Uint8Array) =>
  scope(() => scaled(new ObservationInput(box).tensor([observation])).tolist());

it('bytes up to 255 are shades between 0 and 1, other whole numbers are taken as they are', () => {
  expect(asSeen(new Box(0, 255, [3], 'uint8'), Uint8Array.of(0, 51, 255))).toEqual([[0, expect.closeTo(0.2, 6), 1]]);
  expect(asSeen(new Box(0, 3, [3], 'uint8'), Uint8Array.of(0, 1, 3))).toEqual([[0, 1, 3]]);
});
