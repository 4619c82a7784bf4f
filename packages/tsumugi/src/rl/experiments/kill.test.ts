// kill -9 at any moment, then go on: the agent is that of a run that was never interrupted, and so are its scores. TSUMUGI_KILLS sets
// how many kills; the default keeps the suite quick.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomStream, sha256File } from '../../base/index.ts';
import { silent, type TinyRuns, tinyRuns } from './experiments.testing.ts';
import { trainAgent } from './index.ts';

const kills = Number(process.env['TSUMUGI_KILLS'] ?? 1);
const program = fileURLToPath(new URL('killed-training.testing.ts', import.meta.url));

let runs: TinyRuns;
beforeAll(() => {
  runs = tinyRuns();
});
afterAll(() => runs[Symbol.dispose]());

/** Goes on with the run, and kills it after `milliseconds`. Returns whether it had finished by itself. */
function runKilled(config: string, milliseconds: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, config], { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (text) => {
      errors += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
    child.on('exit', (code) => {
      clearTimeout(timer);
      if (code === null || code === 0) resolve(code === 0);
      else reject(new Error(`exit code ${code}: ${errors}`));
    });
  });
}

/** Scores without the column that the clock makes. */
const scores = (name: string) =>
  readFileSync(runs.at(name, 'scores.txt'), 'utf8')
    .split('\n')
    .map((line) => line.split('\t').filter((_, i) => i !== 2));

it(`survives ${kills} kill(s) with bit-identical agents and scores`, { timeout: 60_000 + kills * 20_000 }, async () => {
  const settings = {
    numEnvironments: 2,
    steps: 400,
    checkpointEvery: 80,
    evaluation: { interval: 150, episodes: 3 },
    keepLast: 2,
  };
  await trainAgent(runs.config('whole', settings), { stream: silent });
  const file = runs.at('config.json');
  writeFileSync(file, JSON.stringify(runs.config('killed', settings)));
  const began = performance.now();
  expect(await runKilled(file, 120_000)).toBe(true);
  const uninterrupted = performance.now() - began;
  const random = new RandomStream(kills);
  let killed = 0;
  while (killed < kills) {
    rmSync(runs.at('killed'), { recursive: true, force: true });
    // Kill it again and again until it gets through; every moment from start to end can be hit.
    let longest = uninterrupted;
    while (!(await runKilled(file, killed < kills ? random.next() * longest : 120_000))) {
      killed++;
      longest *= 1.3;
    }
    for (const folder of ['model', 'best'])
      expect(sha256File(runs.at('killed', folder, 'model.safetensors'))).toBe(
        sha256File(runs.at('whole', folder, 'model.safetensors')),
      );
    expect(scores('killed')).toEqual(scores('whole'));
  }
});
