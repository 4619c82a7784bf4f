// By hand: a random checkpoint in the published 1B shape and sharding, loaded lazily, and run.
//   node tests/long/random-1b.ts [folder]      (needs 6 GB of disk and 8 GB of memory)
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  generateIds,
  initialWeights,
  loadModel,
  preset,
  publishedConfig,
  tensorShapes,
} from '../../packages/tsumugi/src/lm/index.ts';
import { numParameters } from '../../packages/tsumugi/src/nn/index.ts';
import { writeJson, writeSafetensors } from '../../packages/tsumugi/src/store/index.ts';

// Sizes of the published files, and what they must hold to be that large: matrices of MLP and Mamba, matrices of attention,
// the embedding, norms, Δ's projections, per-head constants, nothing.
const shards: { bytes: number; holds: RegExp }[] = [
  { bytes: 4060618320, holds: /mlp\.|in_proj|out_proj|bcdt_proj|conv1d/ },
  { bytes: 285214592, holds: /qkv_proj|o_proj/ },
  { bytes: 819200136, holds: /embed_tokens/ },
  { bytes: 621448, holds: /norm|q_weight|k_weight/ },
  { bytes: 131976, holds: /dt_proj/ },
  { bytes: 5296, holds: /dt_bias|A_log|\.D$/ },
  { bytes: 40, holds: /^$/ },
];

const folder = process.argv[2] ?? join(tmpdir(), 'tsumugi-random-1b');
const config = preset('1b');
const timed = <T>(what: string, body: () => T): T => {
  const began = performance.now();
  const result = body();
  const seconds = ((performance.now() - began) / 1000).toFixed(2);
  console.log(`${what}: ${seconds} s, resident ${(process.memoryUsage.rss() / 1e9).toFixed(2)} GB`);
  return result;
};

function write(): void {
  mkdirSync(folder, { recursive: true });
  const draw = initialWeights(0);
  const left = new Map(tensorShapes(config));
  const weightMap: Record<string, string> = {};
  for (const [index, { bytes, holds }] of shards.entries()) {
    const file = `model-${String(index + 1).padStart(5, '0')}-of-00007.safetensors`;
    const names = [...left.keys()].filter((name) => holds.test(name));
    for (const name of names) weightMap[name] = file;
    // One tensor at a time: the whole model never stands in memory.
    const tensors = names.map((name) => {
      const shape = left.get(name)!;
      left.delete(name);
      return [name, { dtype: 'float32', shape, read: () => draw(name, shape) }] as const;
    });
    writeSafetensors(join(folder, file), tensors);
    const written = statSync(join(folder, file)).size;
    console.log(`${file}: ${written} bytes (published: ${bytes}), ${names.length} tensors`);
  }
  writeJson(join(folder, 'model.safetensors.index.json'), { metadata: {}, weight_map: weightMap });
  writeJson(join(folder, 'config.json'), JSON.parse(JSON.stringify(publishedConfig(config))));
}

if (!existsSync(join(folder, 'config.json'))) timed('write', write);
using model = timed('load', () => loadModel(folder));
console.log(`${numParameters(model)} parameters`);
const prompt = [1, 6721];
timed('2 tokens, reading every weight for the first time', () => [...generateIds(model, prompt, { maxTokens: 2 })]);
const ids = timed('16 tokens', () => [...generateIds(model, prompt, { maxTokens: 16, temperature: 1, seed: 1 })]);
console.log(ids.join(' '));
