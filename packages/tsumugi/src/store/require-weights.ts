// A config.json says how large a network is, and may say anything; its weights are as large as their file. Who makes the
// network first and copies the weights into it looks at both before memory is taken.
import { CheckpointError } from '../base/index.ts';
import type { Safetensors } from './safetensors/index.ts';

/** @throws CheckpointError when the tensors whose names begin with `prefix` hold fewer numbers than `least` */
export function requireWeights(folder: string, weights: Safetensors, prefix: string, least: number): void {
  const names = weights.names.filter((name) => name.startsWith(prefix));
  const held = names.reduce((sum, name) => sum + weights.info(name).shape.reduce((a, b) => a * b, 1), 0);
  if (held >= least) return;
  const [asked, found] = [least, held].map((count) => count.toLocaleString('en'));
  throw new CheckpointError(
    'too-few-weights',
    `${folder}: config.json describes a network of at least ${asked} weights, the weights are ${found}`,
    { remedy: 'Check that config.json belongs to these weights.', fields: { folder, least, held } },
  );
}
