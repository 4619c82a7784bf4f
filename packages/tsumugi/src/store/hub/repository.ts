// What the hub has of a model: its commit, licence and files, through Hugging Face's own client. It is handed our `fetch`, and
// what it gives is checked here.
import { z } from 'zod';
import { nearest } from '../../base/index.ts';
import type { HubFile } from './cache-layout.ts';
import type { HubClient } from './hub-client.ts';
import { DEFAULT_REVISION, isCommit } from './hub-name.ts';
import { HubError, strangeAnswer } from './hub-refusal.ts';

export interface Repository {
  readonly commit: string;
  /** As the model card has it: "apache-2.0"; null when it does not say. */
  readonly licence: string | null;
  /** Whether its licence has to be accepted on its page. */
  readonly gated: boolean;
  readonly files: readonly HubFile[];
  /** Folders in it, which are not looked into. */
  readonly folders: readonly string[];
}

/** The most files that a model is let have. */
const MAX_FILES = 10_000;
/** The most branches and tags that are told. */
const MAX_LISTED = 10;

const infoSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/, 'expected a commit'),
  gated: z.union([z.boolean(), z.string()]).optional(),
  cardData: z.object({ license: z.unknown() }).nullish().catch(null),
});

const entrySchema = z.object({
  type: z.string(),
  path: z.string().min(1).max(1000),
  size: z.int().nonnegative().default(0),
  oid: z
    .string()
    .regex(/^[0-9a-f]{40}$/, 'expected a SHA-1')
    .optional(),
  lfs: z
    .object({ oid: z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256'), size: z.int().nonnegative() })
    .nullish(),
});

/**
 * Asks the hub.
 *
 * @throws HubError when there is no such model or revision, or it cannot be reached
 */
export async function readRepository(client: HubClient): Promise<Repository> {
  const { modelInfo, listFiles } = await import('@huggingface/hub');
  const { repo, revision = DEFAULT_REVISION } = client.name;
  const place = { hubUrl: client.endpoint, fetch: client.fetch as typeof fetch };
  const found = await helped(client, () =>
    modelInfo({ ...place, name: repo, revision, additionalFields: ['sha', 'cardData'] }),
  );
  const info = checked(client, infoSchema, found);
  if (isCommit(revision) && info.sha !== revision)
    throw strange(client, `gives commit ${info.sha} where ${revision} was asked for`);
  const files: HubFile[] = [];
  const folders: string[] = [];
  for await (const entry of listFiles({ ...place, repo, revision: info.sha })) {
    const { type, path, size, oid, lfs } = checked(client, entrySchema, entry);
    if (files.length + folders.length >= MAX_FILES) throw strange(client, `lists more than ${MAX_FILES} files`);
    if (type === 'directory') folders.push(path);
    else if (type !== 'file') throw strange(client, `lists "${path}" as a ${type}`);
    else if (lfs) files.push({ path, bytes: lfs.size, hash: lfs.oid, algorithm: 'sha256' });
    else if (oid !== undefined) files.push({ path, bytes: size, hash: oid, algorithm: 'git-sha1' });
    else throw strange(client, `lists "${path}" without a hash`);
  }
  const licence = info.cardData?.license;
  const gated = info.gated !== undefined && info.gated !== false;
  return { commit: info.sha, licence: typeof licence === 'string' ? licence : null, gated, files, folders };
}

const strange = (client: HubClient, what: string): HubError =>
  strangeAnswer(client, `${what}, for ${client.name.repo}`);

function checked<T>(client: HubClient, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw strange(client, `gives something strange (${path.join('.')}: ${message})`);
}

/** A name or revision that is not there is answered with the nearest that is. */
async function helped<T>(client: HubClient, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    const { repo, revision = DEFAULT_REVISION } = client.name;
    const wrong = error.code === 'hub-no-model' ? repo : error.code === 'hub-no-revision' ? revision : undefined;
    if (wrong === undefined) throw error;
    const ofModel = error.code === 'hub-no-model';
    const names = await (ofModel ? modelsOfOwner : revisionsOf)(client).catch(() => []);
    const near = nearest(wrong, names);
    const listed =
      !ofModel && names.length > 0 && names.length <= MAX_LISTED ? `It has: ${names.join(', ')}.` : undefined;
    if (near === wrong || (near === undefined && listed === undefined)) throw error;
    throw new HubError(error.code, error.message.split('\n')[0]!, {
      remedy: near === undefined ? listed! : `Did you mean ${ofModel ? near : `${repo}@${near}`}?`,
      fields: { ...error.fields, near },
      cause: error,
    });
  }
}

async function modelsOfOwner(client: HubClient): Promise<string[]> {
  const { listModels } = await import('@huggingface/hub');
  const place = { hubUrl: client.endpoint, fetch: client.fetch as typeof fetch };
  const owner = client.name.repo.split('/')[0]!;
  const found: string[] = [];
  for await (const { name } of listModels({ ...place, search: { owner }, limit: 500 })) found.push(String(name));
  return found;
}

const refSchema = z.array(z.object({ name: z.string() })).default([]);
const refsSchema = z.object({ branches: refSchema, tags: refSchema });

async function revisionsOf(client: HubClient): Promise<string[]> {
  const answer = await client.fetch(client.address('api', 'models', ...client.name.repo.split('/'), 'refs'));
  const { branches, tags } = refsSchema.parse(await answer.json());
  return [...branches, ...tags].map(({ name }) => name);
}
