// Pictures of any size → square images of one size: the middle square is cut out and resized with the triangle filter, widened
// when shrinking so that every pixel counts (Pillow's BILINEAR, libtorch's `_upsample_bilinear2d_aa`).
import { callOperator, cat, scope, type Tensor, tensor } from '../torch/index.ts';
import type { Picture } from './picture.ts';

/** Grey from red, green and blue: ITU-R BT.601, as Pillow. */
const LUMA = [0.299, 0.587, 0.114] as const;
const WHITE = 255;
/** Pixels that exist as floats at one time: a picture is resized a strip of rows after the other. */
const STRIP = 2 ** 20;

/** Rows `from` … of the middle square as float32 [1, channels, rows, side]. What is transparent lies on white. */
function strip({ width, height, data }: Picture, channels: 1 | 3, from: number, rows: number): Tensor {
  const side = Math.min(width, height);
  const [left, top] = [(width - side) >> 1, ((height - side) >> 1) + from];
  const area = rows * side;
  const planes = new Float32Array(channels * area);
  for (let y = 0; y < rows; y++)
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
  return tensor(planes, { shape: [1, channels, rows, side] });
}

/** To [height, width]: first along rows, then along columns, so that doing both at once gives the same numbers. */
const resized = (image: Tensor, height: number, width: number): Tensor =>
  image.size(2) === height && image.size(3) === width
    ? image
    : (callOperator('aten::_upsample_bilinear2d_aa', image, [height, width], false, null, null) as Tensor);

/** Bytes [channels, size, size]. */
export function toSquare(picture: Picture, size: number, channels: 1 | 3): Uint8Array {
  return scope(() => {
    const side = Math.min(picture.width, picture.height);
    const most = Math.max(1, Math.floor(STRIP / side));
    const strips: Tensor[] = [];
    for (let from = 0; from < side; from += most) {
      const rows = Math.min(most, side - from);
      strips.push(scope(() => resized(strip(picture, channels, from, rows), rows, size)));
    }
    return resized(cat(strips, 2), size, size).round().clamp(0, 255).to('uint8').contiguous().bytes();
  });
}
