// A rank of several small trainings, one after another: `node steps-ranks.testing.ts SETTINGS`, with the settings of each as JSON. Writes what each came to.
import { openMesh, placeOf } from '../mesh/index.ts';
import { type StepsSettings, takeSteps } from './steps.testing.ts';

using mesh = await openMesh(placeOf()!);
const all = JSON.parse(process.argv[2]!) as StepsSettings[];
console.log(JSON.stringify(all.map((settings) => takeSteps(mesh, settings))));
