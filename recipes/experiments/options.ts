// The command line of an experiment. Its --help is the comment that its file begins with, which says what it is for and what it
// takes; a mistake is one sentence and exit code 2.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** The comment that a file begins with. */
export function headOf(url: string): string {
  const [head = ''] = /^(?:\/\/.*\n)+/.exec(readFileSync(fileURLToPath(url), 'utf8')) ?? [];
  return head.replaceAll(/^\/\/ ?/gm, '');
}

/** The options of the experiment in the file `url` (its `import.meta.url`). Ends the process for --help, and for a mistake. */
export function experimentOptions<const T extends ParseArgsConfig>(url: string, config: T) {
  try {
    const help = { help: { type: 'boolean', short: 'h' } } as const;
    const parsed = parseArgs({ ...config, options: { ...config.options, ...help } });
    if (!(parsed.values as { help?: boolean }).help) return parsed as unknown as ReturnType<typeof parseArgs<T>>;
    process.stdout.write(headOf(url));
  } catch (error) {
    if (!String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')) throw error;
    process.stderr.write(`error: ${(error as Error).message}\n  → See --help.\n`);
    process.exit(2);
  }
  process.exit(0);
}
