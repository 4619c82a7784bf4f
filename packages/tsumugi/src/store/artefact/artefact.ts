// A model folder in the Hugging Face layout, which vLLM, Transformers and llama.cpp's converter read as well:
// `config.json`, `model.safetensors` (or shards with an index), `tokenizer.jsonl`, `tokenizer_config.json`,
// `generation_config.json`, and our `lineage.json`. It appears whole or not at all.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import {
  atOnce,
  DataError,
  explained,
  inSteps,
  invariant,
  StagedFolder,
  type Steps,
  sha256,
  sha256File,
  unlessBroken,
  writingAt,
} from '../../base/index.ts';
import { type Json, readJson, renderJson } from '../json.ts';
import {
  type Metadata,
  type NamedTensor,
  openSafetensors,
  type Safetensors,
  shardedSteps,
} from '../safetensors/index.ts';
import { CONFIG_FILE, GENERATION_CONFIG_FILE, LINEAGE_FILE, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE } from './files.ts';
import { HashedFiles } from './hashed-files.ts';
import { type Lineage, lineageOf, lineageSchema, type Provenance } from './lineage.ts';
import { notAModel } from './not-a-model.ts';
import { readTokenizerConfig } from './tokenizer-config.ts';

export type JsonObject = { readonly [key: string]: Json };

export interface ArtefactContent {
  config: JsonObject;
  tensors: Iterable<NamedTensor>;
  lineage: Provenance;
  /** The content of `tokenizer.jsonl`. */
  tokenizer?: string | Uint8Array | undefined;
  tokenizerConfig?: JsonObject | undefined;
  generationConfig?: JsonObject | undefined;
  /** Other files by name. */
  extra?: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** 5 GB unless given. */
  maxShardBytes?: number | undefined;
  /** Metadata of the safetensors files. */
  metadata?: Metadata | undefined;
}

/** What file managers leave in folders. */
const isLitter = (name: string): boolean => /^(\.DS_Store|\._.*|Thumbs\.db|desktop\.ini)$/i.test(name);

/**
 * Whether a folder is a model that tsumugi wrote, which it may replace; the name of what it holds besides, such as a file of
 * somebody's own or another model: that would be gone.
 */
export function isArtefact(folder: string): boolean | string {
  if (!existsSync(join(folder, CONFIG_FILE)) || !existsSync(join(folder, LINEAGE_FILE))) return false;
  const files = unlessBroken(() => readJson(join(folder, LINEAGE_FILE), lineageSchema))?.files;
  if (!files) return false;
  const other = readdirSync(folder)
    .sort()
    .find((name) => name !== LINEAGE_FILE && !Object.hasOwn(files, name) && !isLitter(name));
  return other ?? true;
}

/**
 * Writes a model folder. A model folder that tsumugi wrote (it has a `lineage.json`, and nothing but the files named there) is
 * replaced; the old one stays until the new one is complete. Returns what was recorded about it.
 *
 * @throws DataError when something else is at `folder`
 */
export function writeArtefact(folder: string, content: ArtefactContent): Lineage {
  return atOnce(artefactSteps(folder, content));
}

/** `writeArtefact` with a `pause` after each tensor; what that throws ends it, and nothing of it stays. */
export async function writeArtefactInSteps(
  folder: string,
  content: ArtefactContent,
  pause: (() => Promise<void>) | undefined,
): Promise<Lineage> {
  return await inSteps(artefactSteps(folder, content), pause);
}

function* artefactSteps(folder: string, content: ArtefactContent): Steps<Lineage> {
  try {
    using staged = new StagedFolder(folder, isArtefact);
    const lineage = yield* fill(staged.path, content);
    staged.commit();
    return lineage;
  } catch (error) {
    throw explained(error, folder);
  }
}

/** Writes the files of a model into a folder that is there. */
function* fill(folder: string, content: ArtefactContent): Steps<Lineage> {
  const files: Lineage['files'] = {};
  const add = (name: string, data: string | Uint8Array | undefined): void => {
    if (data === undefined) return;
    invariant(files[name] === undefined && /^[^/\\]+$/.test(name) && name !== LINEAGE_FILE, `artefact file "${name}"`);
    writeFileSync(join(folder, name), data);
    const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
    files[name] = { bytes, sha256: sha256(data) };
  };
  const json = (value: JsonObject | undefined) => value && renderJson(value);
  add(CONFIG_FILE, json(content.config));
  add(TOKENIZER_FILE, content.tokenizer);
  add(TOKENIZER_CONFIG_FILE, json(content.tokenizerConfig));
  add(GENERATION_CONFIG_FILE, json(content.generationConfig));
  for (const [name, data] of Object.entries(content.extra ?? {})) add(name, data);
  const { maxShardBytes, metadata } = content;
  const written = yield* shardedSteps(folder, content.tensors, {
    ...(maxShardBytes !== undefined && { maxShardBytes }),
    ...(metadata && { metadata }),
  });
  for (const { path, bytes, sha256: hash } of written) files[basename(path)] = { bytes, sha256: hash };
  return writeLineage(folder, content.lineage, files);
}

