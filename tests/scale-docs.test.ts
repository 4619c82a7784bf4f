// docs/scale.md: its program trains over ranks.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runRanks } from '../packages/tsumugi/src/mesh/ranks.testing.ts';
import { readEvents } from '../packages/tsumugi/src/run/index.ts';
import { tinySetup } from '../packages/tsumugi/src/train/train.testing.ts';
import { readPage, root, snippetsOf } from './snippets.testing.ts';

it('has a program that trains over ranks', async () => {
  const setup = await tinySetup();
  // Packages are found from where a program lies.
  mkdirSync(`${root}build`, { recursive: true });
  const folder = mkdtempSync(join(root, 'build', 'scale-'));
  onTestFinished(() => {
    setup[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });
  const config = setup.config('run', { steps: 2, checkpointEvery: 0 });
  writeFileSync(join(folder, 'run.json'), JSON.stringify(config));
  const [snippet, ...others] = snippetsOf(readPage('scale.md'));
  expect(others).toEqual([]);
  writeFileSync(join(folder, 'program.ts'), snippet!.code);
  const ranks = await runRanks(join(folder, 'program.ts'), 2, { folders: [folder, folder] });
  for (const { code, stderr } of ranks) expect(code, stderr).toBe(0);
  expect(ranks.map(({ stdout }) => stdout !== '')).toEqual([true, false]);
  const steps = readEvents(join(config.out, 'events.jsonl')).filter(({ type }) => type === 'step');
  expect(steps).toHaveLength(2);
  expect(steps[0]).toMatchObject({
    metrics: { reduceSeconds: expect.any(Number), reduceWaitSeconds: expect.any(Number) },
  });
});
