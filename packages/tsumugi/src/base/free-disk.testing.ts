// For tests: a disk of another size.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { vi } from 'vitest';

/** What every disk has free, as Node tells it, until it is undone. */
export function withFree(bytes: number): Disposable {
  const real = fs.statfsSync(tmpdir());
  const spy = vi.spyOn(fs, 'statfsSync').mockReturnValue({ ...real, bsize: 1, bavail: bytes });
  syncBuiltinESMExports();
  const undo = () => {
    spy.mockRestore();
    syncBuiltinESMExports();
  };
  return { [Symbol.dispose]: undo };
}
