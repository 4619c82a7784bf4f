// For the kill test: saves checkpoints in a loop until it is killed, and says on standard output when each is complete.
// Run as `node killed-writer.testing.ts FOLDER`.
import { writeSync } from 'node:fs';
import { full, scope } from '../../torch/index.ts';
import { cleanCheckpoints, loadLatestCheckpoint, pruneCheckpoints, saveCheckpoint } from './index.ts';

const folder = process.argv[2]!;
cleanCheckpoints(folder);
let step = 0;
{
  using latest = loadLatestCheckpoint(folder);
  if (latest) step = latest.step + 1;
}
for (; ; step++) {
  scope(() => {
    const weights = full([200, 100], step);
    saveCheckpoint(folder, step, {
      tensors: { model: [['w', weights]], optimizer: [['w.m', weights], ['w.v', weights]] }, // biome-ignore format: pairs
      state: { step, random: Uint8Array.of(step & 255) },
      score: (step * 7919) % 101,
    });
  });
  // Synchronous, so that what was announced has been announced before a kill.
  writeSync(1, `${step}\n`);
  pruneCheckpoints(folder, { keepLast: 2, best: 'lowest' });
}
