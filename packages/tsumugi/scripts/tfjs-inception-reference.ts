// TensorFlow.js as the reference for our InceptionV3. It runs Keras's own graph, as npm nsfwjs carries it, and prints
// - with seeded weights: the numbers that gan/scores/inception.test.ts compares with;
// - with nsfwjs's weights: how far our features of a 299×299 picture are from its own.
//
//   npm install --prefix FOLDER @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 nsfwjs@4.3.0
//   node packages/tsumugi/scripts/tfjs-inception-reference.ts FOLDER
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { InceptionV3 } from '../src/gan/scores/inception-v3.ts';
import { tfjsInception } from '../src/gan/scores/inception-weights.ts';
import { exportedLiteral } from '../src/gan/scores/js-literal.ts';
import { picture, seededInception } from '../src/gan/scores/scores.testing.ts';
import { scope, tensor } from '../src/torch/index.ts';

const folder = resolve(process.argv[2] ?? '.');
const modelFolder = join(folder, 'node_modules/nsfwjs/dist/models/inception_v3');
const require = createRequire(join(folder, 'package.json'));
const tf = require('@tensorflow/tfjs');
require('@tensorflow/tfjs-backend-wasm');
await tf.setBackend('wasm');

const literal = (name: string) => {
  const path = join(modelFolder, `${name}.min.js`);
  return exportedLiteral(readFileSync(path, 'utf8'), path);
};

interface Model {
  modelTopology: {
    model_config: { config: { layers: { name: string; config: Record<string, unknown> }[]; output_layers: unknown } };
  };
  weightsManifest: { paths: string[]; weights: unknown[] }[];
}

/** Features by TensorFlow.js: the graph up to `output`, its mean over all places. */
async function reference(size: number, output: string, weightSpecs: unknown, bytes: Uint8Array): Promise<Float32Array> {
  const { modelTopology } = literal('model') as unknown as Model;
  const { config } = modelTopology.model_config;
  config.layers[0]!.config['batch_input_shape'] = [null, size, size, 3];
  config.layers.splice(config.layers.findIndex(({ name }) => name === output) + 1);
  config.output_layers = [[output, 0, 0]];
  const weightData = Uint8Array.from(bytes).buffer;
  const model = await tf.loadLayersModel({ load: async () => ({ modelTopology, weightSpecs, weightData }) });
  return model
    .predict(tf.tensor4d(picture(size), [1, size, size, 3]))
    .mean([1, 2])
    .data();
}

const { specs, bytes } = seededInception();
const seeded = await reference(139, 'mixed10', specs, bytes);
console.log('seeded weights, 139×139, every 128th feature:');
console.log(JSON.stringify(Array.from(seeded.filter((_, i) => i % 128 === 0))));
console.log('norm of all:', Math.hypot(...seeded));

const [{ paths, weights }] = (literal('model') as unknown as Model).weightsManifest as [Model['weightsManifest'][0]];
const shards = Buffer.concat(paths.map((path) => Buffer.from(literal(path) as string, 'base64')));
const isConvolutional = ({ name }: { name: string }) => /^(?:conv2d|batch_normalization)_/.test(name);
const kept = (weights as { name: string }[]).filter(isConvolutional);
// They stand first in the shards.
if (kept.some((weight, i) => weight !== weights[i])) throw new Error('the weights are in another order');
const theirs = await reference(299, 'mixed10', kept, shards);
using network = new InceptionV3(tfjsInception(modelFolder).layers, {
  averageCountsPadding: false,
  lastPool: 'average',
});
const ours = scope(() =>
  network.features(tensor(picture(299), { shape: [1, 299, 299, 3] }).permute([0, 3, 1, 2])).data(),
) as Float32Array;
const distance = Math.hypot(...ours.map((value, i) => value - theirs[i]!));
console.log('nsfwjs, 299×299: relative distance of ours', distance / Math.hypot(...theirs));
