// Tensors spread over several safetensors files, joined by `model.safetensors.index.json`; and finding them in a folder.
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { DataError, FormatError } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { decodeUtf8, readBytes, readJson } from '../json.ts';
import { duplicateKey } from './duplicate-keys.ts';
import type { Metadata, TensorInfo } from './header.ts';
import { noSuchTensor, type Safetensors, SafetensorsFile } from './reader.ts';

export const WEIGHTS_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** Reads `weight_map`: tensor → file name. */
function readIndex(path: string): Map<string, string> {
  const { weight_map: map } = readJson(path, indexSchema);
  const duplicate = duplicateKey(decodeUtf8(readBytes(path), path));
  if (duplicate) throw indexError('duplicate-key', path, duplicate.at(-1), 'is listed twice');
  const entries = Object.entries(map);
  for (const [tensor, file] of entries)
    if (!/^[^/\\\0]+\.safetensors$/.test(file))
      throw indexError(
        'bad-shard-name',
        path,
        tensor,
        `is said to be in ${JSON.stringify(file)}, which is not the name of a safetensors file in the same folder`,
      );
  return new Map(entries);
}

function indexError(code: string, path: string, tensor: string | undefined, problem: string): FormatError {
  return new FormatError(
    `safetensors-${code}`,
    `${path}: ${tensor === undefined ? '' : `tensor "${tensor}" `}${problem}`,
    {
      remedy: 'Fetch or make the index and its files again, together.',
      fields: { path, ...(tensor !== undefined && { tensor }) },
    },
  );
}

/** The files of an index, seen as one. All headers are read and checked against the index at once. */
export class ShardedSafetensors implements Safetensors {
  readonly path: string;
  readonly names: readonly string[];
  readonly metadata: Metadata;
  readonly #shardOf = new Map<string, SafetensorsFile>();
  readonly #shards: readonly SafetensorsFile[];

  constructor(path: string) {
    this.path = path;
    const index = readIndex(path);
    const shards = [...new Set(index.values())].sort().map((file) => {
      const place = join(dirname(path), file);
      if (!statSync(place, { throwIfNoEntry: false })?.isFile()) {
        const tensor = [...index].find(([, needed]) => needed === file)![0];
        throw indexError('missing-shard', path, tensor, `needs the file ${file}, which is not there`);
      }
      const shard = new SafetensorsFile(place);
      for (const name of shard.names) {
        const listed = index.get(name);
        if (listed !== file)
          throw indexError(
            'unlisted-tensor',
            path,
            name,
            `is in ${file}, but the index ${listed ? `says ${listed}` : 'does not list it'}`,
          );
        this.#shardOf.set(name, shard);
      }
      return shard;
    });
    for (const [name, file] of index)
      if (!this.#shardOf.has(name)) throw indexError('missing-tensor', path, name, `should be in ${file}, but is not`);
    this.#shards = shards;
    this.names = [...this.#shardOf.keys()];
    this.metadata = Object.assign({}, ...shards.map((shard) => shard.metadata).reverse());
  }

  has(name: string): boolean {
    return this.#shardOf.has(name);
  }

  info(name: string): TensorInfo {
    return this.#shard(name).info(name);
  }

  tensor(name: string): Tensor {
    return this.#shard(name).tensor(name);
  }

  #shard(name: string): SafetensorsFile {
    const shard = this.#shardOf.get(name);
    if (!shard) throw noSuchTensor(name, this.names, this.path);
    return shard;
  }

  close(): void {
    for (const shard of this.#shards) shard.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The one way in which `folder` holds weights: its index, its single file. */
function weightsOf(folder: string): string {
  const files = readdirSync(folder).filter((name) => name.endsWith('.safetensors') || name === INDEX_FILE);
  const [single, index] = [files.includes(WEIGHTS_FILE), files.includes(INDEX_FILE)];
  const fail = (code: string, problem: string, remedy: string) =>
    new DataError(code, `${folder} ${problem}`, { remedy, fields: { path: folder } });
  if (single && index)
    throw fail(
      'ambiguous-weights',
      `holds both ${WEIGHTS_FILE} and ${INDEX_FILE}, and only one can be meant`,
      'Name the one to read by its path, or remove the other.',
    );
  if (index) return join(folder, INDEX_FILE);
  if (single) return join(folder, WEIGHTS_FILE);
  if (files.length === 1) return join(folder, files[0]!);
  if (files.length === 0)
    throw fail('no-weights', 'holds no .safetensors file', 'Name a model folder, or a .safetensors file.');
  throw fail(
    'no-index',
    `holds ${files.length} .safetensors files (${files.slice(0, 3).join(', ')}${files.length > 3 ? ', …' : ''}) and no ${INDEX_FILE}`,
    'Fetch the index too, or name one of the files.',
  );
}

/**
 * Opens a `.safetensors` file, an index (`*.safetensors.index.json`), or the folder that holds one of them. Reads the
 * headers only; data is read when a tensor of it is touched.
 *
 * @throws DataError when there is nothing to open, FormatError (file and tensor in its fields) for a malformed file
 */
export function openSafetensors(path: string): Safetensors {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status)
    throw new DataError('no-such-file', `${path} does not exist`, { remedy: 'Check the path.', fields: { path } });
  const file = status.isDirectory() ? weightsOf(path) : path;
  return file.endsWith('.index.json') ? new ShardedSafetensors(file) : new SafetensorsFile(file);
}
