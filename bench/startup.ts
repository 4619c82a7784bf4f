// How long the command line takes to answer `--help`, and whether it loads the addon to do so (it must not).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UserError } from 'tsumugi/base';
import type { Context, PartResult } from './lib/part.ts';
import { row } from './lib/row.ts';
import { interleave, seconds } from './lib/sampling.ts';

const command = fileURLToPath(new URL('../packages/tsumugi/bin/tsumugi.js', import.meta.url));

function runNode(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0)
    throw new UserError('startup-failed', `node ${args.join(' ')} ended with status ${status}: ${stderr.trim()}`);
  return stdout;
}

/** Whether `tsumugi --help` has the addon or libtorch among its libraries when it ends. */
export function loadsAddon(): boolean {
  const report =
    "process.on('exit', () => console.log('LIBRARIES ' + process.report.getReport().sharedObjects.join(' ')))";
  const output = runNode(['--import', `data:text/javascript,${encodeURIComponent(report)}`, command, '--help']);
  const libraries = /^LIBRARIES (.*)$/m.exec(output)?.[1];
  if (libraries === undefined) throw new UserError('startup-failed', `${command} --help left no list of its libraries`);
  return /\.node\b|libtorch/.test(libraries);
}

export async function run(context: Context): Promise<PartResult> {
  if (!existsSync(command)) throw new UserError('startup-failed', `${command} does not exist`);
  const milliseconds = await interleave(context.quick ? 3 : 15, {
    help: () => 1e3 * seconds(() => void runNode([command, '--help'])),
    node: () => 1e3 * seconds(() => void runNode(['-e', '0'])),
  });
  const addon = loadsAddon();
  return {
    rows: [
      row({
        name: 'tsumugi --help',
        unit: 'ms',
        better: 'lower',
        ours: milliseconds.help,
        goal: { of: 'value', bound: 150 },
      }),
      row({ name: 'node -e 0, for comparison', unit: 'ms', better: 'lower', ours: milliseconds.node }),
    ],
    notes: [addon ? 'MISSED: it loads the native addon' : 'the native addon is not loaded'],
  };
}
