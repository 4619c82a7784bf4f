// A command line as it can be typed again.

/** One word of it, quoted where a shell would take it apart. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** The command with its arguments. */
export function commandLine(command: string, args: readonly string[]): string {
  const npx = process.env['npm_command'] === 'exec' ? ['npx'] : [];
  return [...npx, command, ...args.map(quoted)].join(' ');
}

/** The command with its arguments, and `--resume` unless that is among them. */
export const resumeCommand = (command: string, args: readonly string[]): string =>
  commandLine(command, args.includes('--resume') ? args : [...args, '--resume']);
