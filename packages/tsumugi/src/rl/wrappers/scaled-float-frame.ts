// Pixels as float32 between 0 and 1: four times the memory. Networks of pixels scale them by themselves.
import type { Environment } from '../environment.ts';
import { Box } from '../spaces/index.ts';
import { type Pixels, pixelsOf } from './pixels.ts';
import { Wrapper } from './wrapper.ts';

export class ScaledFloatFrame extends Wrapper<Float32Array, Pixels> {
  constructor(inner: Environment<Pixels>) {
    super(inner, { observation: new Box(0, 1, pixelsOf('ScaledFloatFrame', inner).shape) });
  }

  protected override observe(pixels: Pixels): Float32Array {
    return Float32Array.from(pixels, (x) => x / 255);
  }
}
