// Where tensors and random streams are made that name no device: on the CPU, or where TSUMUGI_DEVICE says, so that a program
// (or a suite of tests) that names none runs elsewhere unchanged. What PyTorch's `torch.set_default_device` is for.
import type { Device } from './dtype.ts';
import { hasCuda, parseDevice } from './system.ts';

let chosen: Device | undefined;

/**
 * The device of what names none. Read once. Beside the names of devices TSUMUGI_DEVICE may be `meta`: tensors without memory,
 * with which tests see where things are made.
 *
 * @throws ConfigError for a device that is not there
 */
export function factoryDevice(): Device {
  if (chosen === undefined) {
    const name = process.env['TSUMUGI_DEVICE'] || 'cpu';
    chosen = name === 'meta' ? (name as Device) : parseDevice(name, 'TSUMUGI_DEVICE');
  }
  return chosen;
}

/** For commands that run a model: TSUMUGI_DEVICE, else CUDA when the libtorch has it and a device is there, else the CPU. */
export const defaultDevice = (): Device =>
  process.env['TSUMUGI_DEVICE'] ? factoryDevice() : parseDevice(hasCuda() ? 'cuda' : 'cpu');
