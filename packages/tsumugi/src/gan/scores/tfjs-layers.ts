// Reads a tfjs layers model: `model.json` with binary shards, or the form in which npm's `nsfwjs` carries it, where the same
// JSON and each shard (in base64) are wrapped in scripts (`model.min.js`, `group1-shard1of6.min.js`).
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointError, DataError, FormatError, sha256, suggestion } from '../../base/index.ts';
import { fromBytes, numElements, scope, type Tensor } from '../../torch/index.ts';
import { exportedLiteral } from './js-literal.ts';
import { type TfjsLayer, type TfjsModel, type TfjsWeight, tfjsModelSchema } from './tfjs-manifest.ts';

const stored = { uint8: 1, uint16: 2, float32: 4 } as const;

export interface TfjsLayers {
  readonly layers: readonly TfjsLayer[];
  /** SHA-256 of what the weights are and of their bytes, the same for both forms. */
  readonly hash: string;
  has(name: string): boolean;
  /** A weight in float32, laid out as Keras has it. @throws CheckpointError with the nearest name when there is none */
  weight(name: string): Tensor;
}

/** The bytes of a shard, from whichever form of it the folder holds. */
function readShard(folder: string, name: string): Buffer {
  const binary = [name, `${name}.bin`].map((each) => join(folder, each)).find((path) => existsSync(path));
  if (binary !== undefined) return readFileSync(binary);
  const script = join(folder, `${name}.min.js`);
  if (!existsSync(script))
    throw new DataError('no-such-file', `${folder} lacks the weights "${name}"`, {
      remedy: `Put ${name}, ${name}.bin or ${name}.min.js there.`,
      fields: { path: join(folder, name) },
    });
  const text = exportedLiteral(readFileSync(script, 'utf8'), script);
  if (typeof text !== 'string') throw new FormatError('not-base64', `${script} does not hold a text in base64`);
  return Buffer.from(text, 'base64');
}

function readModel(folder: string): TfjsModel {
  const found = ['model.json', 'model.min.js'].map((name) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined)
    throw new DataError('no-model', `${folder} holds no tfjs layers model`, {
      remedy: 'Give the folder with model.json, or with model.min.js (dist/models/inception_v3 of npm nsfwjs).',
      fields: { path: folder },
    });
  const text = readFileSync(found, 'utf8');
  let value: unknown;
  try {
    value = found.endsWith('.js') ? exportedLiteral(text, found) : JSON.parse(text);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError('not-json', `${found} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = tfjsModelSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FormatError(
    'not-a-layers-model',
    `${found} is no layers model: "${issue!.path.join('.')}" ${issue!.message}`,
    {
      remedy: 'A "graph-model" cannot be read; give a model saved as layers.',
      fields: { path: found },
      cause: parsed.error,
    },
  );
}

/** @throws DataError for missing files, FormatError for what is no layers model */
export function readTfjsLayers(folder: string): TfjsLayers {
  const { modelTopology, weightsManifest } = readModel(folder);
  const places = new Map<string, TfjsWeight & { bytes: Uint8Array }>();
  const all: Buffer[] = [];
  for (const { paths, weights } of weightsManifest) {
    const data = Buffer.concat(paths.map((name) => readShard(folder, name)));
    let place = 0;
    for (const weight of weights) {
      const dtype = weight.quantization?.dtype ?? weight.dtype;
      if (!(dtype in stored) || weight.dtype !== 'float32')
        throw new FormatError('unknown-dtype', `${folder}: "${weight.name}" is stored as ${dtype}`, {
          remedy: `Weights of float32 can be read, stored as ${Object.keys(stored).join(', ')}.`,
        });
      const length = numElements(weight.shape) * stored[dtype as keyof typeof stored];
      places.set(weight.name, { ...weight, bytes: data.subarray(place, place + length) });
      place += length;
    }
    if (place !== data.length)
      throw new FormatError(
        'wrong-length',
        `${folder}: the shards hold ${data.length} bytes, the weights need ${place}`,
        {
          remedy: 'The files do not belong together, or one was cut off: fetch them again.',
        },
      );
    all.push(data);
  }
  const specs = weightsManifest.map(({ weights }) => weights);
  return {
    layers: modelTopology.model_config.config.layers,
    hash: sha256(Buffer.concat([Buffer.from(JSON.stringify(specs)), ...all])),
    has: (name) => places.has(name),
    weight(name) {
      const found = places.get(name);
      if (!found)
        throw new CheckpointError('no-such-tensor', `${folder} holds no weight "${name}"`, {
          remedy: suggestion(name, places.keys()),
          fields: { path: name, file: folder },
        });
      return dequantize(found);
    },
  };
}

function dequantize({ quantization, shape, bytes }: TfjsWeight & { bytes: Uint8Array }): Tensor {
  if (!quantization) return fromBytes(bytes, 'float32', shape);
  const { dtype, scale, min } = quantization;
  return scope(() => {
    // There is no unsigned 16-bit tensor: JavaScript widens those.
    const wide =
      dtype === 'uint16'
        ? fromBytes(Int32Array.from(new Uint16Array(Uint8Array.from(bytes).buffer)), 'int32', shape)
        : fromBytes(bytes, 'uint8', shape);
    return wide.to('float64').mul(scale).add(min).to('float32');
  });
}
