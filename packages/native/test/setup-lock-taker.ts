// For the test of the setup's lock, a process of its own: takes the lock at PATH, says so, and holds it until its input ends.
import { writeSync } from 'node:fs';
import { takeLock } from '../lib/setup-lock.js';

const [path] = process.argv.slice(2) as [string];
await takeLock(path, () => {});
writeSync(1, 'taken\n');
process.stdin.resume().on('end', () => process.exit(0));
