// Runs one part after the other, each in a process of its own under its time limit, and writes what they say to the out folder as
// they say it. A part that fails is written down, and the next begins.
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Part } from './parts.ts';
import { type PartReport, type Report, table, writeReport } from './report.ts';
import { heard } from './say.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** From carried.py, which has checked them. */
export interface Settings {
  out: string;
  device: string;
  quick: boolean;
  patience: number;
}

/** The environment of a part: the project's Node comes first, and what names no device goes to the chosen one. */
function environment({ name }: Part, device: string): NodeJS.ProcessEnv {
  const path = `${dirname(process.execPath)}:${process.env['PATH']}`;
  const tests = name.startsWith('tests');
  return {
    ...process.env,
    PATH: path,
    TSUMUGI_DEVICE: device === 'cpu' ? '' : device,
    ...(tests && { TSUMUGI_THREADS: String(Math.max(1, Math.floor(availableParallelism() / 8))) }),
  };
}

/** Runs a part to its end or its limit; then it and all its processes are killed. `heardOf` is called after each finding. */
function run(
  part: Part,
  { device, patience }: Settings,
  log: string,
  heardOf: (said: PartReport) => void,
): Promise<PartReport> {
  const limit = part.seconds * patience;
  const said: PartReport = { name: part.name, status: 'ok', seconds: 0, limit, facts: {}, metrics: [], tests: [] };
  const began = performance.now();
  appendFileSync(log, `\n=== ${part.name}\n`);
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...part.args], {
    cwd: root,
    env: environment(part, device),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, with whatever it starts
  });
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', (line) => {
      const finding = heard(line);
      if (!finding) return appendFileSync(log, `${line}\n`);
      if ('fact' in finding) said.facts[finding.fact[0]] = finding.fact[1];
      else if ('metric' in finding) said.metrics.push(finding.metric);
      else said.tests.push(finding.tests);
      heardOf(said);
    });
  const timer = setTimeout(() => {
    said.status = 'out of time';
    process.kill(-child.pid!, 'SIGKILL');
  }, limit * 1000);
  return new Promise((done) =>
    child.on('close', (code) => {
      clearTimeout(timer);
      said.seconds = (performance.now() - began) / 1000;
      if (said.status === 'ok' && code !== 0) said.status = 'failed';
      done(said);
    }),
  );
}

/** Whether all parts are well. `print` is told of each, and the table at the end. */
export async function check(
  parts: readonly Part[],
  settings: Settings,
  print: (text: string) => void,
): Promise<boolean> {
  const { out, device, quick } = settings;
  mkdirSync(out, { recursive: true });
  const log = join(out, 'log.txt');
  writeFileSync(log, '');
  const report: Report = { date: new Date().toISOString(), device, quick, parts: [] };
  const gpu = spawnSync('nvidia-smi', ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader']);
  let missing: string | undefined;
  for (const part of parts) {
    const said: PartReport = missing
      ? { name: part.name, status: 'not run', seconds: 0, limit: 0, facts: {}, metrics: [], tests: [] }
      : await run(part, settings, log, (found) => writeReport(out, { ...report, parts: [...report.parts, found] }));
    if (part.name === 'device' && gpu.status === 0) said.facts['GPU'] = gpu.stdout.toString().trim();
    if (part.isNeeded && said.status !== 'ok') missing ??= part.name;
    report.parts.push(said);
    writeReport(out, report);
    if (!missing || part.name === missing) print(`${said.name}: ${said.status} (${said.seconds.toFixed(0)} s)`);
  }
  const text = table(report);
  writeFileSync(join(out, 'table.txt'), `${text}\n`);
  print(`\n${text}\n\n${out}: report.json, log.txt, table.txt`);
  return report.parts.every(({ status }) => status === 'ok');
}
