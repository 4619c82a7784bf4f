// The `tsumugi` command: finds the command, loads its file only then, and turns errors into one sentence and an exit code.
import { honourNohup, ownPackage, signalExitCode, steady, UserError, whyNotWritten } from '../base/index.ts';
import { commands, findCommand } from './commands.ts';
import { reportError, reportStrays } from './failures.ts';
import { type Io, processIo, write } from './io.ts';
import { requireAlone } from './launchable.ts';
import { formatRows } from './options.ts';

function help(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const);
  return `tsumugi ${ownPackage().version} — spin Japanese language models

Usage: tsumugi <command> [options]      (tsumugi <command> --help: its options)

${formatRows(rows)}
${formatRows([
  ['--version', 'show the version'],
  ['--debug', 'show the stack of an error'],
])}`;
}

/** Results that could not be written to standard output. */
function outputLost(cause: unknown): unknown {
  const reason = whyNotWritten(cause);
  if (reason === undefined) return cause;
  return new UserError('cannot-write', `the results cannot be written to standard output: ${reason}`, {
    remedy: 'Send them to another place, and run the command again.',
    cause,
  });
}

/** Runs the command line (without `node` and the script) and returns the exit code. Never throws. */
export async function main(argv: readonly string[], io: Io = processIo): Promise<number> {
  const debug = argv.includes('--debug');
  const [name, ...args] = argv.filter((argument) => argument !== '--debug');
  honourNohup();
  steady(io.stderr);
  if (io === processIo) reportStrays(io.stderr, debug);
  // The reader of our output has gone (`… | head`, a closed terminal): there is nobody to tell.
  let lost: Error | undefined;
  const leave = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'EIO') process.exit(signalExitCode());
    lost = error;
  };
  io.stdout.on('error', leave);
  try {
    if (name === 'help' && args[0] !== undefined) return await main([args[0], '--help'], io);
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      await write(name === undefined ? io.stderr : io.stdout, help());
      return name === undefined ? 2 : 0;
    }
    if (name === '--version' || name === '-v') {
      await write(io.stdout, `${ownPackage().version}\n`);
      return 0;
    }
    const command = findCommand(name);
    requireAlone(name, args);
    const { run } = await command.load();
    const code = await run(args, io);
    // When results cannot be written (a full disk), the stream says so a moment later.
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (lost) throw lost;
    return code;
  } catch (error) {
    return reportError(error === lost ? outputLost(error) : error, io.stderr, debug);
  } finally {
    io.stdout.off('error', leave);
  }
}
