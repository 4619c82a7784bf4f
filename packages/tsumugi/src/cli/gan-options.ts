// Options that the commands of `tsumugi gan` share.
import { modelOptions } from './model-options.ts';

export const ganOptions = {
  device: modelOptions.device,
  seed: { type: 'integer', min: 0, default: 0, help: 'of the noise' },
  json: { type: 'boolean', help: 'print the result as JSON' },
  data: { type: 'string', value: 'NAME', help: 'cifar-10, mnist, fashion-mnist, or the path of a folder' },
} as const;
