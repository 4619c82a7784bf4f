// `tsumugi run`: runs a recipe; skips what is done and unchanged, goes on with what was cut off, keeps one report.
import { join, relative } from 'node:path';
import { ConfigError, signalExitCode } from '../base/index.ts';
import { dryRunRecipe, formatReport, type Recipe, runRecipe } from '../recipe/index.ts';
import { shrinkSource } from '../stages/index.ts';
import { defineCommand, type Run } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { type Io, printable, processIo, write } from './io.ts';
import { formatRows } from './options.ts';
import { listRecipes, loadRecipe, summaryOf } from './recipes.ts';
import { applySettings, readSettingsFile, settingsOptions } from './settings.ts';
import { withoutEffect } from './without-effect.ts';

const runCommand = defineCommand(
  {
    command: 'tsumugi run',
    summary: 'run a recipe: make what is missing or changed, and report',
    positionals: ['RECIPE'],
    options: {
      ...settingsOptions,
      out: { type: 'string', value: 'DIR', help: 'folder of artefacts and report (default runs/RECIPE)' },
      plan: { type: 'boolean', help: 'print plan and forecast, and stop' },
      dryRun: { type: 'boolean', help: 'run every stage once on something tiny, after the forecast, and keep nothing' },
      minutes: { type: 'number', min: 0, help: 'refuse what is forecast to take longer' },
      clean: { type: 'boolean', help: 'at the end, remove artefacts of other settings, and checkpoints' },
      list: { type: 'boolean', help: 'list the recipes' },
      json: { type: 'boolean', help: 'print the report as JSON' },
    },
    details:
      'RECIPE is a name from --list, or the path of a .ts file. With RECIPE --help, its settings are listed.\n' +
      'Ctrl-C saves and stops, a second one stops at once; the same command goes on. See docs/recipes.md.',
  },
  async (options, io, [name]) => {
    if (options.plan) withoutEffect('--plan prints and ends', { clean: options.clean });
    const recipe = await loadRecipe(name!);
    const file = readSettingsFile(options.config);
    const config = applySettings(recipe.config, file, options.set, options.config);
    const out = options.out ?? join('runs', recipe.name);
    if (options.dryRun) {
      const { plan, clean, minutes } = options;
      withoutEffect('--dry-run keeps nothing', { plan, clean, minutes });
      const { interrupted, report } = await dryRunRecipe(recipe, config, {
        out,
        stream: io.stderr,
        shrink: shrinkSource,
      });
      if (interrupted) return signalExitCode();
      const count = report.stages.length;
      if (options.json) await write(io.stdout, `${JSON.stringify(report)}\n`);
      else
        await write(
          io.stdout,
          `dry run of ${recipe.name}: ${count === 1 ? 'one stage' : `${count} stages`} ran on something tiny; nothing was kept\n`,
        );
      return 0;
    }
    const { interrupted, report } = await runRecipe(recipe, config, {
      out,
      stream: io.stderr,
      planOnly: options.plan,
      clean: options.clean,
      seconds: options.minutes === undefined ? undefined : options.minutes * 60,
    });
    if (options.json) await write(io.stdout, `${JSON.stringify(report)}\n`);
    else if (!options.plan) await write(io.stdout, `${formatReport(report)}\n\nreport: ${join(out, 'report.html')}\n`);
    if (!interrupted) return 0;
    io.stderr.write('saved; the same command goes on from here\n');
    return signalExitCode();
  },
);

export const run: Run = async (args, io) => {
  const asksHelp = args.includes('--help') || args.includes('-h');
  const [name] = args;
  if (args.includes('--list') && !asksHelp) {
    const other = args.find((arg) => arg.startsWith('--') && arg !== '--list' && arg !== '--json');
    if (other !== undefined) withoutEffect('--list prints the recipes and ends', { [other.slice(2)]: true });
    return list(args.includes('--json'), io);
  }
  if (name === undefined)
    throw new ConfigError('missing-argument', 'tsumugi run needs the name of a recipe, or the path of one', {
      remedy: `There are: ${listRecipes()
        .map((recipe) => recipe.name)
        .join(', ')}.`,
    });
  const code = await runCommand(args, io);
  if (asksHelp && !name.startsWith('-')) await describe(await loadRecipe(name), io);
  return code;
};

async function list(json: boolean, io: Io = processIo): Promise<number> {
  const found = listRecipes().map((recipe) => ({ ...recipe, summary: summaryOf(recipe) }));
  if (json) {
    await write(io.stdout, `${JSON.stringify(found)}\n`);
    return 0;
  }
  const rows = found.map(({ name, path, summary }): [string, string] => {
    const shown = printable(io.stdout, summary);
    return [name, [...(shown === '' ? [] : [shown]), relative('', path)].join(' — ')];
  });
  await write(io.stdout, rows.length > 0 ? formatRows(rows) : 'there are no recipes\n');
  return 0;
}

async function describe({ name, summary, config }: Recipe, io?: Io): Promise<void> {
  await write(io?.stdout ?? process.stdout, `\n${name} — ${summary}\n\n${settingsHelp(config)}`);
}
