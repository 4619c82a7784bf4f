// Gray pictures of 84 × 84 (Mnih et al. 2015), channels first.
import { checkNumber, UserError } from '../../base/index.ts';
import type { Environment } from '../environment.ts';
import { Box } from '../spaces/index.ts';
import { AreaResize } from './area-resize.ts';
import { type Pixels, pixelsOf } from './pixels.ts';
import { Wrapper } from './wrapper.ts';

/** Of RGB [height, width, 3], or of gray [height, width] or [height, width, 1]. */
export class WarpFrame extends Wrapper<Pixels> {
  readonly #resize: AreaResize;
  readonly #pixels: number;
  readonly #isRgb: boolean;

  constructor(inner: Environment<Pixels>, size = 84) {
    const { shape } = pixelsOf('WarpFrame', inner);
    const [height, width, channels = 1] = shape;
    if (width === undefined || shape.length > 3 || (channels !== 3 && channels !== 1))
      throw new UserError(
        'bad-space',
        `WarpFrame: pictures are [height, width, 3] or [height, width], those of ${inner.id} are [${shape.join(', ')}]`,
      );
    checkNumber('WarpFrame', 'size', size, { min: 1, whole: true });
    super(inner, { observation: new Box(0, 255, [1, size, size], 'uint8') });
    this.#resize = new AreaResize({ width, height: height! }, { width: size, height: size });
    this.#pixels = width * height!;
    this.#isRgb = channels === 3;
  }

  protected override observe(frame: Pixels): Pixels {
    return this.#resize.resize(this.#isRgb ? grayOf(frame, this.#pixels) : frame);
  }
}

/** Rec. 601 in whole numbers of 15 bits, as OpenCV has it. */
function grayOf(rgb: Pixels, pixels: number): Pixels {
  const gray = new Uint8Array(pixels);
  for (let i = 0, at = 0; i < pixels; i++, at += 3)
    gray[i] = (9798 * rgb[at]! + 19235 * rgb[at + 1]! + 3735 * rgb[at + 2]! + 16384) >> 15;
  return gray;
}
