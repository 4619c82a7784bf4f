// kill -9 at any moment of a whole recipe, then the same command: every artefact and every metric is that of a run that was
// never interrupted. TSUMUGI_KILLS sets how many kills; the default keeps the suite quick.
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomStream, sha256File } from '../base/index.ts';
import type { RecipeReport } from '../recipe/index.ts';
import { runAndSignal } from '../run/kill.testing.ts';
import { embeddedText } from '../text/index.ts';

const kills = Number(process.env['TSUMUGI_KILLS'] ?? 1);
const recipe = fileURLToPath(new URL('tiny-recipe.testing.ts', import.meta.url));

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-recipe-kill-'));
  writeFileSync(join(home, 'novel.txt'), readFileSync(embeddedText()[1]!, 'utf8').slice(0, 12_000));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Runs the recipe and sends `signal` after `milliseconds`. Returns how it ended: an exit code or a signal. */
const run = (out: string, milliseconds = 300_000, signal: NodeJS.Signals = 'SIGKILL'): Promise<number | string> =>
  runAndSignal(['run', recipe, '--out', join(home, out), '--set', `text=${join(home, 'novel.txt')}`], milliseconds, {
    signal,
  });

/** Curves that tell how fast it went. */
const ofTheClock = ['tokens per second', 'model FLOPs utilization'];

/** Hashes and metrics of every stage, and the files behind them. */
function outcome(out: string): unknown {
  const { stages } = JSON.parse(readFileSync(join(home, out, 'report.json'), 'utf8')) as RecipeReport;
  const files = {
    tokenizer: 'tokenizer/tokenizer/tokenizer.jsonl',
    data: 'data/data/tokens-00000.bin',
    pretrain: 'pretrain/model/model.safetensors',
    extend: 'extend/model/model.safetensors',
  };
  return {
    stages: stages.map(({ name, address, sha256, metrics, tables, heatmaps, curves }) => ({
      name,
      address,
      sha256,
      metrics,
      tables,
      heatmaps,
      curves: curves.filter((curve) => !ofTheClock.includes(curve.name)),
    })),
    files: Object.values(files).map((file) => sha256File(join(home, out, file))),
  };
}

it(`survives ${kills} kills with bit-identical artefacts and metrics`, {
  timeout: 60_000 + kills * 30_000,
}, async () => {
  const began = performance.now();
  expect(await run('whole')).toBe(0);
  const uninterrupted = performance.now() - began;
  const whole = outcome('whole');
  const random = new RandomStream(kills);
  let killed = 0;
  while (killed < kills) {
    rmSync(join(home, 'killed'), { recursive: true, force: true });
    // Kill it again and again until it gets through; every moment from start to end can be hit.
    let longest = uninterrupted;
    while ((await run('killed', killed < kills ? random.next() * longest : undefined)) !== 0) {
      killed++;
      longest *= 1.1;
    }
    expect(outcome('killed')).toEqual(whole);
  }
  // Ctrl-C, wherever it comes: it saves and ends, and the same command goes on to the same result, also in another place.
  rmSync(join(home, 'killed'), { recursive: true, force: true });
  const ended = await run('killed', 0.6 * uninterrupted, 'SIGINT');
  expect([0, 130, 'SIGINT']).toContain(ended);
  renameSync(join(home, 'killed'), join(home, 'moved'));
  expect(await run('moved')).toBe(0);
  expect(outcome('moved')).toEqual(whole);
});
