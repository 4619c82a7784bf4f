// Staged folders: whole or absent, replaced or kept, and the leftovers of a killed process.
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DataError, StagedFolder } from './index.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-staged-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function make(target: string, content: string, mayReplace?: () => boolean): void {
  using staged = new StagedFolder(target, mayReplace);
  mkdirSync(join(staged.path, 'deep'));
  writeFileSync(join(staged.path, 'deep', 'a'), content);
  staged.commit();
}
const read = (target: string) => readFileSync(join(target, 'deep', 'a'), 'utf8');

it('appears on commit, replaces only what may be replaced, and vanishes without commit', () => {
  const target = join(home, 'new', 'folder');
  make(target, 'one');
  expect(read(target)).toBe('one');
  expect(() => make(target, 'two')).toThrow(DataError);
  make(target, 'two', () => true);
  expect(read(target)).toBe('two');
  expect(() => {
    using staged = new StagedFolder(target, () => true);
    writeFileSync(join(staged.path, 'a'), 'x');
    throw new Error('on purpose');
  }).toThrow('on purpose');
  expect(read(target)).toBe('two');
  expect(readdirSync(join(home, 'new'))).toEqual(['folder']);
});

it('cleans up after killed processes, and leaves running ones alone', () => {
  const target = join(home, 'folder');
  const prefix = `folder.partial-${hostname()}-`;
  const dead = 2 ** 22 + 1; // above the largest process id of Linux and macOS
  mkdirSync(join(home, `${prefix}${dead}-0`));
  mkdirSync(join(home, `${prefix}${process.ppid}-0`)); // a process that runs
  mkdirSync(join(home, `${prefix}${process.pid}-99`)); // of an earlier process with our id, as containers have
  using other = new StagedFolder(target);
  make(target, 'one');
  expect(readdirSync(home).sort()).toEqual([
    'folder',
    ...[other.path.slice(home.length + 1), `${prefix}${process.ppid}-0`].sort(),
  ]);
  // Killed between the two renames of a replacement: the old folder is put back.
  renameSync(target, join(home, `${prefix}${dead}-1.old`));
  expect(() => make(target, 'two')).toThrow(DataError);
  expect(read(target)).toBe('one');
});

it('lands where a link leads to, so that the link stays', () => {
  const [disk, link] = [join(home, 'disk'), join(home, 'link')];
  mkdirSync(disk);
  symlinkSync(disk, link);
  make(link, 'one');
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(read(disk)).toBe('one');
  make(link, 'two', () => true);
  expect(read(disk)).toBe('two');
  expect(readdirSync(home).sort()).toEqual(['disk', 'link']);
});
