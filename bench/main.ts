// `npm run bench [-- names…] [--json FILE] [--quick]`: measures the machine, then runs the parts and prints their tables.
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { ConfigError, suggestion, UserError, writeFileAtomic } from 'tsumugi/base';
import { CutOff, cutOffBy, watchCutOff } from './lib/cut-off.ts';
import { describeMachine, type Machine, measureMachine } from './lib/machine.ts';
import type { Context, Part, PartResult } from './lib/part.ts';
import { Peer, PeerMissing } from './lib/peer.ts';
import type { Row } from './lib/row.ts';
import { table } from './lib/table.ts';

// Each is loaded when it is run, so that one that cannot be loaded does not stop the others.
const parts: Record<string, () => Promise<Part>> = {
  'call-overhead': () => import('./call-overhead.ts'),
  steps: () => import('./steps.ts'),
  matmul: () => import('./matmul.ts'),
  'lm-training': () => import('./lm-training.ts'),
  'long-context': () => import('./long-context.ts'),
  'lm-decoding': () => import('./lm-decoding.ts'),
  evaluation: () => import('./evaluation.ts'),
  gan: () => import('./gan.ts'),
  startup: () => import('./startup.ts'),
  tokenizer: () => import('./tokenizer.ts'),
  pfgen: () => import('./pfgen.ts'),
  ship: () => import('./ship.ts'),
  align: () => import('./align.ts'),
  serve: () => import('./serve.ts'),
  rl: () => import('./rl.ts'),
  mesh: () => import('./mesh.ts'),
};

/** Large ones are run when they are named. */
const onlyNamed = ['ship', 'serve', 'rl', 'mesh'];

const usage = `npm run bench [-- names…] [--json FILE] [--quick] [--skip PIECE]

  names    of ${Object.keys(parts).join(', ')}; all but ${onlyNamed.join(' and ')} when none is given
  --json   also writes the machine and every sample to FILE
  --quick  small shapes and few samples: shows that it works, not how fast it is
  --skip   leaves out a piece of ship, such as prune; may be given several times

Ctrl-C ends after the present sample and prints what there is; a second one ends at once.
TSUMUGI_THREADS sets the threads (ours and the peer's), BENCH_PYTHON the peer's Python.
`;

interface Report {
  date: string;
  quick: boolean;
  machine: Machine;
  parts: Record<string, PartResult>;
  /** Ctrl-C ended it early: parts are missing, or have fewer samples. */
  cutOff?: true;
}

function chosenParts(names: readonly string[]): string[] {
  for (const name of names)
    if (!(name in parts))
      throw new ConfigError('unknown-part', `there is no benchmark "${name}"`, {
        remedy: suggestion(name, Object.keys(parts)),
      });
  return names.length > 0 ? [...names] : Object.keys(parts).filter((name) => !onlyNamed.includes(name));
}

/** @throws ConfigError for what no part has that is run */
async function requirePieces(skip: readonly string[], names: readonly string[]): Promise<void> {
  if (!names.includes('ship'))
    throw new ConfigError('no-effect', '--skip has no effect: only ship has pieces', { remedy: 'Leave --skip out.' });
  const { pieces } = await import('./ship.ts');
  const strange = skip.find((name) => !pieces.includes(name));
  if (strange !== undefined)
    throw new ConfigError('unknown-piece', `ship has no piece "${strange}"`, {
      remedy: suggestion(strange, [...pieces]),
    });
}

/** "1.13.0a0" → "1.13" */
const release = (version: string) => version.split('.').slice(0, 2).join('.');

/** Starts peers for a part and notes why there is none, or in what they differ from us. */
function peerStarter(machine: Machine, notes: string[]): Context['peer'] {
  return async (script) => {
    try {
      const peer = await Peer.start(script, machine.threads);
      const { python, torch, threads, blasCore, blas } = peer.identity;
      notes.push(`peer: ${python}, torch ${torch}, ${threads} threads, BLAS ${blasCore} (${blas.join(', ')})`);
      if (release(torch) !== release(machine.libtorch))
        notes.push(`WARNING: the peer is torch ${torch}, we run on libtorch ${machine.libtorch}`);
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
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean' },
      skip: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const names = chosenParts(positionals);
  const { skip = [] } = values;
  if (skip.length > 0) await requirePieces(skip, names);
  watchCutOff();
  const quick = values.quick ?? false;
  const machine = measureMachine(quick);
  console.log(`machine\n${describeMachine(machine)}\n`);
  const report: Report = { date: new Date().toISOString(), quick, machine, parts: {} };
  const told = new Set<string>(); // the peer is the same in most parts
  for (const name of names) {
    if (cutOffBy() !== undefined) break;
    const result = await runPart(name, machine, { quick, skip });
    report.parts[name] = result;
    console.log(`${name}\n${table(result.rows)}`);
    for (const note of result.notes.filter((text) => !told.has(text))) console.log(`  · ${note}`);
    for (const note of result.notes) told.add(note);
    console.log();
  }
  const missing = names.filter((name) => !(name in report.parts));
  if (cutOffBy() !== undefined) {
    report.cutOff = true;
    console.log(`cut off${missing.length > 0 ? `; not begun: ${missing.join(', ')}` : ''}`);
    process.exitCode = 128 + constants.signals[cutOffBy()!];
  }
  if (values.json) writeFileAtomic(values.json, `${JSON.stringify(report, null, 2)}\n`);
}

/** Runs one part. What it throws becomes a note and exit code 1, so that it does not cost the other parts' results. */
async function runPart(
  name: string,
  machine: Machine,
  asked: Pick<Context, 'quick' | 'skip'>,
): Promise<Required<PartResult>> {
  const notes: string[] = [];
  const rows: Row[] = [];
  const log = (line: string) => process.stderr.write(`  … ${name}: ${line}\n`);
  try {
    const part = await parts[name]!();
    const result = await part.run({ ...asked, machine, rows, log, peer: peerStarter(machine, notes) });
    if (cutOffBy() !== undefined) notes.push('cut off: fewer samples than it takes');
    return { rows: result.rows, notes: [...notes, ...(result.notes ?? [])] };
  } catch (error) {
    if (error instanceof CutOff) return { rows, notes: [...notes, 'cut off: what it had by then'] };
    console.error(error);
    process.exitCode = 1;
    return { rows, notes: [...notes, `FAILED: ${(error as Error).message}`] };
  }
}

try {
  await main();
} catch (error) {
  const code = String((error as { code?: unknown }).code);
  const mistake = error instanceof UserError || code.startsWith('ERR_PARSE_ARGS') || code.startsWith('native-');
  console.error(mistake ? `bench: ${(error as Error).message}` : error);
  process.exitCode = mistake ? 2 : 1;
}
