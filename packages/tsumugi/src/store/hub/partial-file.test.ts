// A file on its way: whose it is, and when it may have its place.
import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PartialFile } from './partial-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsumugi-partial-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const hash = 'f'.repeat(64);

it('has no place when another process wrote to it as well', () => {
  using partial = PartialFile.claim(folder, hash)!;
  partial.write(Buffer.from('abc'));
  appendFileSync(partial.path, 'd');
  expect(partial.commit()).toBe(false);
  expect(existsSync(join(folder, hash))).toBe(false);
  partial.restart();
  partial.write(Buffer.from('abcd'));
  expect(partial.commit()).toBe(true);
  expect(readdirSync(folder)).toEqual([hash]);
});

it('of another machine is waited for, until nothing has changed for ten minutes', () => {
  const path = join(folder, `${hash}.elsewhere-1-0.incomplete`);
  writeFileSync(path, 'ab');
  const changed = (minutesAgo: number) => {
    const when = Date.now() / 1000 - 60 * minutesAgo;
    utimesSync(path, when, when);
  };
  changed(9);
  expect(PartialFile.claim(folder, hash)).toBeUndefined();
  changed(11);
  using partial = PartialFile.claim(folder, hash)!;
  expect([partial.bytes, existsSync(path)]).toEqual([2, false]);
});
