// Options that a text of tsumugi's names exist: a remedy that names another sends people in a circle.
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';

const src = fileURLToPath(new URL('../packages/tsumugi/src/', import.meta.url));

/** What the commands that tsumugi starts or names take. */
const foreign = new Set([
  '--no-audit',
  '--no-fund',
  '--ignore-scripts',
  '--pack-destination',
  '--porcelain',
  '--logdir',
  '--check',
  '--long',
  '--omit',
  '--merge',
  '--untracked-files',
  '--trust-remote-code',
  '--standalone',
  '--rdzv-backend',
]);

/** The options in what `tsumugi …command --help` prints, of the command and of its subcommands. */
async function optionsOf(...command: string[]): Promise<string[]> {
  const { stdout, stderr } = await runCli([...command, '--help']);
  const text = stdout + stderr;
  const own = Array.from(text.matchAll(/(?<![\w-])--[a-z][a-z-]*/g), ([option]) => option);
  const inner = /^Usage: tsumugi [a-z ]*?([a-z]+(?:\|[a-z]+)+) /m.exec(text)?.[1]?.split('|') ?? [];
  const below = inner.map((name) => optionsOf(...command, name));
  return [...own, ...(await Promise.all(below)).flat()];
}

/** The texts in quotes of a module, without its comments. */
const texts = (source: string): string =>
  (source.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '').match(/(['"`])(?:\\.|(?!\1).)*\1/g) ?? []).join('\n');

it('names no option that is not there', async () => {
  const help = (await runCli(['--help'])).stdout;
  const commands = Array.from(help.matchAll(/^ {2}([a-z]+) /gm), ([, command]) => command!);
  for (const command of ['pretrain', 'merge', 'gan', 'score']) expect(commands).toContain(command);
  const known = new Set([
    ...foreign,
    '--help',
    '--debug',
    '--version',
    ...(await Promise.all(commands.map((command) => optionsOf(command)))).flat(),
  ]);
  for (const option of ['--vocabulary-size', '--resume', '--held-out', '--judge-model', '--weights', '--top-k'])
    expect(known).toContain(option);
  const named = globSync('**/*.ts', { cwd: src })
    .filter((file) => !/^draw\/|\.(test|testing)\.ts$/.test(file))
    .flatMap((file) =>
      Array.from(texts(readFileSync(src + file, 'utf8')).matchAll(/(?<![\w-])--([a-z][a-z-]+)\b/g), ([option]) => ({
        file,
        option,
      })),
    );
  expect(named.length).toBeGreaterThan(60);
  expect(named.filter(({ option }) => !known.has(option))).toEqual([]);
});
