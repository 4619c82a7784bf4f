// Explicit random streams. Nothing in tsumugi draws from a hidden global one: a stream is made from a seed, passed on,
// and its state can be saved and restored bit for bit.
import type { GeneratorHandle } from '@tsumugi/native';
import { checkSeed, streamUsed } from '../base/index.ts';
import type { Device } from './dtype.ts';
import { native } from './native.ts';

export class Rng {
  readonly device: Device;
  readonly #native: GeneratorHandle;

  constructor(seed: number, device: Device = 'cpu') {
    this.device = device;
    this.#native = native().generator(device, checkSeed(seed));
  }

  /** For operators that draw from it. */
  get native(): GeneratorHandle {
    streamUsed(this);
    return this.#native;
  }

  /** The state, for checkpoints (5,056 bytes on the CPU). */
  get state(): Uint8Array {
    return new Uint8Array(native().generatorState(this.native));
  }

  set state(bytes: Uint8Array) {
    native().setGeneratorState(this.native, bytes);
  }
}
