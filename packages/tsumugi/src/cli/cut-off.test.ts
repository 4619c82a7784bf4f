// The commands that make a model of a model, each as a process whose disk is full half-way, or which a signal ends half-way: the exit
// code is the house's, nothing half-written stays but what the next run goes on from, and that run gives the bytes of one that was
// never cut off. And each keeps others from its place while it works.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sha256File } from '../base/index.ts';
import { inTime } from '../base/thorough.testing.ts';
import { initialWeights, Plamo2, preset, saveModel } from '../lm/index.ts';
import { holdPlace } from '../run/index.ts';
import { type TinySetup, tinyModel, tinySetup } from '../train/train.testing.ts';
import { runCli } from './cli.testing.ts';

const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));
const slowDisk = new URL('slow-disk.testing.ts', import.meta.url).href;
let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);

beforeAll(async () => {
  setup = await tinySetup();
  vi.stubEnv('XDG_CACHE_HOME', at('cache'));
  for (const [seed, name] of ['模型', 'other'].entries()) {
    const config = preset('mini', { ...tinyModel, num_hidden_layers: 4, vocab_size: 500 });
    using model = new Plamo2(config, initialWeights(seed));
    saveModel(at(name), model, { tokenizerFolder: at('tokenizer') });
  }
  writeFileSync(at('m.yml'), 'merge_method: linear\nmodels: [{ model: 模型 }, { model: other }]\nparameters: { weight: 1 }\n');
  const { code } = await runCli(['export', '--model', at('模型'), '--format', 'gguf', '--type', 'F32', '--no-gate', '--out', at('m.gguf')]);
  expect(code).toBe(0);
}, 120_000); // biome-ignore format: commands
afterAll(() => {
  vi.unstubAllEnvs();
  setup[Symbol.dispose]();
});

const sets = (...each: string[]) => each.flatMap((set) => ['--set', set]);
const ofModel = (command: string) => [command, '--model', at('模型')];

interface Case {
  args: () => string[];
  signal: 'SIGINT' | 'SIGTERM';
  /** What lies beside the result until it is whole, and stays. */
  kept?: string;
  /** What of it is done when the signal comes. */
  done?: string;
  /** What says that a run went on, in the result as JSON. */
  resumed?: (result: Record<string, number>) => boolean;
}
// biome-ignore format: a table
const cases: Record<string, Case> = {
  grow: { args: () => [...ofModel('grow'), ...sets('num_hidden_layers=8')], signal: 'SIGINT' },
  prune: { args: () => [...ofModel('prune'), ...sets('intermediate_size=48', 'sequences=2', 'sequenceLength=16'), '--text', at('text.txt')], signal: 'SIGTERM' },
  merge: { args: () => ['merge', '--config', at('m.yml')], signal: 'SIGINT' },
  quantize: {
    args: () => [...ofModel('quantize'), '--bits', '8', '--group-size', '16', '--no-gate'], signal: 'SIGTERM',
    kept: '.quantizing', done: 'layer-00001.safetensors', resumed: ({ resumedLayers }) => resumedLayers! > 0,
  },
  'export gguf': { args: () => [...ofModel('export'), '--format', 'gguf', '--type', 'F32', '--no-gate'], signal: 'SIGINT' },
  'export hf': { args: () => [...ofModel('export'), '--format', 'hf', '--licence', 'mit'], signal: 'SIGTERM' },
  import: { args: () => ['export', '--model', at('m.gguf'), '--format', 'hf'], signal: 'SIGINT' },
  'distill logits': {
    args: () => ['distill', 'logits', '--teacher', at('模型'), '--data', at('data'), ...sets('topK=64', 'steps=6', 'sequenceLength=48', 'batchSize=4')],
    signal: 'SIGTERM', kept: '.computing', done: 'step-000000001.safetensors', resumed: ({ computed, steps }) => computed! < steps!,
  },
};

const filesOf = (out: string) =>
  statSync(out).isDirectory() ? readdirSync(out).map((name) => join(out, name)) : [out];
/** The files of a result by the hashes of their content; what is dated is left out. */
const contentOf = (out: string) =>
  filesOf(out)
    .filter((path) => !/lineage\.json$|README\.md$/.test(path))
    .map((path) => [basename(path), sha256File(path)]);