/** What `lineage.json` says of a folder, of a model or an adapter; undefined where there is none. */
export function readLineage(folder: string): Lineage | undefined {
  const path = join(folder, LINEAGE_FILE);
  return existsSync(path) ? readJson(path, lineageSchema) : undefined;
}

/** Writes `lineage.json` into a folder whose other files, in folders too, are there. `known` has what is known of some; the others are hashed. */
export function writeLineage(folder: string, provenance: Provenance, known: Lineage['files'] = {}): Lineage {
  const files = { ...known };
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    const found = statSync(path);
    if (!found.isDirectory()) files[name] ??= { bytes: found.size, sha256: sha256File(path) };
  }
  const lineage = lineageOf(provenance, files);
  const place = join(folder, LINEAGE_FILE);
  writingAt(place, () => writeFileSync(place, renderJson(lineage as unknown as Json)));
  return lineage;
}

/** A model folder, ours or published. Its files are read when they are asked for. */
export class Artefact {
  readonly path: string;

  /** @throws DataError when `path` is not a model folder */
  constructor(path: string) {
    this.path = path;
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found?.isDirectory() || !existsSync(join(path, CONFIG_FILE))) throw notAModel(path, found);
  }

  /** `config.json`, checked against a schema, or as it is. */
  config(): JsonObject;
  config<T>(schema: z.ZodType<T>): T;
  config(schema: z.ZodType = z.record(z.string(), z.json())): unknown {
    return readJson(join(this.path, CONFIG_FILE), schema);
  }

  /** The weights, memory-mapped; only headers are read. */
  weights(): Safetensors {
    return openSafetensors(this.path);
  }

  get hasTokenizer(): boolean {
    return existsSync(join(this.path, TOKENIZER_FILE));
  }

  /** The path of `tokenizer.jsonl`. @throws DataError when the folder has none. */
  get tokenizerPath(): string {
    const path = join(this.path, TOKENIZER_FILE);
    if (!this.hasTokenizer)
      throw new DataError('no-tokenizer', `${this.path} has no ${TOKENIZER_FILE}`, {
        remedy: `Copy the model's ${TOKENIZER_FILE} into the folder.`,
        fields: { path },
      });
    return path;
  }

  /** `tokenizer_config.json` with the chat template, or undefined when there is neither. */
  tokenizerConfig(): JsonObject | undefined {
    return readTokenizerConfig(this.path);
  }

  /** `generation_config.json`, or undefined when there is none. */
  generationConfig(): JsonObject | undefined {
    return this.#optional(GENERATION_CONFIG_FILE, z.record(z.string(), z.json()));
  }

  /** The content of its tokenizer and `generation_config.json`, as far as there are any: what goes with the weights. */
  companions(): Pick<ArtefactContent, 'tokenizer' | 'tokenizerConfig' | 'generationConfig'> {
    return {
      tokenizer: this.hasTokenizer ? readFileSync(this.tokenizerPath) : undefined,
      tokenizerConfig: this.tokenizerConfig(),
      generationConfig: this.generationConfig(),
    };
  }

  /** Where the model comes from; undefined for folders that tsumugi did not write. */
  lineage(): Lineage | undefined {
    return readLineage(this.path);
  }

  #optional<T>(name: string, schema: z.ZodType<T>): T | undefined {
    const path = join(this.path, name);
    return existsSync(path) ? readJson(path, schema) : undefined;
  }

  /** Hashes the folder's files by their content, `lineage.json` apart: equal hashes mean the same model. */
  hashed(): Promise<HashedFiles> {
    const names = readdirSync(this.path).filter(
      (name) => name !== LINEAGE_FILE && !name.startsWith('.') && statSync(join(this.path, name)).isFile(),
    );
    return HashedFiles.of(new Map(names.map((name) => [name, join(this.path, name)])));
  }

  /** The hash over all of them. */
  async hash(): Promise<string> {
    return (await this.hashed()).hash;
  }

  /** The files that are not what `lineage.json` says of them; none for folders that have no lineage. */
  changedFiles({ hashes }: HashedFiles): string[] {
    const lineage = this.lineage();
    if (!lineage) return [];
    const recorded = new Map(Object.entries(lineage.files).map(([name, file]) => [name, file.sha256]));
    return [...new Set([...recorded.keys(), ...hashes.keys()])].filter(
      (name) => recorded.get(name) !== hashes.get(name),
    );
  }
}
