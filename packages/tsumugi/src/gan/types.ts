// What training, sampling and scores know of the two networks.
//
//   B batch   C channels   H, W height and width
import type { Module } from '../nn/index.ts';
import type { Tensor } from '../torch/index.ts';

/** Turns noise into images. */
export interface ImageGenerator extends Module {
  /** Numbers per image to draw from N(0, 1). */
  readonly latentSize: number;
  /** [C, H, W] of the images. */
  readonly imageShape: readonly [number, number, number];
  /** Classes it takes labels of; null when it is unconditional. */
  readonly numClasses: number | null;
  /**
   * z [B, latentSize], labels int64 [B] (a conditional network needs them, an unconditional one refuses them) → images
   * [B, C, H, W] in [−1, 1].
   */
  forward(z: Tensor, labels?: Tensor): Tensor;
}

/** Judges images: the higher, the more real. */
export interface Discriminator extends Module {
  /** [C, H, W] of the images. */
  readonly imageShape: readonly [number, number, number];
  /** Classes it takes labels of; null when it is unconditional. */
  readonly numClasses: number | null;
  /** Images [B, C, H, W] in [−1, 1], labels int64 [B] as for the generator → logits [B]. */
  forward(images: Tensor, labels?: Tensor): Tensor;
}
