// kill -9 at any moment, then --resume: the networks are those of a run that was never interrupted. TSUMUGI_KILLS sets how
// many kills; the default keeps the suite quick.
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomStream, sha256File } from '../base/index.ts';
import { inTime } from '../base/thorough.testing.ts';
import { runAndSignal } from '../run/kill.testing.ts';
import { silent, type TinyGan, tinyGan } from './gan.testing.ts';
import { trainGan } from './train.ts';

const kills = Number(process.env['TSUMUGI_KILLS'] ?? 1);

let setup: TinyGan;
beforeAll(() => {
  setup = tinyGan();
});
afterAll(() => setup[Symbol.dispose]());

/** Runs `tsumugi gan train` and kills it after `milliseconds`. Returns whether it had finished by itself. */
async function runKilled(config: string, milliseconds: number): Promise<boolean> {
  const env = { TSUMUGI_DATA: setup.at('data') };
  return (await runAndSignal(['gan', 'train', '--config', config, '--resume'], milliseconds, { env })) === 0;
}

it(`survives ${kills} kill(s) with bit-identical weights`, { timeout: 60_000 + kills * 20_000 }, async () => {
  const settings = { steps: inTime(5, 10), checkpointEvery: 1, keepLast: 2, emaDecay: 0.5, conditional: true };
  await trainGan(setup.config('whole', settings), { stream: silent, dataFolder: setup.at('data') });
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
    // Kill it again and again until it gets through; every moment from start to end can be hit.
    let longest = uninterrupted;
    while (!(await runKilled(file, killed < kills ? random.next() * longest : 120_000))) {
      killed++;
      longest *= 1.3;
    }
    expect(sha256File(setup.at('killed', 'model', 'model.safetensors'))).toBe(whole);
  }
});
