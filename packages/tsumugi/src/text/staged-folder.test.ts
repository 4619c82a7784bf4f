import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './fixtures/toy.ts';
import { stageFolder } from './staged-folder.ts';

const fill = (content: string) => async (folder: string) => writeFileSync(join(folder, 'a'), content);

describe('a staged folder', () => {
  it('appears whole, also in the place of another', async () => {
    using folder = temporaryFolder();
    const target = folder.at('deep', 'target');
    await stageFolder(target, () => false, fill('one'));
    await stageFolder(target, () => true, fill('two'));
    expect(readFileSync(join(target, 'a'), 'utf8')).toBe('two');
    expect(readdirSync(folder.at('deep'))).toEqual(['target']);
  });

  it('leaves everything as it was when filling fails', async () => {
    using folder = temporaryFolder();
    const target = folder.at('target');
    await stageFolder(target, () => false, fill('one'));
    const fail = async (place: string) => {
      writeFileSync(join(place, 'half'), 'x');
      throw new Error('disk full');
    };
    await expect(stageFolder(target, () => true, fail)).rejects.toThrow('disk full');
    expect(readFileSync(join(target, 'a'), 'utf8')).toBe('one');
    expect(readdirSync(folder.path)).toEqual(['target']);
  });

  it('replaces nothing of others: neither a filled folder nor a file', async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.at('target'));
    await stageFolder(folder.at('target'), () => false, fill('one'));
    await expect(stageFolder(folder.at('target'), () => false, fill('two'))).rejects.toMatchObject({
      code: 'place-taken',
    });
    await expect(stageFolder(folder.at('target', 'a'), () => true, fill('two'))).rejects.toMatchObject({
      code: 'place-taken',
    });
  });

  it('sweeps up after a process that was killed, not after one that runs', async () => {
    using folder = temporaryFolder();
    const gone = spawnSync(process.execPath, ['--version']).pid;
    for (const id of [gone, process.pid]) mkdirSync(folder.at(`target.partial-${hostname()}-${id}-99`));
    await stageFolder(folder.at('target'), () => false, fill('one'));
    expect(readdirSync(folder.path).sort()).toEqual(['target', `target.partial-${hostname()}-${process.pid}-99`]);
  });
});
