// A pull that is disturbed: whatever breaks off goes on, what is wrong is never kept, and what stays wrong is said in a sentence.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { ServerResponse } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Fault, HubServer, json, sendContent, sha256Of } from './hub.testing.ts';
import { type PullOptions, planPull, pull } from './index.ts';

const commit = 'c'.repeat(40);
const weights = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 31) % 251));
const files = { 'config.json': '{}\n', 'model.safetensors': weights, 'tokenizer.jsonl': '[]\n' };
const hash = sha256Of(weights);

let home: string;
let hub: HubServer;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-hub-'));
  hub = await HubServer.start({ 'a/b': { commits: { [commit]: files } } });
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HOME', home);
  for (const name of ['HF_HUB_CACHE', 'HF_TOKEN', 'HF_TOKEN_PATH', 'HF_HUB_OFFLINE']) vi.stubEnv(name, '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});
const cache = (...names: string[]) => join(home, 'hub', 'models--a--b', ...names);
const partials = () => readdirSync(cache('blobs')).filter((name) => name.includes('.'));
const quick: PullOptions = { retryDelaySeconds: 0.001, silenceSeconds: 5 };
const ranges = () => hub.asked.filter(({ at }) => at === 'cdn').map(({ range }) => range);

/** Does each fault once, in turn, to the requests at `at`. */
const inTurn = (at: 'hub' | 'cdn', ...faults: ((response: ServerResponse, content: Buffer) => void)[]): Fault => {
  let next = 0;
  return (asked, response, content) => {
    if (asked.at !== at || next >= faults.length || (at === 'hub' && content === undefined)) return false;
    faults[next++]!(response, content ?? weights);
    return true;
  };
};
/** Does the fault to all requests of which `path` holds. */
const always =
  (path: RegExp, fault: (response: ServerResponse) => void): Fault =>
  (asked, response) => {
    if (!path.test(`${asked.at}${asked.path}`)) return false;
    fault(response);
    return true;
  };
/** Sends the beginning of what was asked for, and breaks off. */
const cutAt = (end: number) => (response: ServerResponse) => {
  const start = Number(/\d+/.exec(response.req.headers.range ?? '')?.[0] ?? 0);
  if (start > 0) response.writeHead(206, { 'content-range': `bytes ${start}-${weights.length - 1}/${weights.length}` });
  response.write(weights.subarray(start, end));
  setTimeout(() => response.socket!.destroy(), 30);
};

async function expectWhole(options: PullOptions = quick): Promise<void> {
  const { folder } = await pull('a/b', options);
  for (const [name, content] of Object.entries(files))
    expect(readFileSync(join(folder, name)).equals(Buffer.from(content)), name).toBe(true);
  expect(partials()).toEqual([]);
}

it('goes on where a connection broke off, again and again', async () => {
  hub.fault = inTurn('cdn', cutAt(100), cutAt(100_000), cutAt(100_001), cutAt(299_999));
  await expectWhole({ ...quick, retries: 1 });
  expect(ranges()).toEqual([undefined, 'bytes=100-', 'bytes=100000-', 'bytes=100001-', 'bytes=299999-']);
});

it('goes on with what an earlier run left', async () => {
  hub.fault = inTurn('cdn', cutAt(123_456));
  await expect(pull('a/b', { ...quick, retries: 0 })).rejects.toMatchObject({ code: 'hub-unreachable' });
  expect(partials().map((name) => statSync(cache('blobs', name)).size)).toEqual([123_456]);
  expect(existsSync(cache('refs', 'main'))).toBe(false);
  const done: number[] = [];
  await expectWhole({ ...quick, onProgress: ({ doneBytes }) => void done.push(doneBytes) });
  expect(ranges()).toEqual([undefined, 'bytes=123456-']);
  // What is there counts from the beginning, in whatever order the files come.
  expect(done[0]).toBeGreaterThanOrEqual(123_456);
  expect(done).toEqual(done.toSorted((a, b) => a - b));
  expect(done.at(-1)).toBe(Object.values(files).reduce((sum, content) => sum + content.length, 0));
});

it('takes over what a process left that has ended, and no other tool’s files', async () => {
  await pull('a/b', { ...quick, need: 'tokenizer' });
  writeFileSync(cache('blobs', `${hash}.${hostname()}-999999999-0.incomplete`), weights.subarray(0, 1000));
  writeFileSync(cache('blobs', `${hash}.${hostname()}-999999998-0.incomplete`), weights.subarray(0, 2000));
  writeFileSync(cache('blobs', `${hash}.deadbeef.incomplete`), 'of huggingface_hub');
  await pull('a/b', quick);
  expect(ranges()).toEqual(['bytes=2000-']);
  expect(partials()).toEqual([`${hash}.deadbeef.incomplete`]);
});

it('takes over what another machine left, whose clock is ahead', async () => {
  mkdirSync(cache('blobs'), { recursive: true });
  const left = cache('blobs', `${hash}.elsewhere-7-0.incomplete`);
  writeFileSync(left, weights.subarray(0, 1000));
  const later = Date.now() / 1000 + 3600;
  utimesSync(left, later, later);
  await pull('a/b', quick);
  expect(ranges()).toEqual(['bytes=1000-']);
});

it('waits for another pull of the same files instead of fetching them twice', async () => {
  hub.fault = inTurn('cdn', cutAt(1000));
  const [one, two] = await Promise.all([pull('a/b', quick), pull('a/b', quick)]);
  expect(one.folder).toBe(two.folder);
  expect(readFileSync(join(one.folder, 'model.safetensors')).equals(weights)).toBe(true);
  expect(ranges()).toEqual([undefined, 'bytes=1000-']);
  expect(partials()).toEqual([]);
});

it.each<[string, (response: ServerResponse, content: Buffer) => void]>([
  ['a server error', (response) => json(response, { error: 'broken' }, 500)],
  ['a busy server', (response) => json(response.setHeader('retry-after', '0'), { error: 'slow down' }, 429)],
  ['no server behind the proxy', (response) => response.writeHead(502).end('<html>')],
  ['a connection that is closed', (response) => response.socket!.destroy()],
  [
    'a wrong part',
    (response) => response.writeHead(206, { 'content-range': `bytes 7-299999/300000` }).end(weights.subarray(7)),
  ],
  ['other bytes', (response) => response.end(Buffer.alloc(weights.length))],
  ['too few bytes', (response) => response.end(weights.subarray(0, 7))],
])('gets over %s', async (what, fault) => {
  hub.fault = inTurn('cdn', fault);
  await expectWhole();
  // What came in order is kept: the rest alone is asked for.
  expect(ranges()).toEqual([undefined, what === 'too few bytes' ? 'bytes=7-' : undefined]);
});

it('begins anew when the server knows no ranges, or what is there is spoiled or too long', async () => {
  for (const left of [
    Buffer.alloc(1000),
    weights.subarray(0, 1000),
    Buffer.alloc(400_000),
    Buffer.alloc(weights.length),
  ]) {
    rmSync(cache(), { recursive: true, force: true });
    await pull('a/b', { ...quick, need: 'tokenizer' });
    writeFileSync(cache('blobs', `${hash}.${hostname()}-999999999-0.incomplete`), left);
    hub.fault = inTurn('cdn', (response, content) => response.end(content));
    hub.asked.length = 0;
    await expectWhole();
    // A server that knows no ranges has sent it all; what was whole and wrong is seen before anything is asked for.
    expect(ranges()).toHaveLength(1);
  }
});

it('asks for no part of a file of which too much is there', async () => {
  await pull('a/b', { ...quick, need: 'tokenizer' });
  writeFileSync(cache('blobs', `${hash}.${hostname()}-999999999-0.incomplete`), Buffer.alloc(400_000));
  await expectWhole();
  expect(ranges()).toEqual([undefined]);
});

it('waits as long as it is asked to', async () => {
  hub.fault = inTurn('cdn', (response) => json(response.setHeader('retry-after', '1'), {}, 503));
  const lines: string[] = [];
  const start = performance.now();
  await expectWhole({ ...quick, report: (line) => void lines.push(line) });
  expect(performance.now() - start).toBeGreaterThan(1000);
  expect(lines).toEqual([`${hub.endpoint} answers with 503; trying again in 1 s`]);
});

it('counts a time to wait until by the clock of the service', async () => {
  const ahead = (seconds: number) => new Date(Date.now() + (3600 + seconds) * 1000).toUTCString();
  hub.fault = inTurn('cdn', (response) =>
    json(response.setHeader('date', ahead(0)).setHeader('retry-after', ahead(1)), {}, 503),
  );
  await pull('a/b', quick);
  expect(ranges()).toHaveLength(2);
});

it('names a file that is listed and not there', async () => {
  hub.fault = always(/^cdn/, (response) => response.writeHead(404).end('gone'));
  await expect(pull('a/b', quick)).rejects.toMatchObject({
    code: 'hub-no-file',
    message: expect.stringMatching(/lists model.safetensors of a\/b and does not have it/),
  });
});

it('tells offline what the cache has', async () => {
  await pull('a/b', quick);
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  const asked = hub.asked.length;
  expect(await planPull('a/b')).toMatchObject({ commit, missingBytes: 0, totalBytes: 300_006 });
  expect(hub.asked).toHaveLength(asked);
});

it('gives up on a server that asks for more than five minutes', async () => {
  hub.fault = inTurn('cdn', (response) => json(response.setHeader('retry-after', '3600'), {}, 429));
  await expect(pull('a/b', quick)).rejects.toMatchObject({ code: 'hub-busy' });
});

it('gives up when nothing comes of it, and says how to go on', async () => {
  hub.fault = always(/^cdn/, (response) => json(response, { error: 'on fire' }, 500));
  await expect(pull('a/b', { ...quick, retries: 2 })).rejects.toThrow(
    /answers with 500: on fire\n {2}→ Run the same command later: it goes on from here\./,
  );
  expect(ranges()).toHaveLength(3);
});

it('ends a connection on which nothing is heard', async () => {
  hub.fault = inTurn(
    'cdn',
    (response) => void response.write(weights.subarray(0, 500)),
    (response) => void response,
  );
  await expectWhole({ ...quick, silenceSeconds: 0.5 });
  expect(ranges()).toEqual([undefined, 'bytes=500-', 'bytes=500-']);
});

it('keeps nothing of a file whose content is not what was listed', async () => {
  const wrong = Buffer.from(weights).fill(0, 1000, 1001);
  hub.fault = always(/^cdn/, (response) => sendContent(response.req, response, wrong));
  await expect(pull('a/b', quick)).rejects.toThrow(
    `model.safetensors of a/b is not what the hub has listed: its SHA-256 should be ${hash} and is ${sha256Of(wrong)}`,
  );
  expect(existsSync(cache('blobs', hash))).toBe(false);
  expect(partials().map((name) => statSync(cache('blobs', name)).size)).toEqual([0]);
  expect(existsSync(cache('snapshots', commit, 'model.safetensors'))).toBe(false);
  expect(ranges()).toEqual([undefined, undefined]); // once more, and no oftener
});

it('checks small files by the hash that git gives them', async () => {
  hub.fault = always(/resolve.*config\.json/, (response) => response.end('{ }'));
  await expect(pull('a/b', quick)).rejects.toThrow(
    /config\.json of a\/b is not what the hub has listed: its git's SHA-1/,
  );
});

it('takes no more than was listed', async () => {
  hub.fault = always(/^cdn/, (response) => response.end(Buffer.concat([weights, weights])));
  await expect(pull('a/b', quick)).rejects.toMatchObject({ code: 'hub-too-long' });
  expect(partials().map((name) => statSync(cache('blobs', name)).size <= weights.length)).toEqual([true]);
});

it('looks at the room on the disk first', async () => {
  const file = { type: 'file', path: 'model.safetensors', size: 9e15, lfs: { oid: hash, size: 9e15 } };
  hub.fault = always(/tree/, (response) => json(response, [file]));
  await expect(pull('a/b', quick)).rejects.toThrow(
    /a\/b needs 9,000,000,000 MB of disk, and [\d,]+ MB are free at .*\n.*HF_HUB_CACHE/,
  );
  expect(hub.filesAsked).toEqual([]);
});

it('fetches anew what lies in the cache and is cut off', async () => {
  await expectWhole();
  writeFileSync(cache('blobs', hash), weights.subarray(0, 10));
  await expectWhole();
});
