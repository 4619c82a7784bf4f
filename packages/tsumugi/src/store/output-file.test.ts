// A file that cannot be written leaves nothing behind, and the error is the one of every other place.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UserError } from '../base/index.ts';
import { OutputFile } from './output-file.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-output-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function write(path: string): void {
  using file = new OutputFile(path);
  file.write(Buffer.from('x'));
  file.commit();
}

it.each([
  ['below a file', 'file/a', /file cannot be written: something else is there that is no folder/],
  ['with a name that is too long', 'x'.repeat(250), /cannot be written: the name is too long/],
  ['where a folder is', 'folder', /folder cannot be written: it is a folder/],
])('is refused %s', (_, name, reason) => {
  writeFileSync(join(home, 'file'), '');
  mkdirSync(join(home, 'folder'));
  expect(() => write(join(home, name))).toThrow(UserError);
  expect(() => write(join(home, name))).toThrow(reason);
  expect(readdirSync(home)).toEqual(['file', 'folder']);
});
