// Checkpoints that several processes write together: whole tensors shared out, pieces joined, and what happens when one of them cannot.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError, sha256File } from '../../base/index.ts';
import { inTime, thorough } from '../../base/thorough.testing.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { arange, ones, scope } from '../../torch/index.ts';
import { writeSafetensors } from '../safetensors/index.ts';
import {
  cleanCheckpoints,
  listCheckpoints,
  loadCheckpoint,
  loadLatestCheckpoint,
  saveCheckpoint,
  scoreCheckpoint,
} from './index.ts';
import { piecesMetadata } from './joined.ts';

const script = fileURLToPath(new URL('writers.testing.ts', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsumugi-writers-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function write(world: number, what = 'nothing') {
  const home = join(folder, `${world}-${what}`);
  const results = await Promise.all(
    Array.from({ length: world }, (_, rank) => {
      const child = spawn(process.execPath, [script, home, String(rank), String(world), what]);
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (text) => (stdout += text));
      child.stderr.on('data', (text) => (stderr += text));
      return new Promise<{ stdout: string; stderr: string; end: number | string }>((resolve) =>
        child.on('close', (code, signal) => resolve({ stdout, stderr: stderr.trim(), end: signal ?? code! })),
      );
    }),
  );
  return { results, checkpoints: join(home, 'checkpoints') };
}

const partsOf = (path: string) => readdirSync(path).filter((name) => name.endsWith('.safetensors')).sort(); // biome-ignore format: one line

/** Looks at a checkpoint of step 2 as whoever reads it. */
function expectWhole(path: string): void {
  using loaded = loadCheckpoint(path);
  scope(() => {
    const [model, optimizer] = [loaded.tensors('model'), loaded.tensors('optimizer')];
    expect(loaded.groups).toEqual(['model', 'optimizer']);
    expect(model.names.toSorted()).toEqual(['big', 'small', 'w', '層'].sort());
    expect(model.tensor('w').tolist()).toEqual(arange(2, 23).reshape([7, 3]).to('float32').tolist());
    expect(model.tensor('big').shape).toEqual([40, 5]);
    expect(optimizer.names.toSorted()).toEqual(['w.m', 'w.v']);
    expect(optimizer.has('w.m')).toBe(true);
    expect(optimizer.info('w.m')).toMatchObject({ dtype: 'float32', shape: [7, 3], bytes: 84 });
    expect(optimizer.tensor('w.m').tolist()).toEqual(model.tensor('w').tolist());
    const flat = arange(2, 23).tolist() as number[];
    for (const [start, count] of [[0, 21], [3, 4], [4, 8], [8, 2], [9, 12], [20, 1], [21, 0], [0, 0]] as const) // biome-ignore format: a list
      expect(optimizer.elements('w.m', start, count).tolist()).toEqual(flat.slice(start, start + count));
    expect(() => optimizer.elements('w.m', 20, 2)).toThrow();
    expect(() => optimizer.tensor('w.x')).toThrow(/no tensor "w.x"/);
    expect(loaded.state).toEqual({ step: 2, rank: 0 });
  });
}

describe('a checkpoint of several writers', () => {
  it.each(inTime([1, 3], [1, 2, 3]))(
    'has whole tensors for readers, and each writer’s share once: %i',
    async (world) => {
      const { results, checkpoints } = await write(world);
      // Each goes on only when it is complete.
      for (const { stdout, stderr, end } of results) expect([stdout, stderr, end]).toEqual(['1\n2\n', '', 0]);
      expect(readdirSync(checkpoints)).toEqual(['step-000000001', 'step-000000002']);
      const path = join(checkpoints, 'step-000000002');
      expectWhole(path);
      scoreCheckpoint(checkpoints, 2, 1.5);
      expectWhole(path);
      if (world === 1) expect(partsOf(path)).toEqual(['model.safetensors', 'optimizer.safetensors']);
      else {
        const files = partsOf(path);
        expect(files).toContain('model-00001-of-00003.safetensors');
        expect(files).toContain('optimizer-00003-of-00003.safetensors');
        const bytes = files.reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
        const [largest, rest] = [40 * 5 * 4, (3 + 21 + 20 + 21 + 2) * 4];
        const header = files.reduce(
          (sum, name) => sum + 8 + Number(readFileSync(join(path, name)).readBigUInt64LE()),
          0,
        );
        expect(bytes - header).toBe(largest + rest);
        // One writer has the large tensor, and the others what is left.
        const model = files.filter((name) => name.startsWith('model')).map((name) => statSync(join(path, name)).size);
        expect(Math.max(...model)).toBeLessThan(largest + 300);
      }
    },
  );

  it('is none when one of them fails: all say why, and nothing is left of it', async () => {
    const { results, checkpoints } = await write(3, 'fails');
    expect(results.map(({ end }) => end)).toEqual([1, 1, 1]);
    expect(results[2]!.stderr).toBe('no room left here');
    for (const { stderr } of results.slice(0, 2)) expect(stderr).toBe('writer 2 could not save: no room left here');
    expect(readdirSync(checkpoints)).toEqual(['step-000000001']);
  });

  it('is none when one of them is killed, and the next run removes what there is', async () => {
    const { results, checkpoints } = await write(3, 'killed');
    expect(results.map(({ end }) => end)).toEqual([1, 1, 'SIGKILL']);
    expect(listCheckpoints(checkpoints).map(({ step }) => step)).toEqual([1]);
    expect(cleanCheckpoints(checkpoints)).toBe(1);
    expect(readdirSync(checkpoints)).toEqual(['step-000000001']);
  });

  it('is none when elements are missing', async () => {
    const { results, checkpoints } = await write(3, 'gap');
    expect(results[0]!.stderr).toMatch(/^the checkpoint .* is damaged: its tensor "w.m" is not complete$/);
    expect(results[1]!.stderr).toMatch(/^writer 0 could not save: the checkpoint .* "w.m" is not complete$/);
    expect(readdirSync(checkpoints)).toEqual(['step-000000001']);
  });

  it('is none when one of them has another folder', async ({ skip }) => {
    skip(!thorough, 'takes 15 seconds: in npm run test:long');
    const { results, checkpoints } = await write(2, 'elsewhere');
    expect(results.map(({ end }) => end)).toEqual([1, 1]);
    expect(results[1]!.stderr).toMatch(/^writer 1 does not see .*, which writer 0 has made$/);
    expect(results[0]!.stderr).toMatch(/^writer 1 could not save: writer 1 does not see/);
    expect(existsSync(join(checkpoints, '..', 'elsewhere'))).toBe(false);
    expect(readdirSync(checkpoints)).toEqual([]);
  });
});

describe('reading', () => {
  it('opens checkpoints of the version before', () => {
    const home = join(folder, 'old');
    const { path } = scope(() => saveCheckpoint(home, 4, { tensors: { model: [['w', ones([2])]] }, state: 4 }));
    const manifest = join(path, 'manifest.json');
    const text = readFileSync(manifest, 'utf8');
    expect(text).toContain('"version": 2');
    writeFileSync(manifest, text.replace('"version": 2', '"version": 1'));
    using loaded = loadLatestCheckpoint(home)!;
    scope(() => expect(loaded.tensors('model').tensor('w').tolist()).toEqual([1, 1]));
  });

  it.each([
    ['is there twice', 2, [7, 3], 'float32'],
    ['is not complete', 6, [7, 3], 'float32'],
    ['consists of pieces of several tensors', 5, [3, 7], 'float32'],
    ['consists of pieces of several tensors', 5, [7, 3], 'float64'],
  ] as const)('refuses a tensor that %s', async (problem, from, shape, dtype) => {
    const [good, path] = [join(folder, 'pieces', 'good'), join(folder, 'pieces', 'step-000000001')];
    rmSync(join(folder, 'pieces'), { recursive: true, force: true });
    scope(() => {
      const state = saveCheckpoint(good, 1, { tensors: { model: [] }, state: 1 });
      cpSync(state.path, path, { recursive: true });
      const part = (number: number, piece: object, count: number, type: 'float32' | 'float64') =>
        writeSafetensors(
          join(path, `optimizer-0000${number}-of-00002.safetensors`),
          [['w', ones([count], { dtype: type })]],
          piecesMetadata({ w: piece as never }),
        );
      part(1, { shape: [7, 3], from: 0 }, 5, 'float32');
      part(2, { shape, from }, 16, dtype);
      const parts = partsOf(path).map((name) => {
        const file = join(path, name);
        return { name, bytes: statSync(file).size, sha256: sha256File(file) };
      });
      const files = [...parts, ...state.files.filter(({ name }) => name === 'state.json')];
      writeFileSync(
        join(path, 'manifest.json'),
        JSON.stringify({ format: 'tsumugi-checkpoint', version: 2, step: 1, score: null, files }),
      );
    });
    const error = thrown(CheckpointError, () => loadCheckpoint(path));
    expect(error.message).toContain(`is damaged: its tensor "w" ${problem}`);
  });
});
