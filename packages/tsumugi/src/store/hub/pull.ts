// A model of the hub into the hub's own cache: what would be fetched is known first, then it is fetched, and a folder that holds
// it all is what comes out.
import { availableDisk, UserError } from '../../base/index.ts';
import { type HubFile, missingFile, type Need, RepositoryCache } from './cache-layout.ts';
import { download, isThere } from './download.ts';
import { HubClient, type HubClientOptions } from './hub-client.ts';
import { DEFAULT_REVISION, type HubName, nameText, parseHubName } from './hub-name.ts';
import { hubPlace, hubToken } from './hub-place.ts';
import { HubError } from './hub-refusal.ts';
import { PartialFile } from './partial-file.ts';
import { readRepository } from './repository.ts';
import { wantedFiles } from './wanted-files.ts';

export interface PullOptions extends Omit<HubClientOptions, 'report'> {
  /** 'tokenizer' for its files alone. Default: 'model'. */
  need?: Need | undefined;
  /** Told what happens, in a line. */
  report?: ((line: string) => void) | undefined;
  /** Told what will be fetched, before it is. */
  onPlan?: ((plan: PullPlan) => void) | undefined;
  /** Told how far it is. */
  onProgress?: ((progress: PullProgress) => void) | undefined;
}

export interface PullProgress {
  /** The file that is being fetched. */
  readonly path: string;
  /** Of all that is fetched: bytes that are there, with what was there before. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface PlannedFile extends HubFile {
  /** How much of it is in the cache. */
  readonly cachedBytes: number;
}

/** What a pull comes to. */
export interface PullPlan {
  readonly repo: string;
  readonly revision: string;
  readonly commit: string;
  readonly licence: string | null;
  readonly gated: boolean;
  /** Where the model is, or will be. */
  readonly folder: string;
  readonly files: readonly PlannedFile[];
  /** What the hub has besides, and is not fetched. */
  readonly leftOut: readonly string[];
  readonly totalBytes: number;
  /** What is still to be fetched. */
  readonly missingBytes: number;
  readonly availableDiskBytes: number;
}

interface Prepared {
  plan: PullPlan;
  name: HubName;
  client: HubClient;
  cache: RepositoryCache;
}

/**
 * What `pull` would fetch: the files with their sizes, and what of them is there. Offline, what the cache has.
 *
 * @throws ConfigError for what is no name, HubError when the hub has nothing that can be read or cannot be reached
 */
export async function planPull(name: string, options: PullOptions = {}): Promise<PullPlan> {
  const parsed = parseHubName(name);
  const cached = hubPlace().offline ? cachedPlan(parsed, options.need) : undefined;
  return cached ?? (await prepare(parsed, options)).plan;
}

async function prepare(name: HubName, options: PullOptions): Promise<Prepared> {
  const place = hubPlace();
  const { repo, revision = DEFAULT_REVISION } = name;
  if (place.offline)
    throw new HubError('hub-offline', `${repo} cannot be asked for: HF_HUB_OFFLINE is set`, {
      remedy: 'Unset it, or name a model that is in the cache.',
      fields: { repo },
    });
  const client = new HubClient(place, name, hubToken(), options);
  const cache = new RepositoryCache(place.cache, repo);
  const repository = await readRepository(client);
  const { files, leftOut } = wantedFiles(repo, repository, options.need ?? 'model');
  const planned = files.map((file) => ({ ...file, cachedBytes: cachedBytes(cache, file) }));
  const sum = (of: (file: PlannedFile) => number) => planned.reduce((total, file) => total + of(file), 0);
  const { commit, licence, gated } = repository;
  const plan: PullPlan = {
    repo,
    revision,
    commit,
    licence,
    gated,
    folder: cache.snapshot(commit),
    files: planned,
    leftOut,
    totalBytes: sum(({ bytes }) => bytes),
    missingBytes: sum(({ bytes, cachedBytes }) => bytes - cachedBytes),
    availableDiskBytes: availableDisk(cache.folder),
  };
  return { plan, name, client, cache };
}

