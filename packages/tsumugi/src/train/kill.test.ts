// kill -9 at any moment, then --resume: the weights are those of a run that was never interrupted. TSUMUGI_KILLS sets how
// many kills; the default keeps the suite quick.
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomStream } from '../base/index.ts';
import { sha256File } from '../store/index.ts';
import { pretrain } from './pretrain.ts';
import { silent, type TinySetup, tinySetup } from './testing.ts';

const kills = Number(process.env['TSUMUGI_KILLS'] ?? 4);
const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));

let setup: TinySetup;
beforeAll(async () => {
  setup = await tinySetup();
});
afterAll(() => setup[Symbol.dispose]());

/** Runs `tsumugi pretrain` and kills it after `milliseconds`. Returns whether it had finished by itself. */
function runKilled(config: string, milliseconds: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, 'pretrain', '--config', config, '--resume'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (text) => {
      errors += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(true);
      else if (signal === 'SIGKILL') resolve(false);
      else reject(new Error(`exit code ${code}: ${errors}`));
    });
  });
}

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
