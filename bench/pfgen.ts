// Scoring pfgen-bench: the 5,000 published answers of plamo-100b (100 trials), with tables built and with tables from the disk,
// in a process of its own on one core. Every digit of the result must be the published one.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { orCutOff } from './lib/cut-off.ts';
import type { Context, PartResult } from './lib/part.ts';
import { row } from './lib/row.ts';

const benchmark = fileURLToPath(new URL('../../shared/benchmarks/pfgen', import.meta.url));
const published = join(benchmark, 'result/pfnet/plamo-100b/b181032');
const module = new URL('../packages/tsumugi/src/eval/tasks/pfgen/index.ts', import.meta.url).href;

interface Scoring {
  seconds: number;
  cached: number;
  peakMegabytes: number;
  result: Record<string, unknown>;
}

const program = `
  import { existsSync, readFileSync } from 'node:fs';
  const [module, options] = JSON.parse(process.argv[1]);
  const { rescorePfgen } = await import(module);
  const start = performance.now();
  let cached = 0;
  const result = await rescorePfgen({ ...options, onProgress: (progress) => (cached += Number(progress.cached)) });
  const seconds = (performance.now() - start) / 1e3;
  // A child's maxRSS begins with its parent's; the system's own number of the process does not.
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  const peakMegabytes = Number(/VmHWM:\\s+(\\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS) / 1024;
  process.stdout.write(JSON.stringify({ seconds, cached, peakMegabytes, result }));
`;

/** Scores in a new process, on one core where the system can hold it there. */
function score(cacheFolder: string): Scoring {
  const answers = join(published, 'trials.jsonl.xz');
  const input = JSON.stringify([module, { questions: benchmark, answers, cacheFolder }]);
  const node = [process.execPath, '--input-type=module', '-e', program, input];
  const [command, ...rest] = pinned() ? ['taskset', '-c', '0', ...node] : node;
  const { status, stdout, stderr } = spawnSync(command!, rest, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`scoring failed: ${stderr}`);
  return JSON.parse(stdout) as Scoring;
}

const pinned = () => spawnSync('taskset', ['-c', '0', 'true']).status === 0;

export async function run(context: Context): Promise<PartResult> {
  if (!existsSync(benchmark)) return { rows: [], notes: [`pfgen-bench is not at ${benchmark}`] };
  const expected = JSON.parse(readFileSync(join(published, 'result.json'), 'utf8'));
  const cold: Scoring[] = [];
  const warm: Scoring[] = [];
  for (let round = 0; round < (context.quick ? 1 : 3); round++) {
    const folder = mkdtempSync(join(tmpdir(), 'tsumugi-bench-'));
    try {
      for (const samples of [cold, warm]) {
        await orCutOff();
        const sample = score(folder);
        const { fluency: _f, truthfulness: _t, helpfulness: _h, ...result } = sample.result;
        if (!isDeepStrictEqual(result, expected)) throw new Error('the result is not the published one');
        if (sample.cached !== (samples === cold ? 0 : 50)) throw new Error(`${sample.cached} tables were on the disk`);
        samples.push(sample);
        context.log(`${samples === cold ? 'cold' : 'warm'}: ${sample.seconds.toFixed(1)} s`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  const unit = { unit: 's', better: 'lower' } as const;
  const seconds = (samples: readonly Scoring[]) => samples.map((sample) => sample.seconds);
  const peak = Math.max(...[...cold, ...warm].map(({ peakMegabytes }) => peakMegabytes));
  return {
    rows: [
      row({ name: '100 trials, tables built', ours: seconds(cold), ...unit, goal: { of: 'value', bound: 60 } }),
      row({ name: '100 trials, tables from the disk', ours: seconds(warm), ...unit }),
    ],
    notes: [
      `${pinned() ? 'on one core' : 'not held to one core (no taskset)'}; at most ${Math.round(peak)} MB of memory`,
      'every digit of the result is the published one',
    ],
  };
}
