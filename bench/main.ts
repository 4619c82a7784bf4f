// `npm run bench [-- names…] [--json FILE] [--quick]`: measures the machine, then runs the parts and prints their tables.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigError, suggestion, UserError } from 'tsumugi/base';
import { describeMachine, type Machine, measureMachine } from './lib/machine.ts';
import type { Context, Part, PartResult } from './lib/part.ts';
import { Peer, PeerMissing } from './lib/peer.ts';
import { table } from './lib/table.ts';

// Each is loaded when it is run, so that one that cannot be loaded does not stop the others.
const parts: Record<string, () => Promise<Part>> = {
  'call-overhead': () => import('./call-overhead.ts'),
  steps: () => import('./steps.ts'),
  matmul: () => import('./matmul.ts'),
  'lm-training': () => import('./lm-training.ts'),
  'lm-decoding': () => import('./lm-decoding.ts'),
  startup: () => import('./startup.ts'),
  tokenizer: () => import('./tokenizer.ts'),
};

const usage = `npm run bench [-- names…] [--json FILE] [--quick]

  names    of ${Object.keys(parts).join(', ')}; all when none is given
  --json   also writes the machine and every sample to FILE
  --quick  small shapes and few samples: shows that it works, not how fast it is

TSUMUGI_THREADS sets the threads (ours and the peer's), BENCH_PYTHON the peer's Python.
`;

interface Report {
  date: string;
  quick: boolean;
  machine: Machine;
  parts: Record<string, PartResult>;
}

function chosenParts(names: readonly string[]): string[] {
  for (const name of names)
    if (!(name in parts))
      throw new ConfigError('unknown-part', `there is no benchmark "${name}"`, {
        remedy: suggestion(name, Object.keys(parts)),
      });
  return names.length > 0 ? [...names] : Object.keys(parts);
}

/** Starts peers for a part and notes why there is none, or in what they differ from us. */
function peerStarter(machine: Machine, notes: string[]): Context['peer'] {
  return async (script) => {
    try {
      const peer = await Peer.start(script, machine.threads);
      const { python, torch, threads, blasCore, blas } = peer.identity;
      notes.push(`peer: ${python}, torch ${torch}, ${threads} threads, BLAS ${blasCore} (${blas.join(', ')})`);
      if (blasCore !== machine.blasCore || blas.join() !== machine.blas.join())
        notes.push('WARNING: the peer uses another BLAS than we do');
      return peer;
    } catch (error) {
      if (!(error instanceof PeerMissing)) throw error;
      notes.push(`no comparison with Python: ${error.message} (Debian: apt-get install python3-torch)`);
      return undefined;
    }
  };
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'string' }, quick: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const names = chosenParts(positionals);
  const quick = values.quick ?? false;
  const machine = measureMachine(quick);
  console.log(`machine\n${describeMachine(machine)}\n`);
  const report: Report = { date: new Date().toISOString(), quick, machine, parts: {} };
  for (const name of names) {
    const peerNotes: string[] = [];
    const part = await parts[name]!();
    const { rows, notes = [] } = await part.run({
      quick,
      machine,
      log: (line) => process.stderr.write(`  … ${name}: ${line}\n`),
      peer: peerStarter(machine, peerNotes),
    });
    report.parts[name] = { rows, notes: [...peerNotes, ...notes] };
    console.log(`${name}\n${table(rows)}`);
    for (const note of report.parts[name].notes!) console.log(`  · ${note}`);
    console.log();
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
}

try {
  await main();
} catch (error) {
  const mistake = error instanceof UserError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  console.error(mistake ? `bench: ${(error as Error).message}` : error);
  process.exitCode = mistake ? 2 : 1;
}
