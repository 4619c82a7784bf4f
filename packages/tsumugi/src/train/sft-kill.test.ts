// Fine-tuning killed at any moment, then --resume: the weights are those of a run that was never interrupted.
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomStream, sha256File } from '../base/index.ts';
import { runAndSignal } from '../run/kill.testing.ts';
import { type SftSetup, sftSetup } from './sft.testing.ts';
import { sft } from './sft.ts';
import { silent } from './train.testing.ts';

const kills = Number(process.env['TSUMUGI_KILLS'] ?? 3);

let setup: SftSetup;
beforeAll(async () => {
  setup = await sftSetup();
});
afterAll(() => setup[Symbol.dispose]());

/** Runs `tsumugi sft` and kills it after `milliseconds`. Returns whether it had finished by itself. */
const runKilled = async (config: string, milliseconds: number): Promise<boolean> =>
  (await runAndSignal(['sft', '--config', config, '--resume'], milliseconds)) === 0;

it(`survives ${kills} kills with bit-identical weights`, { timeout: 60_000 + kills * 30_000 }, async () => {
  const settings = {
    steps: 16,
    checkpointEvery: 1,
    keepLast: 2,
    evaluateEvery: 5,
    neftune: 5,
    gradientAccumulation: 2,
  };
  await sft(setup.config('whole', settings), { stream: silent });
  const whole = sha256File(setup.at('whole', 'model', 'model.safetensors'));
  const file = setup.at('config.json');
  writeFileSync(file, JSON.stringify(setup.config('killed', settings)));
  const began = performance.now();
  expect(await runKilled(file, 120_000)).toBe(true);
  const uninterrupted = performance.now() - began;

  const random = new RandomStream(kills);
  let killed = 0;
  while (killed < kills) {
    rmSync(setup.at('killed'), { recursive: true, force: true });
    let longest = uninterrupted;
    while (!(await runKilled(file, killed < kills ? random.next() * longest : 120_000))) {
      killed++;
      longest *= 1.3;
    }
    expect(sha256File(setup.at('killed', 'model', 'model.safetensors'))).toBe(whole);
  }
});
