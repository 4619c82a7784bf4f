// Handing tensors to the peer: a safetensors file in a temporary folder, gone when it has been read.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NamedTensor, writeSafetensors } from 'tsumugi/store';

/** Writes the tensors, waits for what `use` does with the file, and removes it. */
export async function withTensorFile<T>(tensors: Iterable<NamedTensor>, use: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tsumugi-bench-'));
  try {
    const path = join(folder, 'tensors.safetensors');
    writeSafetensors(path, tensors);
    return await use(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Fails when the peer does not do the same: then its speed is no comparison.
 *
 * @param tolerance the largest relative difference of two numbers (losses, norms of gradients)
 */
export function checkSame(name: string, ours: readonly number[], peer: readonly number[], tolerance: number): void {
  const differences = ours.map((loss, i) => Math.abs(loss - peer[i]!) / Math.abs(loss));
  if (ours.length === peer.length && differences.every((difference) => difference <= tolerance)) return;
  throw new Error(`${name}: the peer has ${peer.join(', ')}, we have ${ours.join(', ')}: this is not the same model`);
}
