// A teacher's logits from disk, in the place of the teacher: verified when they are opened, mapped part by part.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { contentHash, DataError, FormatError, sha256 } from '../base/index.ts';
import type { TeacherRows, TopK } from '../nn/index.ts';
import { openSafetensors, type Safetensors } from '../store/index.ts';
import type { Device } from '../torch/index.ts';
import { type LogitsManifest, logitsFile, logitsIdentity, readLogitsManifest } from './logits-manifest.ts';

/** Where the hash of a part's rows is kept: in the metadata of its file. */
export const ROWS_KEY = 'rows';

/** What tells the rows of a part from all others. */
export const rowsHash = (tokens: Int32Array): string =>
  sha256(new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength));

export class KeptLogits implements Disposable {
  readonly folder: string;
  readonly manifest: LogitsManifest;
  #part = -1;
  #file: Safetensors | undefined;

  private constructor(folder: string, manifest: LogitsManifest) {
    this.folder = folder;
    this.manifest = manifest;
  }

  /** @throws DataError when there are none; FormatError naming the file that is missing, cut off or changed */
  static async open(folder: string): Promise<KeptLogits> {
    const manifest = readLogitsManifest(folder);
    for (const [part, expected] of manifest.files.entries()) {
      const path = join(folder, logitsFile(part, manifest));
      if (statSync(path, { throwIfNoEntry: false })?.isFile() && (await contentHash(path)) === expected) continue;
      throw new FormatError(
        'damaged-logits',
        `${path} is missing, cut off or changed: its SHA-256 is not the manifest's`,
        {
          remedy: 'Remove the folder and compute the logits again ("tsumugi distill logits").',
          fields: { path, expected },
        },
      );
    }
    return new KeptLogits(folder, manifest);
  }

  /** Tells these logits from all others. */
  get hash(): string {
    return sha256(logitsIdentity(this.manifest));
  }

  /** @throws DataError unless the logits of a part are of these rows */
  requireRows(part: number, tokens: Int32Array): void {
    if (this.#at(part).metadata[ROWS_KEY] === rowsHash(tokens)) return;
    const { steps } = this.manifest;
    const where = part < steps ? `at step ${part + 1}` : `in batch ${part - steps + 1} of held-out text`;
    throw new DataError('other-logits', `${this.folder} holds logits of other rows ${where}`, {
      remedy: 'Compute them again with this version of tsumugi.',
      fields: { folder: this.folder, part },
    });
  }

  /** What the teacher said of the rows of a part whose tokens begin at `first`. */
  rows(part: number, first: number, device: Device): TeacherRows {
    const [indices, logProbabilities] = ['indices', 'logProbabilities'].map((name) => this.#at(part).tensor(name));
    return (from, n): TopK => ({
      indices: indices!
        .narrow(0, first + from, n)
        .to('int64')
        .to(device),
      logProbabilities: logProbabilities!.narrow(0, first + from, n).to(device),
    });
  }

  #at(part: number): Safetensors {
    if (this.#part === part) return this.#file!;
    this.#file?.close();
    this.#file = openSafetensors(join(this.folder, logitsFile(part, this.manifest)));
    this.#part = part;
    return this.#file;
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
    this.#part = -1;
  }
}
