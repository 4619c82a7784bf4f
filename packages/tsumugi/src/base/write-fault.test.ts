// What people are told when a place cannot be written to.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomic } from './atomic.ts';
import { UserError } from './errors.ts';
import { StagedFolder } from './staged-folder.ts';
import { makeFolder, writingAt } from './write-fault.ts';

let home: string;
const at = (...parts: string[]) => join(home, ...parts);
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-write-'));
  writeFileSync(at('file'), 'mine');
});
afterEach(() => rmSync(home, { recursive: true }));

const systemError = (code: string) => Object.assign(new Error(`${code}: as the system says it`), { code });

/** Everything that makes a place, for one that lies at `place`. */
const writers: [string, (place: string) => void][] = [
  ['makeFolder', (place) => makeFolder(place)],
  ['writeFileAtomic', (place) => writeFileAtomic(join(place, 'a.json'), '{}')],
  ['StagedFolder', (place) => new StagedFolder(join(place, 'a')).commit()],
];

describe.each(writers)('%s', (_, write) => {
  it('makes what is missing', () => {
    write(at('a', 'b'));
    expect(existsSync(at('a', 'b'))).toBe(true);
  });

  it.each([
    ['below a file', () => at('file', 'a'), /a part of the path is a file/],
    ['with a name that is too long', () => at('x'.repeat(300)), /the name is too long.*\n {2}→ Choose a shorter one/],
    // Node itself asks for ever here.
    ['where no folder can be made', () => '/proc/tsumugi/a', /cannot be written: .*\n {2}→ /],
  ])('names a place %s', (_case, place, reason) => {
    expect(() => write(place())).toThrow(UserError);
    expect(() => write(place())).toThrow(reason);
    expect(() => write(place())).toThrow(place().slice(0, 12));
  });
});

it('gives every fault its place, its reason and a way out', () => {
  for (const code of ['EROFS', 'ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EISDIR', 'EIO', 'EMFILE', 'EFBIG', 'ELOOP']) {
    const write = () =>
      writingAt('out/model', () => {
        throw systemError(code);
      });
    expect(write).toThrow(/^out\/model cannot be written: .+\n {2}→ .+/);
    expect(write).toThrow(UserError);
  }
  expect(() => writingAt('out', () => writeFileSync('/dev/full', 'x'))).toThrow(
    'out cannot be written: the disk is full',
  );
});

it('leaves what is no fault of the file system as it is', () => {
  const own = new UserError('own', 'a sentence');
  for (const error of [own, new TypeError('a bug')]) {
    expect(() =>
      writingAt('out', () => {
        throw error;
      }),
    ).toThrow(error);
  }
});

it('says whether a folder was made', () => {
  expect([makeFolder(at('a', 'b')), makeFolder(at('a', 'b')), makeFolder(at('a'))]).toEqual([true, false, false]);
});
