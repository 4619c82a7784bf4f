// For tests, before the ranks of a training (`node --import`): a large write of rank 1 takes longer than the others wait.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { writeSync } = fs;
const late = (...args: Parameters<typeof writeSync>): number => {
  const data: string | NodeJS.ArrayBufferView = args[1];
  if (Buffer.byteLength(data) > 10_000) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15_000);
  return writeSync(...args);
};
if (process.env['RANK'] === '1') {
  fs.writeSync = late as typeof writeSync;
  syncBuiltinESMExports();
}
