// For the test of locks, a process of its own: takes the lock of round r in FOLDER as soon as `go-r` is there, and prints
// what came of it; never lets go.
import { existsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Lock } from './lock.ts';

const [folder, rounds] = process.argv.slice(2) as [string, string];
writeSync(1, 'ready\n');
for (let round = 0; round < Number(rounds); round++) {
  while (!existsSync(join(folder, `go-${round}`)));
  let outcome = 'taken';
  try {
    new Lock(join(folder, `lock-${round}`), 'the folder');
  } catch (error) {
    outcome = (error as { code?: string }).code ?? String(error);
  }
  writeSync(1, `${outcome}\n`);
}
