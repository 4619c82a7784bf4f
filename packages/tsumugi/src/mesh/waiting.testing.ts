// A rank of the test of failures: adds up numbers until something happens, as its argument says of the last rank: it "throws", "stops"
// (alive, but it comes no more), or goes on until it is killed.
import { setTimeout as sleep } from 'node:timers/promises';
import { openMesh, placeOf, reduceNumbers } from './index.ts';

const [, , what] = process.argv;
try {
  const mesh = await openMesh(placeOf()!);
  const isLast = mesh.rank === mesh.world - 1;
  try {
    for (let step = 0; ; step++) {
      reduceNumbers(mesh, [step]);
      if (step === 20) console.log('ready');
      if (step === 30 && isLast && what === 'throws') throw new Error('no room left here');
      if (step === 30 && isLast && what === 'stops') await sleep(6_000, undefined, { ref: true });
      await sleep(5);
    }
  } catch (error) {
    mesh.giveUp((error as Error).message);
    throw error;
  }
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
