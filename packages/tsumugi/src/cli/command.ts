// What a command's file exports: a `run` made from its option table and its action.
import { ConfigError, nearest } from '../base/index.ts';
import { type Io, processIo, write } from './io.ts';
import { describeOptions, formatRows, type OptionTable, type OptionValues, parseOptions } from './options.ts';

/** Runs a command with its arguments and returns the exit code. */
export type Run = (args: readonly string[], io?: Io) => Promise<number>;

export interface CommandSpec<T extends OptionTable> {
  /** The command as it is typed, e.g. `tsumugi score`. */
  command: string;
  /** What it does, in a sentence. */
  summary: string;
  /** How it is called, where that is more than its arguments and options. */
  usage?: string;
  /**
   * Names of the arguments that are no options; all must be given. A last one as in "FILE…" stands for any number, one as in "[FILE]"
   * for one or none.
   */
  positionals?: readonly string[];
  options: T;
  /** More for --help, e.g. the format of input and output. */
  details?: string;
}

/** A `run` that reads the options, answers --help, and does `action`, which returns the exit code (nothing means 0). */
export function defineCommand<const T extends OptionTable>(
  spec: CommandSpec<T>,
  action: (
    options: OptionValues<T>,
    io: Io,
    positionals: readonly string[],
    /** All arguments, as they were typed. */
    args: readonly string[],
    // biome-ignore lint/suspicious/noConfusingVoidType: an action without an exit code just ends.
  ) => Promise<number | void>,
): Run {
  const { command, positionals = [] } = spec;
  const many = positionals.at(-1)?.endsWith('…') ?? false;
  const mayLack = positionals.at(-1)?.startsWith('[') ?? false;
  const names = many || mayLack ? positionals.slice(0, -1) : positionals;
  return async (args, io = processIo) => {
    const { values, positionals: given, help } = parseOptions(spec.options, args, command);
    if (help) {
      await write(io.stdout, helpText(spec));
      return 0;
    }
    const missing = names[given.length];
    if (missing !== undefined) {
      throw new ConfigError('missing-argument', `${command} needs ${missing}`, { remedy: `See ${command} --help.` });
    }
    // As with options: an empty text would mean the current folder, taken as a path.
    const empty = given.indexOf('');
    if (empty >= 0) {
      const name = names[empty] ?? positionals.at(-1)?.replace('…', '') ?? 'nothing';
      throw new ConfigError('bad-argument', `${command}: expected ${name}, got ""`, {
        remedy: 'Name one; a shell variable may not be set.',
        fields: { argument: name },
      });
    }
    const extra = many ? undefined : given[positionals.length];
    if (extra !== undefined) {
      throw new ConfigError('unexpected-argument', `${command} does not know what "${extra}" is for`, {
        remedy: `See ${command} --help.`,
        fields: { argument: extra },
      });
    }
    await resolveFolders(spec.options, values, io);
    return (await action(values, io, given, args)) ?? 0;
  };
}

/** Puts the folder in the place of a name on the hub. */
async function resolveFolders(table: OptionTable, values: Record<string, unknown>, io: Io): Promise<void> {
  for (const [key, spec] of Object.entries(table)) {
    const value = values[key];
    if (spec.type !== 'string' || spec.hub === undefined || typeof value !== 'string') continue;
    const { folderOf } = await import('./hub-folder.ts');
    values[key] = await folderOf(value, spec.hub, io);
  }
}

function helpText(spec: CommandSpec<OptionTable>): string {
  const { command, summary, positionals = [], options, details } = spec;
  const { usage = [command, ...positionals, '[options]'].join(' ') } = spec;
  return `${command} — ${summary}\n\nUsage: ${usage}\n\nOptions:\n${describeOptions(options)}${details ? `\n${details.trimEnd()}\n` : ''}`;
}

export interface Subcommand {
  summary: string;
  run: Run;
}

/** A `run` that hands on to the subcommand its first argument names. */
export function defineGroup(command: string, summary: string, table: Readonly<Record<string, Subcommand>>): Run {
  const names = Object.keys(table);
  return async (args, io = processIo) => {
    const [name, ...rest] = args;
    if (name === '--help' || name === '-h') {
      const rows = names.map((each) => [each, table[each]!.summary] as const);
      const usage = `Usage: ${command} ${names.join('|')} [options]`;
      await write(io.stdout, `${command} — ${summary}\n\n${usage}\n\n${formatRows(rows)}`);
      return 0;
    }
    const chosen = name === undefined || !Object.hasOwn(table, name) ? undefined : table[name];
    if (chosen) return chosen.run(rest, io);
    const near = name === undefined ? undefined : nearest(name, names);
    throw new ConfigError(
      'unknown-subcommand',
      name === undefined ? `${command} needs to know what to do` : `${command} cannot "${name}"`,
      { remedy: near ? `Did you mean "${command} ${near}"?` : `Use one of: ${names.join(', ')}.` },
    );
  };
}
