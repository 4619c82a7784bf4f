// Writes token shards: documents appended one after the other, a new file when one is full, an index entry for each.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { invariant, writingAt } from '../base/index.ts';
import { DOCUMENT_FIELDS, DOCUMENTS_FILE, type Manifest } from './manifest.ts';

const BUFFER_TOKENS = 1 << 20;

/** Bytes of a typed array, for writing. Files are little-endian, as is every machine that libtorch runs on here. */
function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

export class ShardWriter implements Disposable {
  readonly #folder: string;
  readonly #shardTokens: number;
  readonly #buffer = new Uint32Array(BUFFER_TOKENS);
  readonly #shards: Manifest['shards'] = [];
  #filled = 0;
  #file: { name: string; descriptor: number; hash: Hash; tokens: number } | undefined;
  #index = new Uint32Array(DOCUMENT_FIELDS * 1024);
  #documents = 0;

  /** Writes into `folder`; a file is closed once it holds `shardTokens` tokens. */
  constructor(folder: string, shardTokens: number) {
    this.#folder = folder;
    this.#shardTokens = shardTokens;
  }

  get documents(): number {
    return this.#documents;
  }

  /** Appends `bosId` and `ids` as one document of `characters` characters. */
  add(bosId: number, ids: ArrayLike<number>, characters: number, heldOut: boolean): void {
    if (this.#file && this.#file.tokens >= this.#shardTokens) this.#closeShard();
    this.#file ??= this.#openShard();
    this.#file.tokens += ids.length + 1;
    this.#push(bosId);
    for (let i = 0; i < ids.length; i++) this.#push(ids[i]!);
    const at = DOCUMENT_FIELDS * this.#documents++;
    if (at === this.#index.length) {
      const larger = new Uint32Array(2 * at);
      larger.set(this.#index);
      this.#index = larger;
    }
    this.#index.set([ids.length + 1, characters, heldOut ? 1 : 0], at);
  }

  /** Moves a document to the other split. */
  setHeldOut(document: number, heldOut: boolean): void {
    this.#index[DOCUMENT_FIELDS * document + 2] = heldOut ? 1 : 0;
  }

  /** Writes what is left and the index; returns the manifest's entries. */
  finish(): Pick<Manifest, 'shards' | 'documents'> {
    if (this.#file) this.#closeShard();
    const index = bytesOf(this.#index.subarray(0, DOCUMENT_FIELDS * this.#documents));
    writingAt(this.#folder, () => writeFileSync(join(this.#folder, DOCUMENTS_FILE), index));
    return { shards: this.#shards, documents: createHash('sha256').update(index).digest('hex') };
  }

  /** Closes the open file, if any: for a preparation that failed. */
  [Symbol.dispose](): void {
    if (this.#file) closeSync(this.#file.descriptor);
    this.#file = undefined;
  }

  #push(id: number): void {
    if (this.#filled === BUFFER_TOKENS) this.#flush();
    this.#buffer[this.#filled++] = id;
  }

  #flush(): void {
    const file = this.#file;
    invariant(file, 'tokens are buffered only while a shard is open');
    const bytes = bytesOf(this.#buffer.subarray(0, this.#filled));
    writingAt(this.#folder, () => {
      for (let at = 0; at < bytes.length; ) at += writeSync(file.descriptor, bytes, at);
    });
    file.hash.update(bytes);
    this.#filled = 0;
  }

  #openShard() {
    const name = `tokens-${String(this.#shards.length).padStart(5, '0')}.bin`;
    const descriptor = writingAt(this.#folder, () => openSync(join(this.#folder, name), 'wx'));
    return { name, descriptor, hash: createHash('sha256'), tokens: 0 };
  }

  #closeShard(): void {
    this.#flush();
    const { name, descriptor, hash, tokens } = this.#file!;
    this.#file = undefined;
    closeSync(descriptor);
    this.#shards.push({ file: name, tokens, sha256: hash.digest('hex') });
  }
}
