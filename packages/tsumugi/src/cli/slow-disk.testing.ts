// For tests, before a command (`node --import`): every write takes a while, so that a signal finds even a small model half-written.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const MILLISECONDS = 20;
const { writeSync } = fs;

const slowly = (...args: Parameters<typeof writeSync>): number => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, MILLISECONDS);
  return writeSync(...args);
};
fs.writeSync = slowly as typeof writeSync;
syncBuiltinESMExports();
