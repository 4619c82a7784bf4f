// Kills a process that writes checkpoints, at random moments: what can be seen afterwards is complete, and nothing that was
// announced is lost.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { inTime } from '../../base/thorough.testing.ts';
import { scope } from '../../torch/index.ts';
import { bestCheckpoint, latestCheckpoint, listCheckpoints, loadCheckpoint, loadLatestCheckpoint } from './index.ts';

const writer = fileURLToPath(new URL('killed-writer.testing.ts', import.meta.url));

/** Runs the writer, kills it `delay` milliseconds after its first checkpoint; resolves with the last step it announced. */
function runAndKill(folder: string, delay: number): Promise<number> {
  // It waits for the disk, which `NODE_OPTIONS` of tests/setup.ts would not.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, [writer, folder], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((resolve, reject) => {
    let output = '';
    let errors = '';
    child.stderr.on('data', (data) => {
      errors += data;
    });
    child.stdout.on('data', (data) => {
      if (output === '') setTimeout(() => child.kill('SIGKILL'), delay);
      output += data;
    });
    child.on('close', (_code, signal) => {
      if (signal === 'SIGKILL') resolve(Number(output.trim().split('\n').at(-1)));
      else reject(new Error(`the writer ended by itself: ${errors}`));
    });
  });
}

const kills = inTime(4, 20);

it(`leaves complete checkpoints behind, killed ${kills} times at least`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsumugi-kill-'));
  const random = new RandomStream(11);
  try {
    let previous = -1;
    let interrupted = 0;
    // Some kills have to hit the middle of a save, otherwise this tested nothing.
    for (let kill = 0; kill < kills || (interrupted < kills / 6 && kill < 30); kill++) {
      const announced = await runAndKill(folder, random.next() * 40);
      if (readdirSync(folder).some((name) => name.includes('.partial-'))) interrupted++;
      for (const checkpoint of listCheckpoints(folder)) {
        using loaded = loadCheckpoint(checkpoint); // verifies sizes and hashes
        const { step } = checkpoint;
        expect(loaded.state).toEqual({ step, random: Uint8Array.of(step & 255) });
        scope(() => {
          const all = ['model', 'optimizer'].flatMap((group) => {
            const tensors = loaded.tensors(group);
            return tensors.names.map((name) => tensors.tensor(name));
          });
          expect(all).toHaveLength(3);
          for (const tensor of all) expect(tensor.eq(step).all().item()).toBe(1);
        });
      }
      const latest = latestCheckpoint(folder)!;
      expect(latest.step).toBeGreaterThanOrEqual(announced);
      expect(latest.step).toBeGreaterThan(previous);
      previous = latest.step;
      expect(bestCheckpoint(folder, 'lowest')).toBeDefined();
    }
    expect(interrupted).toBeGreaterThanOrEqual(kills / 6);
    using last = loadLatestCheckpoint(folder);
    expect(last!.step).toBe(previous);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 180_000);
