// kill -9 at any moment, then --resume: the weights are those of a run that was never interrupted. TSUMUGI_KILLS sets how
// many kills; the default keeps the suite quick.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomStream, sha256File } from '../base/index.ts';
import { runAndSignal } from '../run/kill.testing.ts';
import { pretrain } from './pretrain.ts';
import { silent, type TinySetup, tinySetup } from './train.testing.ts';

const kills = Number(process.env['TSUMUGI_KILLS'] ?? 4);

let setup: TinySetup;
beforeAll(async () => {
  setup = await tinySetup();
});
afterAll(() => setup[Symbol.dispose]());

/** Runs `tsumugi pretrain` and kills it after `milliseconds`. Returns whether it had finished by itself. */
const runKilled = async (config: string, milliseconds: number): Promise<boolean> =>
  (await runAndSignal(['pretrain', '--config', config, '--resume'], milliseconds)) === 0;

it(`survives ${kills} kills with bit-identical weights`, { timeout: 60_000 + kills * 20_000 }, async () => {
  const settings = { steps: 40, checkpointEvery: 1, evaluateEvery: 7 };
  await pretrain(setup.config('whole', settings), { stream: silent });
  const whole = sha256File(join(setup.folder, 'whole', 'model', 'model.safetensors'));
  const file = join(setup.folder, 'config.json');
  writeFileSync(file, JSON.stringify(setup.config('killed', settings)));
  const began = performance.now();
  expect(await runKilled(file, 120_000)).toBe(true);
  const uninterrupted = performance.now() - began;

  const random = new RandomStream(kills);
  let killed = 0;
  while (killed < kills) {
    rmSync(join(setup.folder, 'killed'), { recursive: true, force: true });
    // Kill it again and again until it gets through; every moment from start to end can be hit.
    let longest = uninterrupted;
    while (!(await runKilled(file, killed < kills ? random.next() * longest : 120_000))) {
      killed++;
      longest *= 1.3;
    }
    expect(sha256File(join(setup.folder, 'killed', 'model', 'model.safetensors'))).toBe(whole);
  }
});
