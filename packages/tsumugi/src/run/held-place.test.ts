// The place of a result while it is made: one process holds it, and what killed ones left of it goes.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { StagedFolder, UserError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import { holdPlace } from './held-place.ts';

/** No process has this id: it is above Linux's largest. */
const nobody = 2 ** 22 + 1;

it('is held once, and cleaned of what ended processes left of it, also inside one another', () => {
  const home = mkdtempSync(join(tmpdir(), 'tsumugi-held-'));
  const at = (...names: string[]) => join(home, 'あ', ...names);
  try {
    mkdirSync(at(), { recursive: true });
    const dead = `${hostname()}-${nobody}`;
    const stays = ['other.partial-1', `out.partial-elsewhere-${nobody}-0`, `out.partial-${process.ppid}`, 'out2'];
    const goes = [`out.partial-${nobody}`, `out.partial-${nobody}.partial-${nobody}`, `out.partial-${dead}-0`];
    for (const name of [...stays, ...goes]) writeFileSync(at(name), '');
    mkdirSync(at(`out.partial-${dead}-1.partial-${dead}-2`, 'deep'), { recursive: true });
    {
      using _held = holdPlace(at('out'));
      expect(readdirSync(at()).sort()).toEqual([...stays, 'out.lock'].sort());
      expect(thrown(UserError, () => holdPlace(at('out'))).code).toBe('run-in-use');
      using _another = holdPlace(at('out2'));
      using staged = new StagedFolder(at('out'));
      using _inside = new StagedFolder(staged.path, () => true);
      new StagedFolder(at('out'))[Symbol.dispose]();
      expect(readdirSync(at()).filter((name) => name.startsWith('out.partial-')).length).toBe(2 + 2);
    }
    expect(readdirSync(at()).sort()).toEqual(stays.sort());
    holdPlace(at('new', 'folder', 'out'))[Symbol.dispose]();
    expect(readdirSync(at('new', 'folder'))).toEqual([]);
  } finally {
    rmSync(home, { recursive: true });
  }
});
