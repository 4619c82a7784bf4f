// Writes token shards: documents appended one after the other, a new file when one is full, an entry of the index for each.
import { join } from 'node:path';
import type { Manifest } from './manifest.ts';
import { WordWriter } from './segments/word-file.ts';

const BUFFER_TOKENS = 1 << 20;

export class ShardWriter implements Disposable {
  readonly #folder: string;
  readonly #shardTokens: number;
  readonly #buffer = new Uint32Array(BUFFER_TOKENS);
  readonly #shards: Manifest['shards'] = [];
  readonly #index: WordWriter;
  #file: { name: string; writer: WordWriter } | undefined;

  /** Writes into `folder`, the index into its file `index`; a file of tokens is closed once it holds `shardTokens`. */
  constructor(folder: string, shardTokens: number, index: string) {
    this.#folder = folder;
    this.#shardTokens = shardTokens;
    this.#index = new WordWriter(folder, join(folder, index), { hash: true });
  }

  /** Begins a document with this entry of the index. */
  begin(entry: readonly number[] | Uint32Array): void {
    if (this.#file && this.#file.writer.words >= this.#shardTokens) this.#closeShard();
    this.#file ??= this.#openShard();
    this.#index.write(entry);
  }

  /** Appends tokens of the document that was begun last. */
  write(tokens: Uint32Array): void {
    this.#file!.writer.write(tokens);
  }

  /** Writes what is left; returns the manifest's entries, and the SHA-256 of the index. */
  finish(): { shards: Manifest['shards']; index: string } {
    if (this.#file) this.#closeShard();
    return { shards: this.#shards, index: this.#index.finish() };
  }

  /** Closes what is open: for a preparation that failed. */
  [Symbol.dispose](): void {
    this.#file?.writer[Symbol.dispose]();
    this.#index[Symbol.dispose]();
  }

  #openShard() {
    const name = `tokens-${String(this.#shards.length).padStart(5, '0')}.bin`;
    const options = { buffer: this.#buffer, hash: true };
    return { name, writer: new WordWriter(this.#folder, join(this.#folder, name), options) };
  }

  #closeShard(): void {
    const { name, writer } = this.#file!;
    const sha256 = writer.finish();
    this.#shards.push({ file: name, tokens: writer.words, sha256 });
    this.#file = undefined;
  }
}
