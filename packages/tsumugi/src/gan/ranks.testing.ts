// A rank of several trainings of GANs, one after another: `node ranks.testing.ts FILE [resume]`, which has their settings as JSON. Writes what each
// came to, or the sentence of its error.
import { readFileSync } from 'node:fs';
import { UserError } from '../base/index.ts';
import { openMesh, placeOf } from '../mesh/index.ts';
import { silent } from './gan.testing.ts';
import { trainGan } from './train.ts';
import type { GanConfig } from './train-config.ts';

const place = placeOf();
const mesh = place && (await openMesh(place));
const results: object[] = [];
for (const config of JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as GanConfig[]) {
  try {
    results.push(await trainGan(config, { mesh, stream: silent, resume: process.argv[3] === 'resume' }));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    results.push({ error: error.message });
    break; // the others have been told that this rank gave up
  }
}
console.log(JSON.stringify(results));
mesh?.[Symbol.dispose]();
