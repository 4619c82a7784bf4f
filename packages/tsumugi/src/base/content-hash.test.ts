// What identifies content is computed from content: a record of a hash counts only while the file is as it was.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { contentHash, DataError, filesHash } from './index.ts';

const bytes = 3 << 19; // large enough to be recorded
const content = (fill: number) => Buffer.alloc(bytes, fill);
const hashOf = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

let home: string;
const at = (...names: string[]) => join(home, ...names);
const records = () => {
  try {
    return readdirSync(at('cache', 'tsumugi', 'hashes'));
  } catch {
    return [];
  }
};
const recordOf = (path: string) => {
  const { dev, ino } = statSync(path, { bigint: true });
  return at('cache', 'tsumugi', 'hashes', `${dev}-${ino}`);
};
const settle = () => sleep(2100);

const old = ['kept', 'edited', 'restored', 'replaced', 'moved/model', 'copied', 'hard', 'linked', 'grown', 'many'];
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-hash-'));
  vi.stubEnv('XDG_CACHE_HOME', at('cache'));
  for (const name of old) {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), content(1));
    // Whole seconds come back exactly when a time is set from what was read.
    const second = Math.floor(Date.now() / 1000);
    utimesSync(at(name), second, second);
  }
  await settle();
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

it('is the SHA-256 of the content, read once', async () => {
  expect(await contentHash(at('kept'))).toBe(hashOf(content(1)));
  const record = recordOf(at('kept'));
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(at('kept'), { bigint: true });
  expect(readFileSync(record, 'utf8')).toBe(`${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs} ${hashOf(content(1))}\n`);
  // The record is believed as long as everything fits, and no longer.
  const told = 'ab'.repeat(32);
  writeFileSync(record, `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs} ${told}\n`);
  expect(await contentHash(at('kept'))).toBe(told);
  const fields = [dev, ino, size, mtimeNs, ctimeNs];
  for (const place of fields.keys()) {
    writeFileSync(record, `${fields.map((value, i) => (i === place ? value + 1n : value)).join(' ')} ${told}\n`);
    expect(await contentHash(at('kept')), `field ${place} differs`).toBe(hashOf(content(1)));
  }
  for (const torn of [
    '',
    'ab',
    `${fields.join(' ')} ${told.slice(1)}\n`,
    `${fields.join(' ')} ${told}`,
    '\0'.repeat(99),
  ]) {
    writeFileSync(record, torn);
    expect(await contentHash(at('kept'))).toBe(hashOf(content(1)));
  }
});

it('sees other content of the same size, also when the time of modification was set back', async () => {
  for (const name of ['edited', 'restored', 'replaced']) expect(await contentHash(at(name))).toBe(hashOf(content(1)));
  writeFileSync(at('edited'), content(2));
  expect(await contentHash(at('edited'))).toBe(hashOf(content(2)));

  const { atimeNs, mtimeNs, mtime, atime, ino } = statSync(at('restored'), { bigint: true });
  writeFileSync(at('restored'), content(3));
  utimesSync(at('restored'), atime, mtime);
  const now = statSync(at('restored'), { bigint: true });
  expect([now.ino, now.size, now.mtimeNs]).toEqual([ino, BigInt(bytes), mtimeNs]);
  expect(atimeNs).toBeGreaterThan(0n);
  await settle();
  expect(await contentHash(at('restored'))).toBe(hashOf(content(3)));

  writeFileSync(at('new'), content(4));
  const before = statSync(at('replaced'));
  utimesSync(at('new'), before.atime, before.mtime);
  renameSync(at('new'), at('replaced'));
  expect(await contentHash(at('replaced'))).toBe(hashOf(content(4)));

  await contentHash(at('grown'));
  truncateSync(at('grown'), bytes - 1);
  expect(await contentHash(at('grown'))).toBe(hashOf(content(1).subarray(1)));
});

it('keeps no record of what was just written: it could change again within a tick of the clock', async () => {
  writeFileSync(at('fresh'), content(5));
  rmSync(recordOf(at('fresh')), { force: true }); // of a file that is gone, whose inode this one has
  expect(await contentHash(at('fresh'))).toBe(hashOf(content(5)));
  expect(records()).not.toContain(recordOf(at('fresh')).split('/').at(-1));
  writeFileSync(at('fresh'), content(6));
  expect(await contentHash(at('fresh'))).toBe(hashOf(content(6)));
});