function cachedBytes(cache: RepositoryCache, file: HubFile): number {
  if (isThere(cache, file)) return file.bytes;
  const held = PartialFile.held(cache.blobs, file.hash);
  return held > file.bytes ? 0 : held;
}

export interface PullResult extends PullPlan {
  /** Bytes that came over the network's way into the cache. */
  readonly fetchedBytes: number;
  readonly seconds: number;
}

/**
 * Fetches a model of the Hugging Face Hub into the hub's cache, which Python's tools share, and gives the folder that holds it.
 * What is there already is not fetched again; what was cut off goes on. Files other than safetensors, JSON, tokenizer and text are
 * never fetched, and nothing that was fetched is ever run.
 *
 * @param name "OWNER/NAME", or "OWNER/NAME@REVISION" with a branch, a tag or a commit
 * @throws ConfigError for what is no name; HubError when the hub refuses (gated, private, not there), sends something else than it
 *   has listed, or stays out of reach; UserError when the disk has not enough room or cannot be written to
 */
export async function pull(name: string, options: PullOptions = {}): Promise<PullResult> {
  const parsed = parseHubName(name);
  const cached = hubPlace().offline ? cachedPlan(parsed, options.need) : undefined;
  if (cached) return { ...cached, fetchedBytes: 0, seconds: 0 };
  return await fetchAll(await prepare(parsed, options), options);
}

async function fetchAll({ plan, name, client, cache }: Prepared, options: PullOptions): Promise<PullResult> {
  const start = performance.now();
  requireRoom(plan);
  options.onPlan?.(plan);
  let there = plan.totalBytes - plan.missingBytes;
  for (const file of plan.files) {
    const before = there - file.cachedBytes;
    await download(client, cache, plan.commit, file, (bytes) =>
      options.onProgress?.({ path: file.path, doneBytes: before + bytes, totalBytes: plan.totalBytes }),
    );
    cache.link(plan.commit, file.path, file.hash);
    there = before + file.bytes;
  }
  const missing = missingFile(plan.folder, options.need ?? 'model');
  if (missing !== undefined)
    throw new HubError('hub-incomplete', `${nameText(name)} is not whole on the hub: it lacks ${missing}`, {
      remedy: 'Ask its authors, or name another revision.',
      fields: { repo: plan.repo, path: missing },
    });
  cache.setCommit(name, plan.commit);
  return { ...plan, fetchedBytes: plan.missingBytes, seconds: (performance.now() - start) / 1000 };
}

/** What the cache has, without asking the hub; undefined when that is not all. */
function cachedPlan(name: HubName, need: Need = 'model'): PullPlan | undefined {
  const cache = new RepositoryCache(hubPlace().cache, name.repo);
  const commit = cache.commitOf(name);
  const folder = cache.complete(commit, need);
  if (folder === undefined || commit === undefined) return undefined;
  const files = cache.linked(commit).map((file) => ({ ...file, cachedBytes: file.bytes }));
  const { repo, revision = DEFAULT_REVISION } = name;
  return {
    repo,
    revision,
    commit,
    licence: null,
    gated: false,
    folder,
    files,
    leftOut: [],
    totalBytes: files.reduce((total, { bytes }) => total + bytes, 0),
    missingBytes: 0,
    availableDiskBytes: availableDisk(folder),
  };
}

function requireRoom({ missingBytes, availableDiskBytes, folder, repo }: PullPlan): void {
  if (missingBytes <= availableDiskBytes) return;
  const [needs, has] = [missingBytes, availableDiskBytes].map(
    (bytes) => `${Math.ceil(bytes / 1e6).toLocaleString('en')} MB`,
  );
  throw new UserError('disk-full', `${repo} needs ${needs} of disk, and ${has} are free at ${folder}`, {
    remedy: 'Make room, or name another place in HF_HUB_CACHE.',
    fields: { missingBytes, availableDiskBytes, folder },
  });
}
