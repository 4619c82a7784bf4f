// The files of a model that is in use. Weights are mapped into memory, not copied: what is written into their files shows
// in the model, which then is another than the one that was hashed.
import { statSync } from 'node:fs';
import { contentHash, DataError, filesHash, sha256File, stampOf } from '../../base/index.ts';

interface HashedFile {
  name: string;
  path: string;
  stamp: string | undefined;
  sha256: string;
}

const stampAt = (path: string): string | undefined => {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && stampOf(found);
};

export class HashedFiles {
  /** Over names and contents. */
  readonly hash: string;
  readonly #files: readonly HashedFile[];

  private constructor(files: readonly HashedFile[]) {
    this.#files = files;
    this.hash = filesHash(files.map(({ name, sha256 }) => [name, sha256]));
  }

  /** Hashes files by their content. `files` has the path of each by its name. @throws DataError as `contentHash` does */
  static async of(files: ReadonlyMap<string, string>): Promise<HashedFiles> {
    const hashed: HashedFile[] = [];
    for (const [name, path] of files)
      hashed.push({ name, path, stamp: stampAt(path), sha256: await contentHash(path) });
    return new HashedFiles(hashed);
  }

  /** The hash of each file, by its name. */
  get hashes(): ReadonlyMap<string, string> {
    return new Map(this.#files.map(({ name, sha256 }) => [name, sha256]));
  }

  /**
   * Takes microseconds as long as nobody touches the files. Files that are gone were mapped before that and are as they were.
   *
   * @throws DataError naming the file that holds something else now
   */
  requireUnchanged(): void {
    for (const file of this.#files) {
      const stamp = stampAt(file.path);
      if (stamp === undefined || stamp === file.stamp) continue;
      if (sha256File(file.path) !== file.sha256)
        throw new DataError('model-changed', `${file.path} was changed while it was in use`, {
          remedy: 'Run the command again: it then takes the file as it is now.',
          fields: { path: file.path },
        });
      file.stamp = stamp; // touched, or linked to
    }
  }
}
