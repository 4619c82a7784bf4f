// One file: what is there of it is kept, the rest is asked for by a Range (RFC 9110, section 14), and the whole is hashed on the
// way. A file has its place only when its hash is the one that the hub has listed.
import { createHash, type Hash } from 'node:crypto';
import { statSync } from 'node:fs';
import { setTimeout as pause, setImmediate } from 'node:timers/promises';
import { pieces } from '../../base/index.ts';
import type { HubFile, RepositoryCache } from './cache-layout.ts';
import type { HubClient } from './hub-client.ts';
import { HubError, PassingFailure } from './hub-refusal.ts';
import { PartialFile } from './partial-file.ts';

const SECONDS_BETWEEN_LOOKS = 0.5;

/** Git hashes what it calls a blob: a header with the length, and the content. */
function hashOf({ algorithm, bytes }: HubFile): Hash {
  return algorithm === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${bytes}\0`);
}

/** Whether the content is in the cache. One that was cut off by others is not. */
export const isThere = (cache: RepositoryCache, { hash, bytes }: HubFile): boolean =>
  statSync(cache.blob(hash), { throwIfNoEntry: false })?.size === bytes;

/**
 * Brings the content of a file of `commit` into the cache.
 *
 * @param onBytes told how much of the file is there, now and then
 * @throws HubError when the hub refuses, sends something else, or stays out of reach; UserError when it cannot be written
 */
export async function download(
  client: HubClient,
  cache: RepositoryCache,
  commit: string,
  file: HubFile,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const url = client.address(...client.name.repo.split('/'), 'resolve', commit, file.path);
  let wrong = 0;
  while (!isThere(cache, file)) {
    using partial = PartialFile.claim(cache.blobs, file.hash);
    if (!partial) {
      onBytes(PartialFile.held(cache.blobs, file.hash));
      await pause(SECONDS_BETWEEN_LOOKS * 1000);
      continue;
    }
    const found = await receiveWhole(client, url, file, partial, onBytes).catch((error) => {
      throw error instanceof HubError && error.fields['status'] === 404 ? missing(client, file, error) : error;
    });
    if (found === file.hash && partial.commit()) continue;
    // What was there before may have been spoiled: once it is all fetched anew.
    partial.restart();
    if (++wrong > 1) throw wrongContent(client, file, found);
  }
  onBytes(file.bytes);
}

/** Completes the file, over as many connections as it takes, and gives its hash. */
async function receiveWhole(
  client: HubClient,
  url: string,
  file: HubFile,
  partial: PartialFile,
  onBytes: (bytes: number) => void,
): Promise<string> {
  if (partial.bytes > file.bytes) partial.restart();
  let hash = hashOf(file);
  for (const piece of pieces(partial.descriptor)) {
    hash.update(piece);
    await setImmediate(); // other work, Ctrl-C
  }
  let before = -1;
  await client.retrying(
    async () => {
      before = partial.bytes;
      if (partial.bytes === file.bytes) return;
      const range = partial.bytes > 0 ? { range: `bytes=${partial.bytes}-` } : {};
      await client.receive(
        url,
        { ...range, accept: '*/*' },
        (response) => {
          if (startOf(response) === partial.bytes) return;
          partial.restart();
          hash = hashOf(file);
          before = 0;
          if (startOf(response) !== 0) throw cutOff(client, file, 'another part than was asked for');
        },
        (piece) => {
          if (partial.bytes + piece.length > file.bytes) throw tooLong(client, file);
          partial.write(piece);
          hash.update(piece);
          onBytes(partial.bytes);
        },
      );
      if (partial.bytes < file.bytes) throw cutOff(client, file, `${partial.bytes} of ${file.bytes} bytes`);
    },
    () => partial.bytes > before,
  );
  return hash.digest('hex');
}

/** Where the content of an answer begins. */
function startOf({ status, headers }: Response): number {
  if (status !== 206) return 0;
  return Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
}

const fieldsOf = (client: HubClient, file: HubFile) => ({ repo: client.name.repo, path: file.path });

function cutOff(client: HubClient, file: HubFile, got: string): PassingFailure {
  return new PassingFailure(
    new HubError('hub-cut-off', `${client.endpoint} sent ${got} of ${file.path}`, {
      remedy: 'Run the same command again: it goes on from here.',
      fields: fieldsOf(client, file),
    }),
  );
}

/** The model is there, for it was listed: a file that cannot be found says nothing else. */
function missing(client: HubClient, file: HubFile, cause: HubError): HubError {
  return new HubError(
    'hub-no-file',
    `${client.endpoint} lists ${file.path} of ${client.name.repo} and does not have it`,
    {
      remedy: 'Run the command again; if it stays so, ask its authors, or name another revision.',
      fields: fieldsOf(client, file),
      cause,
    },
  );
}

function tooLong(client: HubClient, file: HubFile): HubError {
  return new HubError(
    'hub-too-long',
    `${client.endpoint} sends more of ${file.path} than the ${file.bytes} bytes it has listed`,
    {
      remedy: 'Run the command again; if it stays so, the hub or a proxy before it serves something else.',
      fields: fieldsOf(client, file),
    },
  );
}

function wrongContent(client: HubClient, file: HubFile, found: string): HubError {
  const name = file.algorithm === 'sha256' ? 'SHA-256' : "git's SHA-1";
  return new HubError(
    'hub-checksum',
    `${file.path} of ${client.name.repo} is not what the hub has listed: its ${name} should be ${file.hash} and is ${found}`,
    {
      remedy:
        'Nothing of it was kept. Run the command again; if it stays so, the hub or a proxy before it serves something else.',
      fields: { ...fieldsOf(client, file), expected: file.hash, found },
    },
  );
}
