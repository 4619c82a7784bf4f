// Reading token shards: which documents there are, and the tokens of each, mapped into memory file by file on first use.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkOptions, contentHash, DataError, FormatError, sha256 } from '../base/index.ts';
import { DOCUMENT_FIELDS, DOCUMENTS_FILE, type Manifest, readManifest, type Split } from './manifest.ts';
import { type MappedTokens, mapTokens } from './map-tokens.ts';
import { type MappedFiles, type MappedPlace, mappedFiles } from './mapped-files.ts';

export interface OpenShardsOptions {
  /** SHA-256 of the tokenizer's file that the shards must have been made with. */
  tokenizerHash?: string;
  /** How a file becomes an array. */
  map?: (path: string) => MappedTokens;
  /** Which files are mapped, of all folders that are opened with it: 1,024 at most unless given. */
  files?: MappedFiles;
}

const REMEDY = 'remove the folder and prepare the text again';

/** Documents of a prepared folder, by number (0 is the first that was written). */
export class TokenShards implements Disposable {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly #index: Uint32Array;
  /** Token offset of each document over all shards, and the end. */
  readonly #starts: Float64Array;
  /** First token of each shard over all shards, and the end. */
  readonly #shardStarts: number[];
  readonly #map: (path: string) => MappedTokens;
  readonly #files: MappedFiles;
  readonly #places: MappedPlace[];

  private constructor(
    folder: string,
    manifest: Manifest,
    index: Uint32Array,
    { map = mapTokens, files = mappedFiles }: OpenShardsOptions,
  ) {
    this.folder = folder;
    this.manifest = manifest;
    this.#index = index;
    this.#map = map;
    this.#files = files;
    this.#places = manifest.shards.map(() => ({ mapped: undefined }));
    this.#shardStarts = [0];
    for (const shard of manifest.shards) this.#shardStarts.push(this.#shardStarts.at(-1)! + shard.tokens);
    this.#starts = new Float64Array(index.length / DOCUMENT_FIELDS + 1);
    for (let i = 0; i < this.length; i++) this.#starts[i + 1] = this.#starts[i]! + this.documentLength(i);
  }

  /**
   * Opens a folder written by `prepare`. Sizes and the index are checked here, the tokens themselves by `verify`: a DataError
   * when there are no shards or they fit another tokenizer, a FormatError when a file is cut off or foreign.
   */
  static open(folder: string, options: OpenShardsOptions = {}): TokenShards {
    checkOptions('TokenShards.open', options, { tokenizerHash: true, map: true, files: true });
    const manifest = readManifest(folder);
    const { tokenizerHash } = options;
    if (tokenizerHash !== undefined && tokenizerHash !== manifest.tokenizer.sha256) {
      throw new DataError('other-tokenizer', `the token shards in ${folder} were made with another tokenizer`, {
        remedy: 'Prepare the text again with the tokenizer of this model.',
        fields: { folder, expected: tokenizerHash, found: manifest.tokenizer.sha256 },
      });
    }
    for (const shard of manifest.shards) expectSize(join(folder, shard.file), 4 * shard.tokens);
    const index = readIndex(folder, manifest);
    return new TokenShards(folder, manifest, index, options);
  }

  /** Number of documents of both splits. */
  get length(): number {
    return this.#index.length / DOCUMENT_FIELDS;
  }

  /** The numbers of a split's documents, ascending. */
  documents(split: Split): Uint32Array {
    const wanted = split === 'heldOut' ? 1 : 0;
    const numbers = new Uint32Array(this.manifest[split].documents);
    let filled = 0;
    for (let i = 0; i < this.length; i++) if (this.#index[DOCUMENT_FIELDS * i + 2] === wanted) numbers[filled++] = i;
    return numbers;
  }

  /** Tokens of a document, its BOS included. */
  documentLength(document: number): number {
    return this.#index[DOCUMENT_FIELDS * document]!;
  }

  /** Unicode characters of a document's text. */
  documentCharacters(document: number): number {
    return this.#index[DOCUMENT_FIELDS * document + 1]!;
  }

  /** A document's tokens, the first of them BOS: a view that is valid until the shards are disposed. */
  documentTokens(document: number): Uint32Array {
    const start = this.#starts[document]!;
    const shard = this.#shardOf(start);
    const path = () => join(this.folder, this.manifest.shards[shard]!.file);
    const { tokens } = this.#files.use(this.#places[shard]!, () => this.#map(path()));
    const from = start - this.#shardStarts[shard]!;
    return tokens.subarray(from, from + this.documentLength(document));
  }

  /** The shard that holds the token at `offset` over all shards. */
  #shardOf(offset: number): number {
    let [low, high] = [0, this.#shardStarts.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#shardStarts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  /**
   * Compares the SHA-256 of every shard file with the manifest's; a FormatError names the first that differs. What is returned
   * tells these documents, tokens and splits from all others.
   */
  async verify(): Promise<string> {
    for (const shard of this.manifest.shards) {
      const path = join(this.folder, shard.file);
      const found = await contentHash(path);
      if (found === shard.sha256) continue;
      throw new FormatError('shard-content', `${path} is not what its manifest says: its SHA-256 differs`, {
        remedy: REMEDY,
        fields: { path, expected: shard.sha256, found },
      });
    }
    const { tokenizer, documents, shards } = this.manifest;
    return sha256(JSON.stringify([tokenizer.sha256, documents, shards.map((shard) => shard.sha256)]));
  }

  [Symbol.dispose](): void {
    for (const place of this.#places) this.#files.release(place);
  }
}

function expectSize(path: string, bytes: number): void {
  const found = statSync(path, { throwIfNoEntry: false })?.size;
  if (found === bytes) return;
  throw new FormatError(
    'shard-size',
    `${path} should hold ${bytes} bytes but ${found === undefined ? 'is missing' : `holds ${found}`}`,
    {
      remedy: REMEDY,
      fields: { path, expected: bytes, found },
    },
  );
}

/** Reads `documents.bin` and checks it against the manifest: its hash, its sums for both splits, and the shards' edges. */
function readIndex(folder: string, manifest: Manifest): Uint32Array {
  const path = join(folder, DOCUMENTS_FILE);
  expectSize(path, 4 * DOCUMENT_FIELDS * (manifest.train.documents + manifest.heldOut.documents));
  const bytes = readFileSync(path);
  const wrong = (reason: string) =>
    new FormatError('document-index', `${path} does not fit its manifest: ${reason}`, {
      remedy: REMEDY,
      fields: { path },
    });
  if (sha256(bytes) !== manifest.documents) throw wrong('its SHA-256 differs');
  const index = new Uint32Array(new Uint8Array(bytes).buffer);
  const sums = [manifest.train, manifest.heldOut].map((totals) => ({ ...totals }));
  const edges = new Set<number>();
  let offset = 0;
  for (const shard of manifest.shards) {
    offset += shard.tokens;
    edges.add(offset);
  }
  let end = 0;
  for (let at = 0; at < index.length; at += DOCUMENT_FIELDS) {
    const sum = sums[index[at + 2]!];
    if (!sum) throw wrong('a document belongs to no split');
    sum.documents -= 1;
    sum.tokens -= index[at]!;
    sum.characters -= index[at + 1]!;
    end += index[at]!;
    edges.delete(end);
  }
  if (sums.some((sum) => sum.documents !== 0 || sum.tokens !== 0 || sum.characters !== 0))
    throw wrong('its sums differ');
  if (edges.size > 0) throw wrong('a document lies across two shards');
  return index;
}
