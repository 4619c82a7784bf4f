// Pruning, merging, quantizing and exporting a random checkpoint of the published 1B shape, each as its command in a process of its
// own: seconds, peak memory, and bytes read and written per second beside what the disk gives. Needs 30 GB of disk.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from 'tsumugi/base';
import { preset } from 'tsumugi/lm';
import { Artefact } from 'tsumugi/store';
import { orCutOff } from './lib/cut-off.ts';
import { type DiskRates, measureDisk } from './lib/disk.ts';
import { type ProcessCost, runProcess } from './lib/own-process.ts';
import type { Context, PartResult } from './lib/part.ts';
import { pythonCandidates } from './lib/peer.ts';
import { smallTokenizer, writeRandomModel } from './lib/random-model.ts';
import { row } from './lib/row.ts';

const command = fileURLToPath(new URL('../packages/tsumugi/bin/tsumugi.js', import.meta.url));
const divergenceScript = fileURLToPath(new URL('ship/divergence.ts', import.meta.url));
const quantizerScript = fileURLToPath(new URL('peer/quantize_gguf.py', import.meta.url));
/** llama.cpp's number of the mix Q4_K_M (llama.h, LLAMA_FTYPE_MOSTLY_Q4_K_M). */
const q4km = '15';

/** What can be left out. */
export const pieces: readonly string[] = [
  'prune',
  'merge-linear',
  'merge-ties',
  'merge-slerp',
  'merge-della',
  'quantize',
  'export-hf',
  'export-f16',
  'export-q8_0',
  'export-q4_k_m',
  'llama.cpp',
];

interface Job {
  /** The words of the command. */
  words(out: string): string[];
  /** Models that are read whole, counted as often as they are read. */
  reads: number;
}

/** @param quick a shape of which nothing takes long */
const jobs = (a: string, b: string, at: (name: string) => string, quick: boolean): Record<string, Job> => {
  const merge = (method: string, parameters: string, reads: number): Job => {
    const models = method === 'linear' ? `[{model: ${a}}, {model: ${b}}]` : `[{model: ${b}}]\nbase_model: ${a}`;
    const yaml = at(`${method}.yml`);
    writeFileSync(yaml, `merge_method: ${method}\nmodels: ${models}\nparameters: ${parameters}\n`);
    return { words: (out) => ['merge', '--config', yaml, '--out', out, '--no-gate'], reads };
  };
  const gguf = (type: string): Job => ({
    words: (out) => [...exporting('gguf', `${out}.gguf`), '--type', type, '--no-gate'],
    reads: 1,
  });
  const exporting = (format: string, out: string) => ['export', '--model', a, '--format', format, '--out', out];
  const smaller = quick ? ['hidden_size=192', 'intermediate_size=512'] : ['hidden_size=1536', 'intermediate_size=6144'];
  const groups = quick ? ['--group-size', '64'] : [];
  const sets = [...smaller, 'sequences=4', 'sequenceLength=128'].flatMap((each) => ['--set', each]);
  return {
    prune: { words: (out) => ['prune', '--model', a, '--out', out, ...sets], reads: 3 }, // calibration, loss, writing
    'merge-linear': merge('linear', '{weight: 1}', 2),
    'merge-ties': merge('ties', '{weight: 1, density: 0.5}', 2 * 4),
    'merge-slerp': merge('slerp', '{t: 0.5}', 2 * 2),
    'merge-della': merge('della', '{weight: 1, density: 0.5}', 2 * 2),
    quantize: { words: (out) => ['quantize', '--model', a, '--out', out, ...groups, '--no-gate'], reads: 1 },
    'export-hf': { words: (out) => exporting('hf', out), reads: 1 },
    'export-f16': gguf('F16'),
    'export-q8_0': gguf('Q8_0'),
    'export-q4_k_m': gguf('Q4_K_M'),
  };
};

const bytesAt = (path: string): number =>
  statSync(path).isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + bytesAt(join(path, name)), 0)
    : statSync(path).size;

