// Pictures of any size → square images of one size: the middle square is cut out and resized with the triangle filter, widened
// when shrinking so that every pixel counts (Pillow's BILINEAR, libtorch's `_upsample_bilinear2d_aa`).
import { callOperator, scope, type Tensor, tensor } from '../../torch/index.ts';
import type { Picture } from './png.ts';

/** Grey from red, green and blue: ITU-R BT.601, as Pillow. */
const LUMA = [0.299, 0.587, 0.114] as const;
const WHITE = 255;

/** The middle square as float32 [1, channels, side, side]. What is transparent lies on white. */
function middle({ width, height, data }: Picture, channels: 1 | 3): Tensor {
  const side = Math.min(width, height);
  const [left, top] = [(width - side) >> 1, (height - side) >> 1];
  const area = side * side;
  const planes = new Float32Array(channels * area);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const from = ((top + y) * width + left + x) * 4;
      const opacity = data[from + 3]! / 255;
      const at = y * side + x;
      for (let c = 0; c < 3; c++) {
        const value = data[from + c]! * opacity + WHITE * (1 - opacity);
        if (channels === 3) planes[c * area + at] = value;
        else planes[at]! += LUMA[c]! * value;
      }
    }
  return tensor(planes, { shape: [1, channels, side, side] });
}

/** Bytes [channels, size, size]. */
export function toSquare(picture: Picture, size: number, channels: 1 | 3): Uint8Array {
  return scope(() => {
    const square = middle(picture, channels);
    const resized =
      square.size(3) === size
        ? square
        : (callOperator('aten::_upsample_bilinear2d_aa', square, [size, size], false, null, null) as Tensor);
    return resized.round().clamp(0, 255).to('uint8').contiguous().bytes();
  });
}
