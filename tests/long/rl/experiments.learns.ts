// The experiments that end once their task is solved do so, with every seed, before their last step.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { rlConfig, rlPresets, settingsOfPreset, trainAgent } from '../../../packages/tsumugi/src/rl/index.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-rl-experiments-'));
afterAll(() => rmSync(home, { recursive: true }));

const solved = Object.entries(rlPresets).filter(([, preset]) => settingsOfPreset(preset).successfulScore !== undefined);

it.each(solved.flatMap(([name, preset]) => [0, 1, 2].map((seed) => ({ name, preset, seed }))))(
  '$name, seed $seed',
  async ({ name, preset, seed }) => {
    const config = rlConfig.parse({ ...settingsOfPreset(preset), seed, out: join(home, `${name}-${seed}`) });
    const { steps, evaluation } = await trainAgent(config, { stream: { write: () => true } });
    console.log(`${name}, seed ${seed}: ${evaluation!.mean} after ${steps} steps`);
    expect(evaluation!.mean).toBeGreaterThanOrEqual(config.successfulScore!);
  },
);
