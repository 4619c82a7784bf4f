// `tsumugi doctor`: what was found, how fast it is against what the CPU can do, and what to change.
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  blasCore,
  describeNative,
  hasCuda,
  measureBandwidth,
  measureFma,
  measureMatmul,
  meshBackends,
  numThreads,
  torchVersion,
  usesMkl,
} from '../torch/index.ts';
import { defineCommand } from './command.ts';
import { blasKind, diagnose, type Facts, type Problem } from './diagnosis.ts';
import { write } from './io.ts';
import { formatRows } from './options.ts';

/** The share of the CPU that other programs take while this one does nothing for a fifth of a second. */
async function measureOtherLoad(): Promise<number> {
  const read = () => {
    const times = cpus().map((cpu) => cpu.times);
    const total = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0);
    return { total, idle: times.reduce((sum, { idle }) => sum + idle, 0) };
  };
  const before = read();
  await sleep(200);
  const after = read();
  return 1 - (after.idle - before.idle) / Math.max(1, after.total - before.total);
}

const readMaps = (): string => (existsSync('/proc/self/maps') ? readFileSync('/proc/self/maps', 'utf8') : '');

/** Measures this machine, for about two seconds. */
export async function examine(): Promise<Facts & { addon?: string }> {
  const { libtorch, addon, cpuLevel, setupCommand, withoutNccl } = describeNative();
  const cores = availableParallelism();
  const facts: Facts = {
    node: process.versions.node,
    cpu: { model: cpus()[0]?.model.trim() ?? 'unknown', cores, ...cpuLevel },
    otherLoad: await measureOtherLoad(),
    setupCommand,
    ...(libtorch ? { libtorch } : {}),
  };
  try {
    torchVersion();
  } catch (error) {
    // Our errors end with their remedy.
    const text = error instanceof Error ? error.message : String(error);
    const [message = '', remedy = `run \`${setupCommand}\``] = text.split('\n  → ');
    return { ...facts, failure: { message, remedy } };
  }
  const threads = numThreads();
  return {
    ...facts,
    ...(addon === undefined ? {} : { addon }),
    blas: { kind: blasKind(readMaps(), blasCore(), usesMkl()), core: blasCore() },
    threads,
    matmul: { gflops: measureMatmul(2048) / 1e9, peak: measureFma(threads) },
    bandwidth: measureBandwidth(threads),
    cuda: { available: hasCuda(), hardware: existsSync('/dev/nvidia0') },
    mesh: { backends: meshBackends(), ...(withoutNccl !== undefined && { withoutNccl }) },
  };
}

/** "x86-64-v3, chosen by TSUMUGI_CPU; this CPU has x86-64-v4" */
function describeLevel({ level, highest, chosen }: Facts['cpu']): string {
  if (!chosen) return level;
  return `${level}, chosen by TSUMUGI_CPU${level === highest ? '' : `; this CPU has ${highest}`}`;
}

const backendNames = { gloo: 'Gloo', nccl: 'NCCL' } as const;

function report(facts: Facts & { addon?: string }, problems: readonly Problem[]): string {
  const { cpu, libtorch, blas, matmul, cuda, mesh } = facts;
  const rows: [string, string][] = [
    ['Node', facts.node],
    ['CPU', `${cpu.model}, ${cpu.cores} core${cpu.cores === 1 ? '' : 's'}, ${describeLevel(cpu)}`],
    ['libtorch', libtorch ? `${libtorch.version} (${libtorch.source}: ${libtorch.libDir})` : 'not found'],
  ];
  if (facts.addon !== undefined) rows.push(['addon', facts.addon]);
  if (blas) rows.push(['BLAS', `${blas.kind}${blas.core && `, core ${blas.core}`}`]);
  if (facts.threads !== undefined) rows.push(['threads', `${facts.threads} of ${cpu.cores}`]);
  if (matmul) {
    const share = Math.round((100 * matmul.gflops) / matmul.peak);
    rows.push([
      'matmul',
      `${matmul.gflops.toFixed(0)} GFLOP/s in f32: ${share} % of the peak of ${matmul.peak.toFixed(0)}`,
    ]);
  }
  if (facts.bandwidth !== undefined) rows.push(['memory', `${facts.bandwidth.toFixed(0)} GB/s read in order`]);
  if (cuda) rows.push(['CUDA', cuda.available ? 'available' : 'not available']);
  if (mesh) rows.push(['mesh', mesh.backends.map((each) => backendNames[each]).join(' and ') || 'none']);
  const findings = problems.map(({ severity, message, remedy }) => `${severity}: ${message}\n  → ${remedy}\n`);
  return `${formatRows(rows)}\n${findings.length > 0 ? findings.join('') : 'No problems found.\n'}`;
}

export const run = defineCommand(
  {
    command: 'tsumugi doctor',
    summary: 'check this machine: libtorch, BLAS, threads, speed, CUDA',
    options: { json: { type: 'boolean', help: 'print one JSON object' } },
    details: 'The exit code is 1 when tsumugi cannot work here, otherwise 0; a slow machine is no failure.',
  },
  async ({ json }, io) => {
    const facts = await examine();
    const problems = diagnose(facts);
    const ok = !problems.some(({ severity }) => severity === 'broken');
    await write(io.stdout, json ? `${JSON.stringify({ ok, ...facts, problems })}\n` : report(facts, problems));
    return ok ? 0 : 1;
  },
);
