// Command lines for a person to copy.
import { existsSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';

/** One word of it, quoted where a shell would take it apart. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** The command with its arguments, by the name under which a shell finds it here. */
export function commandLine(command: string, args: readonly string[]): string {
  return [...programWords(), command.replace(/^tsumugi /, ''), ...args.map(quoted)].join(' ');
}

/** `npx tsumugi` where npx brought us here, `tsumugi` where that is on the PATH, and otherwise Node with our file. */
function programWords(): string[] {
  if (process.env['npm_command'] === 'exec') return ['npx', 'tsumugi'];
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  if (folders.some((folder) => existsSync(join(folder, 'tsumugi')))) return ['tsumugi'];
  const file = process.argv[1] ?? 'tsumugi';
  const near = relative('', file);
  return ['node', quoted(near.startsWith('..') ? file : near)];
}

/** The command that goes on with the run in `out`, which has the settings. */
export const resumeCommand = (command: string, out: string, json: boolean): string =>
  commandLine(command, ['--out', out, '--resume', ...(json ? ['--json'] : [])]);
