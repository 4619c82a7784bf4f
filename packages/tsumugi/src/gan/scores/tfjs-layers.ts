// Reads a tfjs layers model: `model.json` with binary shards, or the form in which npm's `nsfwjs` carries it, where the same
// JSON and each shard (in base64) are wrapped in scripts (`model.min.js`, `group1-shard1of6.min.js`).
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import {
  CheckpointError,
  DataError,
  decodeUtf8,
  FormatError,
  parseJson,
  readBytes,
  sha256,
  suggestion,
} from '../../base/index.ts';
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

/** The longest model.json that is read, in bytes: nsfwjs's has 178 thousand. */
const MAX_MODEL_BYTES = 64 * 2 ** 20;
const FETCH = 'The files do not belong together, or one was cut off: fetch them again.';

/** The file that holds a shard, whatever its form. @throws FormatError for a name that leads out of the folder */
function findShard(folder: string, name: string): string {
  const home = realpathSync(folder);
  const inside = (path: string) => path === home || path.startsWith(home + sep);
  if (name.includes('\0') || !inside(resolve(home, name)))
    throw new FormatError('outside', `${folder} names the weights "${name}", which lie outside the folder`, {
      remedy:
        'Weights are looked for in their folder alone: do not use this model, or correct the path in its model.json.',
      fields: { path: folder, name },
    });
  const found = [name, `${name}.bin`, `${name}.min.js`].map((each) => join(home, each)).find((path) => isFile(path));
  if (found === undefined)
    throw new DataError('no-such-file', `${folder} lacks the weights "${name}"`, {
      remedy: `Put ${name}, ${name}.bin or ${name}.min.js there.`,
      fields: { path: join(folder, name) },
    });
  if (!inside(realpathSync(found)))
    throw new FormatError('outside', `${join(folder, name)} is a link that leads out of ${folder}`, {
      remedy: 'Put the file itself in its place.',
      fields: { path: folder, name },
    });
  return found;
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** The bytes of a shard, of which a group may have as many as its weights need. */
function readShard(folder: string, name: string, most: number): Buffer {
  const path = findShard(folder, name);
  const { size } = statSync(path);
  // Of a script four characters are three bytes, and a few hundred are the wrapping.
  const isScript = path.endsWith('.min.js');
  if (size > (isScript ? Math.ceil(most / 3) * 4 + 4096 : most))
    throw new FormatError('wrong-length', `${path} has ${size} bytes, more than its weights need`, { remedy: FETCH });
  if (!isScript) return readFileSync(path);
  const text = exportedLiteral(readFileSync(path, 'utf8'), path);
  if (typeof text !== 'string')
    throw new FormatError('not-base64', `${path} does not hold a text in base64`, { remedy: FETCH });
  return Buffer.from(text, 'base64');
}

function readModel(folder: string): TfjsModel {
  const found = ['model.json', 'model.min.js'].map((name) => join(folder, name)).find((path) => isFile(path));
  if (found === undefined)
    throw new DataError('no-model', `${folder} holds no tfjs layers model`, {
      remedy: 'Give the folder with model.json, or with model.min.js (dist/models/inception_v3 of npm nsfwjs).',
      fields: { path: folder },
    });
  const text = decodeUtf8(readBytes(found, MAX_MODEL_BYTES), found);
  let value: unknown;
  try {
    value = found.endsWith('.js') ? exportedLiteral(text, found) : parseJson(text);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError('not-json', `${found} is not valid JSON: ${(cause as Error).message}`, {
      remedy: 'Fetch the model again.',
      fields: { path: found },
      cause,
    });
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

/** Bytes of a weight as it is stored. @throws FormatError for a dtype that is not read, or a size that cannot be */
function storedBytes({ name, shape, dtype: given, quantization }: TfjsWeight, folder: string): number {
  const dtype = quantization?.dtype ?? given;
  if (!Object.hasOwn(stored, dtype) || given !== 'float32')
    throw new FormatError('unknown-dtype', `${folder}: "${name}" is stored as ${dtype}`, {
      remedy: `Weights of float32 can be read, stored as ${Object.keys(stored).join(', ')}.`,
    });
  const bytes = numElements(shape) * stored[dtype as keyof typeof stored];
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new FormatError('wrong-length', `${folder}: "${name}" cannot have the shape [${shape.join(', ')}]`, {
    remedy: FETCH,
  });
}

/** @throws DataError for missing files, FormatError for what is no layers model */
export function readTfjsLayers(folder: string): TfjsLayers {
  const { modelTopology, weightsManifest } = readModel(folder);
  const places = new Map<string, TfjsWeight & { bytes: Uint8Array }>();
  const all: Buffer[] = [];
  for (const { paths, weights } of weightsManifest) {
    const lengths = weights.map((weight) => storedBytes(weight, folder));
    const needed = lengths.reduce((sum, length) => sum + length, 0);
    const data = Buffer.concat(paths.map((name) => readShard(folder, name, needed)));
    if (needed !== data.length)
      throw new FormatError(
        'wrong-length',
        `${folder}: the shards hold ${data.length} bytes, the weights need ${needed}`,
        { remedy: FETCH },
      );
    let place = 0;
    for (const [i, weight] of weights.entries()) {
      if (places.has(weight.name))
        throw new FormatError('twice', `${folder} holds the weight "${weight.name}" twice`, { remedy: FETCH });
      places.set(weight.name, { ...weight, bytes: data.subarray(place, place + lengths[i]!) });
      place += lengths[i]!;
    }
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