/** A model with random weights, where there is none from before. */
function randomModel(out: string, quick: boolean, seed: number, tokenizer: string): string {
  if (!existsSync(join(out, 'config.json'))) writeRandomModel(out, preset(quick ? 'mini' : '1b'), seed, tokenizer);
  return out;
}

export async function run(context: Context): Promise<PartResult> {
  const { quick, rows, log, skip } = context;
  const notes: string[] = [];
  // Random models are large: where BENCH_FOLDER names a place, they stay there for the next time.
  const kept = process.env['BENCH_FOLDER'];
  if (kept) mkdirSync(kept, { recursive: true });
  const build = fileURLToPath(new URL('../build', import.meta.url));
  mkdirSync(build, { recursive: true });
  const home = kept ?? mkdtempSync(join(build, 'bench-ship-'));
  const at = (name: string) => join(home, name);
  const name = (which: string) => at(`${quick ? 'mini' : '1b'}-${which}`);
  try {
    const all = jobs(name('a'), name('b'), at, quick);
    log('writing random models');
    mkdirSync(at('tokenizer'), { recursive: true });
    smallTokenizer(at('tokenizer'));
    const a = randomModel(name('a'), quick, 0, at('tokenizer'));
    const merges = Object.keys(all).some((job) => job.startsWith('merge') && !skip.includes(job));
    const models = merges ? [a, randomModel(name('b'), quick, 1, at('tokenizer'))] : [a];
    await orCutOff();
    // The commands have the same cache: hashes are known from here on, as after a user's first command.
    process.env['XDG_CACHE_HOME'] ??= at('cache');
    for (const each of models) await new Artefact(each).hash();
    const size = bytesAt(a);
    const disk = measureDisk(a, home, quick ? 256e6 : 4e9);
    notes.push(
      `disk: ${disk.read.toFixed(2)} GB/s of the model's files read in order, ${disk.write.toFixed(2)} GB/s written and flushed`,
    );
    for (const [name, job] of Object.entries(all)) {
      if (skip.includes(name)) continue;
      await orCutOff();
      try {
        await measure(context, { name, job, model: a, size, disk, at }, notes);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        process.exitCode = 1; // the others are measured all the same
        notes.push(`FAILED: ${name}: ${error.message}`);
      }
    }
    return { rows, notes };
  } finally {
    for (const name of readdirSync(home))
      if (!kept || !/-[ab]$/.test(name)) rmSync(at(name), { recursive: true, force: true });
    if (!kept) rmSync(home, { recursive: true, force: true });
  }
}

interface Piece {
  name: string;
  job: Job;
  model: string;
  /** Bytes of a model. */
  size: number;
  disk: DiskRates;
  at(name: string): string;
}

async function measure(context: Context, { name, job, model, size, disk, at }: Piece, notes: string[]): Promise<void> {
  const out = at('out');
  try {
    const cost = await tsumugi(job.words(out));
    const made = existsSync(out) ? out : `${out}.gguf`;
    tell(context, name, cost, { read: job.reads * size, written: bytesAt(made) }, disk, notes);
    if (name === 'export-q4_k_m' && !context.skip.includes('llama.cpp'))
      await beside(context, { model, made, at, ours: cost }, notes);
  } finally {
    for (const path of [out, `${out}.gguf`, `${out}.gguf.lineage.json`]) rmSync(path, { recursive: true, force: true });
  }
}

