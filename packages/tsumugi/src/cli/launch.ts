// `tsumugi launch`: starts a training as several processes, on this machine or as its part of several machines.
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../base/index.ts';
import { freePort, type Layout, launch, requireFreePort } from '../mesh/launch/index.ts';
import { defineCommand, type Run } from './command.ts';
import { commandLine, shellWords } from './command-line.ts';
import { commands, findCommand } from './commands.ts';
import type { Io } from './io.ts';
import { launchable, requireLaunchable } from './launchable.ts';
import type { OptionTable, OptionValues } from './options.ts';
import { withoutEffect } from './without-effect.ts';

const options = {
  processes: { type: 'integer', min: 1, required: true, help: 'processes on this machine' },
  nodes: { type: 'integer', min: 1, help: 'machines: each runs this command, with as many processes' },
  nodeRank: { type: 'integer', min: 0, value: 'I', help: 'which of the machines this one is, from 0' },
  master: {
    type: 'string',
    value: 'HOST:PORT',
    help: 'where they meet: an address of machine 0, and a free port there',
  },
  noPin: { type: 'boolean', help: 'let processes move between cores' },
  graceSeconds: {
    type: 'number',
    min: 0,
    default: 30,
    help: 'how long the others may take to end when one has failed',
  },
} as const satisfies OptionTable;

const details = `
Commands: ${launchable.join(', ')}.

Each process keeps to cores of its own, and has a thread for each of them, or as many as TSUMUGI_THREADS says. What rank 0
prints is printed as it is; what others write to standard error begins with their rank, and their standard output is left
out, but for its last lines when they fail. The exit code is that of the first process that fails.`;

/** What was typed before the "--", and the command after it. */
function splitAtDashes(args: readonly string[]): [own: readonly string[], command: readonly string[]] {
  const at = args.indexOf('--');
  if (at >= 0) return [args.slice(0, at), args.slice(at + 1)];
  const word = args.findIndex((arg) => Object.hasOwn(commands, arg));
  if (word < 0) return [args, []];
  const line = commandLine('tsumugi launch', [...args.slice(0, word), '--', ...args.slice(word)]);
  throw new ConfigError('no-dashes', 'tsumugi launch needs "--" before the command', {
    remedy: `Write: ${line}`,
  });
}

/** Where the processes are, and where they meet. @throws ConfigError when the options do not fit together */
async function layoutOf(values: OptionValues<typeof options>): Promise<Layout> {
  const { processes, nodes, nodeRank, master } = values;
  if (nodes === undefined) withoutEffect('without --nodes there is one machine', { nodeRank, master });
  if (nodes === undefined || (nodes === 1 && master === undefined && nodeRank === undefined))
    return { processes, nodes: 1, nodeRank: 0, address: '127.0.0.1', port: await freePort() };
  const missing = nodeRank === undefined ? '--node-rank I' : '--master HOST:PORT';
  if (nodeRank === undefined || master === undefined)
    throw new ConfigError('missing-option', `tsumugi launch with --nodes ${nodes} needs ${missing}`, {
      remedy: 'Every machine gets the same --nodes and --master, and a --node-rank of its own.',
    });
  if (nodeRank >= nodes)
    throw new ConfigError(
      'bad-option',
      `--node-rank: expected a whole number from 0 to ${nodes - 1}, got "${nodeRank}"`,
      {
        remedy: `Of ${nodes} machines the first is 0.`,
        fields: { option: '--node-rank', received: nodeRank },
      },
    );
  const { address, port } = readMaster(master);
  if (nodeRank === 0) await requireFreePort(port);
  return { processes, nodes, nodeRank, address, port };
}

function readMaster(text: string): { address: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([\da-fA-F:.%\w]+)\]|([^:[\]]+)):(\d+)$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  const port = Number(digits);
  if (address !== undefined && port >= 1 && port <= 65_535) return { address, port };
  throw new ConfigError('bad-option', `--master: expected HOST:PORT, got "${text}"`, {
    remedy: 'For example 10.0.0.1:29500, or [fd00::1]:29500.',
    fields: { option: '--master', received: text },
  });
}

/** @throws ConfigError when something else has started this process as one of several already */
function requireNoRank(nodes: number | undefined): void {
  const [rank, world] = [process.env['RANK'], process.env['WORLD_SIZE']];
  if (nodes !== undefined || rank === undefined || world === undefined || world === '1') return;
  throw new ConfigError(
    'launched-twice',
    `this process is rank ${rank} of ${world} already (RANK and WORLD_SIZE are set)`,
    {
      remedy: 'What set them starts the processes: leave launch out. Or say with --nodes which machines there are.',
    },
  );
}

/** @param own what was typed before the "--" */
async function start(
  values: OptionValues<typeof options>,
  own: readonly string[],
  command: readonly string[],
  io: Io,
): Promise<number> {
  const { processes, nodes, noPin, graceSeconds } = values;
  if (command.length === 0)
    throw new ConfigError('missing-argument', 'tsumugi launch needs a command after "--"', {
      remedy: `Name a training: ${launchable.join(', ')}.`,
    });
  requireLaunchable(command);
  requireNoRank(nodes);
  const layout = await layoutOf(values);
  const [name, ...args] = command as readonly [string, ...string[]];
  if (processes * layout.nodes === 1) return await (await findCommand(name).load()).run(args, io);
  const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));
  // `main` has taken it away for all commands.
  const debug = process.argv.includes('--debug') ? ['--debug'] : [];
  return await launch({
    command: [process.execPath, ...process.execArgv, bin, ...command, ...debug],
    layout,
    pin: !noPin,
    graceSeconds,
    env: { TSUMUGI_LAUNCH: shellWords(own) },
    stderr: io.stderr,
  });
}

export const run: Run = async (args, io) => {
  const [own, command] = splitAtDashes(args);
  const launcher = defineCommand(
    {
      command: 'tsumugi launch',
      usage: 'tsumugi launch --processes N [options] -- COMMAND [options of COMMAND]',
      summary: 'start a training as several processes, on one machine or more',
      options,
      details,
    },
    (values, io) => start(values, own, command, io),
  );
  return await launcher(own, io);
};