it('is the same under another name: moved, copied, linked', async () => {
  const hash = await contentHash(at('moved'));
  const record = recordOf(at('moved', 'model'));
  const kept = readFileSync(record, 'utf8');
  renameSync(at('moved'), at('elsewhere'));
  expect(await contentHash(at('elsewhere'))).toBe(hash);
  expect([recordOf(at('elsewhere', 'model')), readFileSync(record, 'utf8')]).toEqual([record, kept]);
  cpSync(at('elsewhere'), at('twin'), { recursive: true });
  expect(await contentHash(at('twin'))).toBe(hash);

  linkSync(at('hard'), at('hard-2'));
  expect(await contentHash(at('hard'))).toBe(await contentHash(at('hard-2')));
  writeFileSync(at('hard-2'), content(7)); // one file with two names
  expect(await contentHash(at('hard'))).toBe(hashOf(content(7)));

  // The layout of the Hugging Face cache: snapshots of links to blobs.
  mkdirSync(at('hub', 'snapshot'), { recursive: true });
  copyFileSync(at('linked'), at('hub', 'blob'));
  symlinkSync('../blob', at('hub', 'snapshot', 'model'));
  expect(await contentHash(at('hub', 'snapshot'))).toBe(hash);
  symlinkSync('snapshot', at('hub', 'main'));
  expect(await contentHash(at('hub', 'main'))).toBe(hash);
  writeFileSync(at('hub', 'blob'), content(8));
  expect(await contentHash(at('hub', 'snapshot'))).not.toBe(hash);
});

it('of a folder is that of its names and files, hidden ones apart', async () => {
  const write = (name: string, text: string) => {
    mkdirSync(dirname(at('folder', name)), { recursive: true });
    writeFileSync(at('folder', name), text);
  };
  const seen = new Set<string>();
  const differs = async () => {
    const hash = await contentHash(at('folder'));
    expect(seen.has(hash)).toBe(false);
    seen.add(hash);
    return hash;
  };
  write('a', 'one');
  const first = await differs();
  write('.hidden', 'x');
  write('.git/x', 'x');
  expect(await contentHash(at('folder'))).toBe(first);
  write('b/c', 'two');
  await differs();
  renameSync(at('folder', 'b', 'c'), at('folder', 'b', 'd'));
  await differs();
  write('b/d', 'owt');
  await differs();
  write('__proto__', 'three');
  await differs();
  write('__proto__', 'eerht');
  await differs();
});

it('is right for many who ask at once, and where nothing can be kept', async () => {
  const asked = await Promise.all(Array.from({ length: 20 }, () => contentHash(at('many'))));
  expect(new Set(asked)).toEqual(new Set([hashOf(content(1))]));
  writeFileSync(at('no-folder'), '');
  vi.stubEnv('XDG_CACHE_HOME', at('no-folder'));
  expect(await contentHash(at('many'))).toBe(hashOf(content(1)));
  vi.stubEnv('XDG_CACHE_HOME', at('cache'));
});

it('notices a file that changes while it is read', async () => {
  const large = Buffer.alloc(24 << 20, 1);
  writeFileSync(at('writing'), large);
  // Changed once: read again.
  const hashing = contentHash(at('writing'));
  large[0] = 2;
  setImmediate(() => writeFileSync(at('writing'), large));
  expect(await hashing).toBe(hashOf(large));
  // Exchanged for another: that one counts.
  const other = contentHash(at('writing'));
  large[0] = 3;
  writeFileSync(at('next'), large);
  setImmediate(() => renameSync(at('next'), at('writing')));
  expect(await other).toBe(hashOf(large));
  // Changed over and over: refused.
  let n = 0;
  const timer = setInterval(() => writeFileSync(at('writing'), large.subarray(0, (24 << 20) - ++n)), 1);
  const error = await contentHash(at('writing')).catch((thrown: unknown) => thrown);
  clearInterval(timer);
  expect(error).toBeInstanceOf(DataError);
  expect((error as DataError).code).toBe('file-changes');
});

it('takes files in any order, and every name and hash of them', () => {
  type Files = [name: string, hash: string][];
  const files: Files = [['a', '1'], ['b', '2'], ['c', '3']]; // biome-ignore format: pairs
  const places = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]; // biome-ignore format: rows
  expect(new Set(places.map((order) => filesHash(order.map((i) => files[i]!)))).size).toBe(1);
  const others: Files[] = [
    [],
    files.slice(0, 2),
    [['a', '1'], ['b', '3'], ['c', '2']], // biome-ignore format: pairs
    [['a', '1'], ['b', '1'], ['c', '3']], // biome-ignore format: pairs
    [['a2', '1'], ['b', '2'], ['c', '3']], // biome-ignore format: pairs
  ];
  expect(new Set([files, ...others].map((each) => filesHash(each))).size).toBe(1 + others.length);
});

it('says what takes long, once', async () => {
  const lines: string[] = [];
  let now = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 1500));
  await contentHash(at('writing'), { report: (line) => lines.push(line) });
  clock.mockRestore();
  expect(lines).toEqual([expect.stringMatching(/^hashing .*writing \(0\.0 GB\), once as long as it does not change$/)]);
});

it('explains what cannot be read', async () => {
  await expect(contentHash(at('nothing'))).rejects.toMatchObject({ code: 'no-such-file' });
  writeFileSync(at('closed'), 'x');
  chmodSync(at('closed'), 0);
  if (process.getuid?.() !== 0) await expect(contentHash(at('closed'))).rejects.toMatchObject({ code: 'cannot-read' });
});
