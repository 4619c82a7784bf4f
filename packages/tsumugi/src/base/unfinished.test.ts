// Names of what is unfinished: which are recognised, by which name they go, and what is put back.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { finishedName, removeUnfinished, unfinishedFile, unfinishedFolder } from './index.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-unfinished-'));
});
afterEach(() => rmSync(home, { recursive: true }));

it('removes files and folders that were unfinished, and nothing that is somebody’s own', () => {
  const own = ['a.partial-notes', 'a.partial-notes-3', '.partial-7', 'a.partial', 'a.partial-7.bak', 'partial-7'];
  const left = [unfinishedFile('a.json'), unfinishedFolder('a'), unfinishedFolder('a'), 'x.partial-a-b.example-12-0'];
  expect(new Set(left).size).toBe(4);
  for (const name of [...own, ...left]) writeFileSync(join(home, name), '');
  mkdirSync(join(home, 'below.partial-host-1-0', 'deep'), { recursive: true });
  expect(removeUnfinished(home)).toBe(5);
  expect(readdirSync(home).sort()).toEqual(own.sort());
});

it('puts a folder back that was moved aside, unless the new one took its place', () => {
  for (const name of ['both', 'both.partial-host-1-0.old', 'lost.partial-host-1-1.old']) {
    mkdirSync(join(home, 'deep', name), { recursive: true });
    writeFileSync(join(home, 'deep', name, `of ${name.split('.').length}`), '');
  }
  expect(removeUnfinished(home)).toBe(0);
  expect(removeUnfinished(home, { recursive: true })).toBe(1);
  const files = readdirSync(home, { recursive: true, encoding: 'utf8' }).map((name) => basename(name));
  expect(files.sort()).toEqual(['both', 'deep', 'lost', 'of 1', 'of 3']);
});

it('knows what an unfinished thing was to be called', () => {
  expect(finishedName('/a/model.partial-host-1-0/config.json')).toBe('/a/model/config.json');
  expect(finishedName('/a/run.json.partial-12')).toBe('/a/run.json');
  expect(finishedName('/a/.partial-12')).toBe('/a/.partial-12');
});
