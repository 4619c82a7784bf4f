// Command lines for a person to copy.
import { existsSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';

/** One word of it, quoted where a shell would take it apart. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Words as a shell reads them. */
export const shellWords = (words: readonly string[]): string => words.map(quoted).join(' ');

/** The command with its arguments, by the name under which a shell finds it here. */
export function commandLine(command: string, args: readonly string[]): string {
  return [...programWords(), command.replace(/^tsumugi /, ''), shellWords(args)].join(' ').trimEnd();
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

/** The command that goes on with the run in `out`, which has the settings; as several processes where this is one of several. */
export function resumeCommand(command: string, out: string, json: boolean): string {
  const launched = process.env['TSUMUGI_LAUNCH'];
  const line = commandLine(command, ['--out', out, '--resume', ...(json ? ['--json'] : [])]);
  const program = programWords().join(' ');
  return launched === undefined ? line : `${program} launch ${launched} --${line.slice(program.length)}`;
}
