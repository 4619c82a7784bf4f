// A folder of logits while it is computed, beside its place: what is done of it outlives a cut-off, and the place appears whole.
import { appendFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  DataError,
  fsyncPath,
  makeFolder,
  removeUnfinished,
  sha256File,
  writeFileAtomic,
  writingAt,
} from '../base/index.ts';
import { type NamedTensor, readJson, writeJson, writeSafetensors } from '../store/index.ts';
import { ROWS_KEY } from './kept-logits.ts';
import { LOGITS_MANIFEST, type LogitsManifest, type LogitsOrigin, logitsFile, logitsOrigin, requireSameOrigin } from './logits-manifest.ts'; // biome-ignore format: one list

export class LogitsFolder {
  readonly place: string;
  readonly path: string;
  readonly #origin: LogitsOrigin;
  #begun = false;
  /** SHA-256 of the file of each part that is done. */
  readonly #hashes: string[];

  /** Nothing is written yet. @throws DataError when something else is at `out`, or what was begun there was of something else */
  constructor(out: string, origin: LogitsOrigin) {
    this.place = resolve(out);
    this.path = `${this.place}.computing`;
    this.#origin = origin;
    const found = statSync(this.place, { throwIfNoEntry: false });
    if (found && !(found.isDirectory() && readdirSync(this.place).length === 0))
      throw new DataError('place-taken', `${out} ${found.isDirectory() ? 'holds something else' : 'is a file'}`, {
        remedy: 'Name another folder to write to, or remove it yourself.',
        fields: { path: out },
      });
    if (existsSync(this.#note)) requireSameOrigin(this.path, readJson(this.#note, logitsOrigin), origin);
    this.#hashes = this.#intact();
  }

  get #note(): string {
    return join(this.path, 'origin.json');
  }

  get #journal(): string {
    return join(this.path, 'done.txt');
  }

  /** Parts that are done: steps, then batches of held-out text. */
  get done(): number {
    return this.#hashes.length;
  }

  /** Of the files that were noted, those up to the first that is not as it was written. */
  #intact(): string[] {
    if (!existsSync(this.#journal)) return [];
    const noted = readFileSync(this.#journal, 'utf8').split('\n').slice(0, -1);
    const bad = noted.findIndex((hash, part) => {
      const path = join(this.path, logitsFile(part, this.#origin));
      return !existsSync(path) || sha256File(path) !== hash;
    });
    return bad < 0 ? noted : noted.slice(0, bad);
  }

  /** Writes the next part. @throws UserError when the disk is full: what was written before stays */
  add(rows: string, tensors: readonly NamedTensor[]): void {
    this.#begin();
    const { sha256 } = writeSafetensors(join(this.path, logitsFile(this.done, this.#origin)), tensors, {
      format: 'pt',
      [ROWS_KEY]: rows,
    });
    writingAt(this.path, () => appendFileSync(this.#journal, `${sha256}\n`));
    this.#hashes.push(sha256);
  }

  /** Before the first that is written: what a cut-off left half-done goes. */
  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    makeFolder(this.path);
    removeUnfinished(this.path);
    writeJson(this.#note, this.#origin);
    writeFileAtomic(this.#journal, this.#hashes.map((hash) => `${hash}\n`).join(''));
  }

  /** Puts the folder in its place. */
  commit(): void {
    const manifest: LogitsManifest = {
      format: 'tsumugi-teacher-logits',
      version: 1,
      ...this.#origin,
      files: this.#hashes,
    };
    writeJson(join(this.path, LOGITS_MANIFEST), manifest);
    for (const path of [this.#journal, this.#note]) rmSync(path, { force: true });
    writingAt(this.place, () => {
      fsyncPath(this.path);
      renameSync(this.path, this.place);
      fsyncPath(dirname(this.place));
    });
  }
}