const largestOf = (out: string) => Math.max(...filesOf(out).map((path) => statSync(path).size));
/** What there is of a result, by what the names have beside its own. */
const besideOf = (out: string) =>
  readdirSync(dirname(out))
    .filter((name) => !name.endsWith('.lineage.json'))
    .map((name) => name.slice(basename(out).length));

function start(args: readonly string[], { limit = 0, slow = false } = {}) {
  const words = [...(slow ? ['--import', slowDisk] : []), bin, ...args];
  // POSIX counts in blocks of 512 bytes.
  const limited = ['-c', `ulimit -f ${Math.floor(limit / 512)} && exec "$0" "$@"`, process.execPath];
  const stdio: ['ignore', 'ignore', 'pipe'] = ['ignore', 'ignore', 'pipe'];
  const child = limit > 0 ? spawn('sh', [...limited, ...words], { stdio }) : spawn(process.execPath, words, { stdio });
  let stderr = '';
  child.stderr.on('data', (piece) => {
    stderr += piece;
  });
  const ended = new Promise<{ code: number; stderr: string }>((done) =>
    child.on('close', (code, by) => done({ code: code ?? 128 + constants.signals[by!], stderr })),
  );
  return { child, ended };
}

/** Whether some of the result is there, and not all. */
const isHalfWay = (out: string, { kept, done }: Case): boolean =>
  kept === undefined
    ? besideOf(out).some((name) => name.startsWith('.partial-'))
    : existsSync(join(`${out}${kept}`, done!));

/** Something of each kind: a folder and a file, what goes on and what does not. */
const quick = ['merge', 'quantize', 'export gguf', 'distill logits'];
const asked = Object.entries(cases).filter(([name]) => inTime(quick, [name]).includes(name));

describe.each(asked)('%s', (name, each) => {
  const { args, signal, kept, resumed } = each;
  const place = (what: string) => at(`${name} ${what}`, 'の結果');
  const asked = (out: string) => [...args(), '--out', out, '--json'];

  it('is whole or not at all', { timeout: 180_000 }, async () => {
    for (const what of ['whole', 'full', 'cut off']) mkdirSync(at(`${name} ${what}`));
    expect((await runCli(asked(place('whole')))).code).toBe(0);
    const left = kept === undefined ? [] : [kept];

    const full = await start(asked(place('full')), { limit: largestOf(place('whole')) / 2 }).ended;
    expect(full.code, full.stderr).toBe(2);
    expect(full.stderr).toContain('の結果');
    expect(full.stderr).toContain('cannot be written: the file would be larger than the file system takes\n  → ');
    expect(besideOf(place('full'))).toEqual(left);

    const out = place('cut off');
    const run = start(asked(out), { slow: true });
    while (run.child.exitCode === null && !isHalfWay(out, each)) await sleep(10);
    run.child.kill(signal);
    const stopped = await run.ended;
    expect(stopped.code, stopped.stderr).toBe(128 + constants.signals[signal]);
    expect(stopped.stderr).toMatch(kept === undefined ? /stopped; nothing was written\n$/ : /stopped; .*goes on\n$/);
    expect(besideOf(out)).toEqual(left);

    for (const what of ['full', 'cut off']) {
      const { code, stdout, stderr } = await runCli(asked(place(what)));
      expect(code, stderr).toBe(0);
      if (what === 'cut off' && resumed) expect(resumed(JSON.parse(stdout)), stdout).toBe(true);
      expect(contentOf(place(what))).toEqual(contentOf(place('whole')));
      expect(besideOf(place(what))).toEqual(['']);
    }
  });

  it('refuses a place at which another process is at work', async () => {
    mkdirSync(at(`${name} held`));
    const out = place('held');
    using _held = holdPlace(out);
    const { code, stderr } = await runCli(asked(out));
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^error: .*の結果 is being written by process \d+ on .*\n {2}→ Wait for it or end it, or choose another folder\.\n$/),
    ]);
    expect(besideOf(out)).toEqual(['.lock']);
  }); // biome-ignore format: one sentence
});