/** Says what a job took, and what it waited for. */
function tell(
  { rows, log, machine }: Context,
  job: string,
  { seconds, cpuSeconds, peakBytes }: ProcessCost,
  { read, written }: { read: number; written: number },
  disk: DiskRates,
  notes: string[],
): void {
  log(`${job}: ${seconds.toFixed(1)} s`);
  const [readSeconds, writeSeconds] = [read / 1e9 / disk.read, written / 1e9 / disk.write];
  const moved = (read + written) / 1e9;
  const unit = { better: 'lower' } as const;
  rows.push(row({ name: job, unit: 's', ours: [seconds], ...unit }));
  rows.push(row({ name: `${job}: peak memory`, unit: 'GB', ours: [peakBytes / 1e9], ...unit }));
  const peak = { of: 'files at the speed of the disk', value: moved / (readSeconds + writeSeconds) };
  rows.push(row({ name: `${job}: read and written`, unit: 'GB/s', better: 'higher', ours: [moved / seconds], peak }));
  const shares = {
    'the processor': cpuSeconds / seconds / Math.min(machine.threads, machine.cores),
    'the disk': (readSeconds + writeSeconds) / seconds, // nothing is read while something is written
  };
  const [[most, share]] = Object.entries(shares).sort((x, y) => y[1] - x[1]) as [[string, number]];
  // Less than half of the time for any of them: it waited for its turn.
  const bound = share < 0.5 ? 'a machine that does other work' : most;
  const percent = (part: number) => `${Math.round(100 * part)} %`;
  const reading = `reading ${percent(readSeconds / seconds)}, writing ${percent(writeSeconds / seconds)}`;
  const parts = `the processor ${percent(shares['the processor'])}, ${reading}`;
  notes.push(
    `${job} runs at the speed of ${bound} (of its time: ${parts}); ${cpuSeconds.toFixed(1)} s of the processor`,
  );
}

const tsumugi = (words: readonly string[]): Promise<ProcessCost> =>
  runProcess(process.execPath, [command, ...words], process.env);

interface Beside {
  model: string;
  /** Our file. */
  made: string;
  at(name: string): string;
  ours: ProcessCost;
}

/** llama.cpp's quantizer on the same model in F16, and how far both files are from the model. */
async function beside(
  { rows, log, machine }: Context,
  { model, made, at, ours }: Beside,
  notes: string[],
): Promise<void> {
  const place = process.env['TSUMUGI_NODE_LLAMA_CPP'];
  const libraries = place && join(dirname(place), '@node-llama-cpp/linux-x64/bins/linux-x64');
  if (!libraries || !existsSync(libraries)) {
    notes.push('no comparison with llama.cpp: TSUMUGI_NODE_LLAMA_CPP names no node-llama-cpp for Linux on x64');
    return;
  }
  const [half, theirs] = [at('f16.gguf'), at('theirs.gguf')];
  await tsumugi(['export', '--model', model, '--format', 'gguf', '--out', half, '--type', 'F16', '--no-gate']);
  const args = [quantizerScript, libraries, half, theirs, q4km, String(machine.threads)];
  const peer = await runProcess(pythonCandidates()[0]!, args);
  log(`llama.cpp: ${peer.seconds.toFixed(1)} s`);
  rows.push(
    row({
      name: 'Q4_K_M beside llama.cpp',
      unit: 's',
      better: 'lower',
      ours: [ours.seconds],
      peer: [peer.seconds],
      goal: { of: 'speed', bound: 1 },
    }),
  );
  rows.push(
    row({
      name: 'Q4_K_M beside llama.cpp: processor',
      unit: 's',
      better: 'lower',
      ours: [ours.cpuSeconds],
      peer: [peer.cpuSeconds],
    }),
  );
  const { stdout } = await runProcess(process.execPath, [divergenceScript, model, made, theirs]);
  const found = JSON.parse(stdout) as Record<string, number>;
  rows.push(
    row({
      name: 'Q4_K_M: divergence from the model',
      unit: 'nats',
      better: 'lower',
      ours: [found[made]!],
      peer: [found[theirs]!],
      goal: { of: 'speed', bound: 1 },
    }),
  );
  notes.push(
    `llama.cpp quantizes its F16 file, ours the float32 model; ${(bytesAt(made) / 1e6).toFixed(0)} and ${(bytesAt(theirs) / 1e6).toFixed(0)} MB; peak ${(peer.peakBytes / 1e9).toFixed(2)} GB`,
  );
}
