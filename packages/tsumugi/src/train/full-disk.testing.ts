// For tests, before the ranks of a training (`node --import`): rank 1 cannot write anything larger than a line.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { writeSync } = fs;
const full = (...args: Parameters<typeof writeSync>): number => {
  const data: string | NodeJS.ArrayBufferView = args[1];
  if (Buffer.byteLength(data) > 1000)
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  return writeSync(...args);
};
if (process.env['RANK'] === '1') {
  fs.writeSync = full as typeof writeSync;
  syncBuiltinESMExports();
}
