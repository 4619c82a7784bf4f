// The hub's cache on disk, as Hugging Face documents it (https://huggingface.co/docs/hub/local-cache) for tools in any
// language: a file lies once, under its hash, and each commit is a folder of links to such files.
//
//     models--OWNER--NAME/blobs/<SHA-256 of a large file, git's SHA-1 of a small one>
//     models--OWNER--NAME/snapshots/<commit>/config.json → ../../blobs/<hash>
//     models--OWNER--NAME/refs/<branch or tag>           holds the commit
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { linkTarget, readJsonValue, writeFileAtomic, writingAt } from '../../base/index.ts';
import { CONFIG_FILE, TOKENIZER_FILE } from '../artefact/files.ts';
import { INDEX_FILE, WEIGHTS_FILE } from '../safetensors/index.ts';
import { DEFAULT_REVISION, type HubName, isCommit } from './hub-name.ts';

/** What a folder is wanted for: all of a model, or its tokenizer alone. */
export type Need = 'model' | 'tokenizer';

/** A file of a commit, in its uppermost folder. */
export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  /** Of its content: SHA-256 for what is kept beside git (LFS), git's SHA-1 for the rest. Its name among the blobs. */
  readonly hash: string;
  readonly algorithm: 'sha256' | 'git-sha1';
}

export class RepositoryCache {
  readonly folder: string;

  constructor(cache: string, repo: string) {
    this.folder = join(cache, `models--${repo.replace('/', '--')}`);
  }

  get blobs(): string {
    return join(this.folder, 'blobs');
  }

  blob(hash: string): string {
    return join(this.blobs, hash);
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** The commit that a branch or tag had when it was last asked for; a commit is itself. */
  commitOf({ revision = DEFAULT_REVISION }: HubName): string | undefined {
    if (isCommit(revision)) return revision;
    const path = join(this.folder, 'refs', revision);
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
    const commit = readFileSync(path, 'utf8').trim();
    return isCommit(commit) ? commit : undefined;
  }

  /** Remembers the commit of a branch or tag. A cache that says so already is not written to, nor for a commit itself. */
  setCommit({ revision = DEFAULT_REVISION }: HubName, commit: string): void {
    if (this.commitOf({ repo: '', revision }) === commit) return;
    writeFileAtomic(join(this.folder, 'refs', revision), commit);
  }

  /** Makes the file `path` of a commit a link to its content. */
  link(commit: string, path: string, hash: string): void {
    const place = join(this.snapshot(commit), path);
    const target = relative(dirname(place), this.blob(hash));
    if (linkTarget(place) === target) return;
    writingAt(place, () => {
      mkdirSync(dirname(place), { recursive: true });
      // Beside its place and renamed: another process may do the same.
      const temporary = `${place}.partial-${process.pid}`;
      symlinkSync(target, temporary);
      renameSync(temporary, place);
    });
  }

  /** The files of a commit that are there, with what their links tell of them. */
  linked(commit: string): HubFile[] {
    const folder = this.snapshot(commit);
    return readdirSync(folder)
      .sort()
      .flatMap((path): HubFile[] => {
        const found = statSync(join(folder, path), { throwIfNoEntry: false });
        const hash = basename(linkTarget(join(folder, path)) ?? '');
        const algorithm = /^[0-9a-f]{64}$/.test(hash) ? 'sha256' : 'git-sha1';
        return found?.isFile() ? [{ path, bytes: found.size, hash, algorithm }] : [];
      });
  }

  /** The folder of a commit, when it holds all that is needed. */
  complete(commit: string | undefined, need: Need): string | undefined {
    if (commit === undefined) return undefined;
    const folder = this.snapshot(commit);
    return missingFile(folder, need) === undefined ? folder : undefined;
  }
}

/** The first file that a folder lacks; undefined when it has what is needed. Other tools may have fetched a part. */
export function missingFile(folder: string, need: Need): string | undefined {
  const lacks = (name: string) => !existsSync(join(folder, name));
  if (need === 'tokenizer') return lacks(TOKENIZER_FILE) ? TOKENIZER_FILE : undefined;
  if (lacks(CONFIG_FILE)) return CONFIG_FILE;
  if (!lacks(WEIGHTS_FILE)) return undefined;
  if (!lacks(INDEX_FILE)) return shardsOf(join(folder, INDEX_FILE)).find(lacks);
  return readdirSync(folder).some((name) => name.endsWith('.safetensors') && !lacks(name)) ? undefined : WEIGHTS_FILE;
}

/** The files that an index of shards names; what is wrong with it is said when the weights are opened. */
function shardsOf(index: string): string[] {
  const value = readJsonValue(index) as { weight_map?: unknown } | null;
  const map = value?.weight_map;
  if (typeof map !== 'object' || map === null) return [];
  return [...new Set(Object.values(map))].filter((name) => typeof name === 'string' && /^[^/\\\0]+$/.test(name));
}

/** The model and the commit of a folder in a hub's cache; undefined for other folders. */
export function hubOrigin(folder: string): { repo: string; commit: string } | undefined {
  const found = /(?:^|[/\\])models--([^/\\]+?)--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})[/\\]?$/.exec(folder);
  return found ? { repo: `${found[1]}/${found[2]}`, commit: found[3]! } : undefined;
}
