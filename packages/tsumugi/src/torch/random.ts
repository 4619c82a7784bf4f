// Random streams. One is made from a seed and passed on, and its state can be saved and restored bit for bit. tsumugi itself
// passes one everywhere; a program that passes none draws from the default one of the device, and is told so once.
import type { GeneratorHandle } from '@tsumugi/native';
import { checkSeed, kindOf, streamUsed, UserError } from '../base/index.ts';
import { factoryDevice } from './default-device.ts';
import type { Device } from './dtype.ts';
import { native } from './native.ts';

export class Rng {
  readonly device: Device;
  readonly #native: GeneratorHandle;

  constructor(seed: number, device: Device = factoryDevice()) {
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

let defaultSeed = 0;
let isChosen = false;
const defaults = new Map<Device, Rng>();

/**
 * The stream of `manualSeed`, one for each device: what layers and factories draw from that are given none. Before any
 * `manualSeed` its seed is 0, so that a program gives the same numbers each time, and its first use is announced on standard error.
 */
export function defaultRng(device: Device = factoryDevice()): Rng {
  // Tensors say "cuda:0" where people say "cuda": two streams of one seed would give the same numbers twice.
  const place = device === 'cuda' ? 'cuda:0' : device;
  let rng = defaults.get(place);
  if (!rng) {
    if (!isChosen) announce();
    rng = new Rng(defaultSeed, place);
    defaults.set(place, rng);
  }
  return rng;
}

/** Sets the default stream of every device back to a seed, as PyTorch's `manual_seed`. Returns the one of the CPU. */
export function manualSeed(seed: number): Rng {
  defaultSeed = checkSeed(seed);
  isChosen = true;
  defaults.clear();
  return defaultRng();
}

function announce(): void {
  isChosen = true; // once
  process.emitWarning('random numbers come from the default stream with seed 0', {
    type: 'TsumugiWarning',
    code: 'default-rng',
    detail: 'Choose a seed with manualSeed(seed), or pass a stream: { rng: new Rng(seed) }.',
  });
}

/** What an operator on a tensor draws from: the stream it is given, or the default one. */
export const nativeRng = (rng: Rng | null | undefined, target: { readonly device: Device }): GeneratorHandle =>
  (rng === undefined || rng === null ? defaultRng(target.device) : checkRng('rng', rng)).native;

/** @throws UserError for what is no stream: libtorch would draw from a hidden one of its own */
export function checkRng(owner: string, rng: unknown): Rng {
  if (rng instanceof Rng) return rng;
  throw new UserError('bad-rng', `${owner}: the random stream must be an Rng, got ${kindOf(rng)}`, {
    remedy: 'Make one of a seed: new Rng(0).',
  });
}
