// A rank of several trainings of GANs, one after another: `node ranks.testing.ts FILE [resume]`, which has their settings as JSON. Writes what each
// came to, or the sentence of its error. With the setting `slow`, which is the test's, rank 1 is slow, and what the terminal shows is written, too.
import { readFileSync } from 'node:fs';
import { UserError } from '../base/index.ts';
import { openMesh, placeOf } from '../mesh/index.ts';
import { silent } from './gan.testing.ts';
import { losses } from './losses.ts';
import { type TrainGanOptions, trainGan } from './train.ts';
import type { GanConfig } from './train-config.ts';

const place = placeOf();
const mesh = place && (await openMesh(place));
const results: object[] = [];

const asleep = new Int32Array(new SharedArrayBuffer(4));
const sleepy: TrainGanOptions['loss'] = {
  name: 'sleepy',
  discriminator(...logits) {
    if (mesh?.rank === 1) Atomics.wait(asleep, 0, 0, 300);
    return losses.hinge.discriminator(...logits);
  },
  generator: losses.hinge.generator,
};

for (const { slow, ...config } of JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as (GanConfig & {
  slow?: true;
})[]) {
  const shown: string[] = [];
  const told = { write: (text: string) => shown.push(text) > 0 };
  const options = slow ? { stream: told, loss: sleepy } : { stream: silent };
  try {
    const result = await trainGan(config, { mesh, resume: process.argv[3] === 'resume', ...options });
    results.push({ ...result, ...(slow && { shown: shown.join('') }) });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    results.push({ error: error.message });
    break; // the others have been told that this rank gave up
  }
}
console.log(JSON.stringify(results));
mesh?.[Symbol.dispose]();
