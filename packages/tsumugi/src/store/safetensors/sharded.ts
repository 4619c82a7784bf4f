// Tensors spread over several safetensors files, joined by `model.safetensors.index.json`; and finding them in a folder.
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { absence, DataError, decodeUtf8, FormatError, readBytes } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { readJson } from '../json.ts';
import { duplicateKey } from './duplicate-keys.ts';
import type { Metadata, TensorInfo } from './header.ts';
import { noSuchTensor, type Safetensors, SafetensorsFile } from './reader.ts';

export const WEIGHTS_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/** A shard as the published checkpoints name it. */
export const isShard = (name: string): boolean => /^model-\d+-of-\d+\.safetensors$/.test(name);

const isMap = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((file) => typeof file === 'string');

const indexSchema = z.object({
  // Not z.record, which leaves out a tensor called "__proto__".
  weight_map: z.custom<Record<string, string>>(isMap, 'expected an object that gives each tensor its file'),
  metadata: z.looseObject({ total_size: z.number().optional() }).nullish(),
});

/** Reads `weight_map`: tensor → file name, and the size that the tensors should have together. */
function readIndex(path: string): { files: Map<string, string>; totalSize: number | undefined } {
  const { weight_map: map, metadata } = readJson(path, indexSchema);
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
  return { files: new Map(entries), totalSize: metadata?.total_size };
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
class ShardedSafetensors implements Safetensors {
  readonly path: string;
  readonly names: readonly string[];
  readonly metadata: Metadata;
  readonly #shardOf = new Map<string, SafetensorsFile>();
  readonly #shards: readonly SafetensorsFile[];

  constructor(path: string) {
    this.path = path;
    const { files: index, totalSize } = readIndex(path);
    const shards = [...new Set(index.values())].sort().map((file) => {
      const place = join(dirname(path), file);
      if (!statSync(place, { throwIfNoEntry: false })?.isFile()) {
        const tensor = [...index].find(([, needed]) => needed === file)![0];
        throw indexError('missing-shard', path, tensor, `needs the file ${file}, which ${absence(place).fault}`);
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
    this.metadata = Object.fromEntries(shards.toReversed().flatMap((shard) => Object.entries(shard.metadata)));
    // Every tensor and every shard's size was checked, so a wrong sum is worth a word and no more.
    const bytes = this.names.reduce((sum, name) => sum + this.info(name).bytes, 0);
    if (totalSize !== undefined && totalSize !== bytes)
      process.stderr.write(`warning: ${path} says that the tensors have ${totalSize} bytes; they have ${bytes}\n`);
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

  elements(name: string, start: number, count: number): Tensor {
    return this.#shard(name).elements(name, start, count);
  }

  releasePages(): void {
    for (const shard of this.#shards) shard.releasePages();
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
  // Hidden files are other programs' bookkeeping, such as the "._…" that macOS leaves on foreign disks.
  const files = readdirSync(folder)
    .filter((name) => !name.startsWith('.') && (name.endsWith('.safetensors') || name === INDEX_FILE))
    .sort();
  const [single, index] = [files.includes(WEIGHTS_FILE), files.includes(INDEX_FILE)];
  const fail = (code: string, problem: string, remedy: string) =>
    new DataError(code, `${folder} ${problem}`, { remedy, fields: { path: folder } });
  if (single && index)
    throw fail(
      'ambiguous-weights',
      `holds both ${WEIGHTS_FILE} and ${INDEX_FILE}, and only one can be meant`,
      `Move the one that is not meant, with its shards, to another folder.`,
    );
  const shards = files.filter(isShard);
  if (single && shards.length > 0)
    throw fail(
      'ambiguous-weights',
      `holds both ${WEIGHTS_FILE} and shards without an index (${listed(shards)}), and only one can be meant`,
      `Move ${WEIGHTS_FILE} or the shards to another folder; shards need their ${INDEX_FILE} too.`,
    );
  if (index) {
    const needed = new Set(readIndex(join(folder, INDEX_FILE)).files.values());
    // The published 1B checkpoint has a shard without tensors, which its index has no reason to name.
    const extra = shards.filter((name) => !needed.has(name) && holdsTensors(join(folder, name)));
    if (extra.length === 0) return join(folder, INDEX_FILE);
    throw fail(
      'unlisted-shard',
      `holds ${listed(extra)}, which ${INDEX_FILE} does not name`,
      'Get the index that belongs to the shards, or move the files it does not name to another folder.',
    );
  }
  if (single) return join(folder, WEIGHTS_FILE);
  if (files.length === 1) return join(folder, files[0]!);
  if (files.length === 0) {
    const other = readdirSync(folder).find((name) => /\.(bin|pt|pth|ckpt|gguf|npz|h5|msgpack)$/.test(name));
    throw fail(
      'no-weights',
      `holds no .safetensors file${other === undefined ? '' : `, but ${other}, which is not read`}`,
      other === undefined
        ? `Put ${WEIGHTS_FILE} into it, or the shards and their ${INDEX_FILE}.`
        : 'Get the model as safetensors.',
    );
  }
  throw fail(
    'no-index',
    `holds ${files.length} .safetensors files (${listed(files)}) and no ${INDEX_FILE}`,
    'Fetch the index too; or, if one file holds the whole model, move the others to another folder.',
  );
}

function holdsTensors(path: string): boolean {
  using file = new SafetensorsFile(path);
  return file.names.length > 0;
}

const listed = (names: readonly string[]) => `${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}`;

/**
 * Opens a `.safetensors` file, an index (`*.safetensors.index.json`), or the folder that holds one of them. Reads the
 * headers only; data is read when a tensor of it is touched.
 *
 * @throws DataError when there is nothing to open, FormatError (file and tensor in its fields) for a malformed file
 */
export function openSafetensors(path: string): Safetensors {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status) {
    const { fault, remedy } = absence(path);
    throw new DataError('no-such-file', `${path} ${fault}`, { remedy, fields: { path } });
  }
  const file = status.isDirectory() ? weightsOf(path) : path;
  return file.endsWith('.index.json') ? new ShardedSafetensors(file) : new SafetensorsFile(file);
}
