// What is written whole or not at all, against a file system that fails: every call once. Whichever it is, what was there
// before is there after, as it was, or the new one is, complete; and nothing else lies beside it.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';

/** The call that fails, counted from 0 over all kinds, and how many there were. */
const calls = vi.hoisted(() => ({ failing: Number.POSITIVE_INFINITY, made: 0 }));

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const failing = <F extends (...args: never[]) => unknown>(call: F) =>
    ((...args: never[]) => {
      if (calls.made++ === calls.failing) throw Object.assign(new Error('on purpose'), { code: 'EIO' });
      return call(...args);
    }) as F;
  const { mkdirSync, openSync, writeFileSync, writeSync, fsyncSync, renameSync } = fs;
  const writing = { mkdirSync, openSync, writeFileSync, writeSync, fsyncSync, renameSync };
  return {
    ...fs,
    ...Object.fromEntries(Object.entries(writing).map(([name, call]) => [name, failing(call as never)])),
  };
});

// What the set-up of the tests has loaded has the real file system.
vi.resetModules();
const { StagedFolder, writeFileAtomic } = await import('../packages/tsumugi/src/base/index.ts');
const { saveCheckpoint, writeArtefact } = await import('../packages/tsumugi/src/store/index.ts');
const { OutputFile } = await import('../packages/tsumugi/src/store/output-file.ts');

/** Each writes `content` at `place`, and reads it there. */
const writers = {
  writeFileAtomic: {
    write: (place: string, content: string) => writeFileAtomic(place, content),
    read: (place: string) => readFileSync(place, 'utf8'),
  },
  OutputFile: {
    write(place: string, content: string) {
      using file = new OutputFile(place);
      file.write(Buffer.from(content));
      file.commit();
    },
    read: (place: string) => readFileSync(place, 'utf8'),
  },
  StagedFolder: {
    write(place: string, content: string) {
      using staged = new StagedFolder(place, () => true);
      mkdirSync(join(staged.path, 'deep'));
      writeFileSync(join(staged.path, 'deep', 'a'), content);
      staged.commit();
    },
    read: (place: string) => readFileSync(join(place, 'deep', 'a'), 'utf8'),
  },
  writeArtefact: {
    write: (place: string, content: string) =>
      writeArtefact(place, { config: { content }, tensors: [], lineage: { stage: 'test' } }),
    read: (place: string) => JSON.parse(readFileSync(join(place, 'config.json'), 'utf8')).content,
  },
  saveCheckpoint: {
    write: (place: string, content: string) => saveCheckpoint(place, 7, { tensors: {}, state: { content } }),
    read: (place: string) => JSON.parse(readFileSync(join(place, 'step-000000007', 'state.json'), 'utf8')).content,
  },
};

it.each(Object.entries(writers))('%s leaves the old or the new, whichever call fails', (_, { write, read }) => {
  let failures = 0;
  for (let failing = 0; ; failing++) {
    const home = mkdtempSync(join(tmpdir(), 'tsumugi-write-faults-'));
    const place = join(home, 'place');
    calls.failing = Number.POSITIVE_INFINITY;
    write(place, 'old');
    const names = () => [home, place].map(listed);
    const before = names();
    Object.assign(calls, { failing, made: 0 });
    let failed = false;
    try {
      write(place, 'new');
    } catch {
      failed = true;
    }
    const ended = calls.made <= failing;
    calls.failing = Number.POSITIVE_INFINITY;
    const found = read(place);
    expect(['old', 'new'], `call ${failing}`).toContain(found);
    if (!failed) expect(found, `call ${failing}`).toBe('new');
    expect(names(), `call ${failing}`).toEqual(before);
    rmSync(home, { recursive: true });
    if (ended) break;
    failures++;
  }
  expect(failures).toBeGreaterThan(2);
});

const listed = (folder: string): string[] => {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // a file
  }
};
