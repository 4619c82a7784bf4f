// Walking folders as they are in the world: links in a circle, names from old archives, things that are no files.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { walkFiles } from './walk-files.ts';

let home: string;
const at = (...parts: string[]) => join(home, ...parts);
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-walk-'));
});
afterEach(() => rmSync(home, { recursive: true }));

it('finds files at every depth, in a fixed order, and counts the hidden ones', () => {
  mkdirSync(at('b', 'c'), { recursive: true });
  mkdirSync(at('.git'));
  for (const name of ['b/c/deep', 'b.txt', 'A', '.hidden', '.git/x']) writeFileSync(at(name), name);
  expect(walkFiles(home)).toEqual({
    files: ['A', 'b/c/deep', 'b.txt'].map((name) => ({ path: at(name), name, bytes: name.length })),
    leftOut: [],
    hidden: 2,
  });
});

it('ends where links lead in a circle, and enters a folder once however many ways lead to it', () => {
  // Two links from each folder to the next: 2^30 ways to the last one.
  for (let depth = 0; depth < 30; depth++) {
    mkdirSync(at(`d${depth}`));
    for (const link of ['x', 'y']) symlinkSync(at(`d${depth + 1}`), at(`d${depth}`, link));
  }
  mkdirSync(at('d30'));
  symlinkSync(home, at('d30', 'home'));
  symlinkSync('.', at('d30', 'self'));
  writeFileSync(at('d30', 'a'), '');
  expect(walkFiles(at('d0')).files.map(({ bytes, name }) => [bytes, name.split('/').at(-1)])).toEqual([[0, 'a']]);
  expect(walkFiles(home).leftOut).toEqual([]);
});

it('names what cannot be read, with the reason', () => {
  symlinkSync(at('gone'), at('dangling'));
  symlinkSync('b', at('a'));
  symlinkSync('a', at('b'));
  execFileSync('mkfifo', [at('pipe')]);
  // 猫.txt in Shift_JIS, as old archives unpack.
  writeFileSync(Buffer.concat([Buffer.from(`${home}/`), Buffer.of(0x94, 0x4c), Buffer.from('.txt')]), '');
  const { files, leftOut } = walkFiles(home);
  expect(files).toEqual([]);
  expect(Object.fromEntries(leftOut.map(({ path, why }) => [path.slice(home.length + 1), why]))).toEqual({
    dangling: 'it is a link to something that is not there',
    a: 'it is a link that leads back to itself',
    b: 'it is a link that leads back to itself',
    pipe: 'it is no file (a device, a socket or a pipe)',
    '\\x94L.txt': 'its name is not UTF-8',
  });
});

it('refuses what is no folder', () => {
  writeFileSync(at('file'), '');
  expect(() => walkFiles(at('file'))).toThrow(/the folder .*file cannot be read\n {2}→/);
  expect(() => walkFiles(at('none'))).toThrow(/the folder .*none does not exist\n {2}→ Check the path/);
});
